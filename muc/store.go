package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A Stored room is what is kept of one: everything but what was said.
type Stored struct {
	Config  Config
	Created time.Time
	Subject Subject
	Avatar  string   // the vCard, as XML; empty if there is none
	Members []Person // all with an affiliation, and all who have had an interval
}

// A Subject is what a room is about just now (XEP-0045 §8.1).
type Subject struct {
	Text string    // what stands inside the message, as XML: every language has a <subject/>
	Nick string    // whose
	At   time.Time // when
}

// A Person is somebody with an affiliation to a room, or who has had one.
type Person struct {
	Account     xmpp.JID // bare
	Affiliation Affiliation
	Nick        string     // reserved (XEP-0045 §7.10), or empty
	Reason      string     // why, as whoever did it says
	Joined      int64      // numbers members in the order in which they became so; see Affiliate
	Last        int64      // the position of the end of their last presence; 0: never noted
	Intervals   []Interval // of membership, in their order
}

// An Interval is a part of a room's order: what lies behind Since and before Until. Positions are ids of archives (see package history): those of messages
// rise with them.
type Interval struct {
	Since int64
	Until int64 // 0: it goes on
}

// Listed is a room as it stands in lists.
type Listed struct {
	Room        xmpp.JID
	Config      Config
	Created     time.Time
	Members     int         // with an affiliation above None
	Affiliation Affiliation // RoomsOf: of the account
}

// A Store keeps rooms. Its errors are server.ErrAway, or what is to be logged.
type Store interface {
	server.Committer
	// Room gives a room; nil if there is none.
	Room(ctx context.Context, room xmpp.JID) (*Stored, error)
	// Gone tells when the room with this address has gone; zero if that is not known.
	Gone(ctx context.Context, room xmpp.JID) (at time.Time, err error)
	// Rooms lists rooms of a service in the order of their names, behind a local part, at most limit. public leaves out those that are not.
	Rooms(ctx context.Context, service string, q RoomQuery) ([]Listed, error)
	// CountRooms tells how many rooms a service has.
	CountRooms(ctx context.Context, service string, public bool) (int, error)
	// RoomsOf lists the rooms that know an account, at all services: by an affiliation, or, if that is None, by intervals. What they know goes with the account.
	RoomsOf(ctx context.Context, account xmpp.JID) ([]Listed, error)
	// Ending lists rooms that are not persistent, or have an end, or vanish when they are empty: who keeps time looks after them.
	Ending(ctx context.Context) ([]Listed, error)
}

// A RoomQuery asks for a part of the rooms of a service.
type RoomQuery struct {
	After  string // a local part; empty: from the first one on
	Limit  int
	Public bool
	Name   string // part of the room's name or local part, in lower case; empty: whichever
}

// The writes below are carried out in their order, with the archive's. Position is the clock of the archive: each takes an id that is above all ids given
// before, and below all given later.

// Save makes a room, or changes what is kept of one that there is; members stay as they are.
type Save struct {
	Room    xmpp.JID
	New     bool // makes it, if there is none
	Config  Config
	Created time.Time
	Subject Subject
	Avatar  string
}

// Owner is part of server.Write.
func (w *Save) Owner() xmpp.JID { return w.Room }

// Affiliate gives somebody an affiliation, a reserved nick and a reason. None ends the membership; the row stays as long as there are intervals. Who becomes
// something, having been nothing or an outcast, gets a new place in the order of members.
type Affiliate struct {
	Room, Account xmpp.JID
	Affiliation   Affiliation
	Nick, Reason  string
	Joined        int64 // set by the commit: Person.Joined
}

// Owner is part of server.Write.
func (w *Affiliate) Owner() xmpp.JID { return w.Room }

// Begin begins an interval of somebody's membership. One that goes on is left as it is, and At is where it began.
type Begin struct {
	Room, Account xmpp.JID
	At            int64 // set by the commit
}

// Owner is part of server.Write.
func (w *Begin) Owner() xmpp.JID { return w.Room }

// Finish ends an interval, if one goes on.
type Finish struct {
	Room, Account xmpp.JID
	At            int64 // set by the commit
}

// Owner is part of server.Write.
func (w *Finish) Owner() xmpp.JID { return w.Room }

// Part notes where somebody with a row was last inside.
type Part struct {
	Room, Account xmpp.JID
	At            int64 // set by the commit
}

// Owner is part of server.Write.
func (w *Part) Owner() xmpp.JID { return w.Room }

// Position takes a place in the order.
type Position struct {
	Room xmpp.JID
	At   int64 // set by the commit
}

// Owner is part of server.Write.
func (w *Position) Owner() xmpp.JID { return w.Room }

// Destroy deletes a room with all that is kept of it; its archive is not seen any more from that moment on, and goes bit by bit.
type Destroy struct {
	Room xmpp.JID
	Gone time.Time // when it went, if the address is to be known as that of a room that is gone; else zero
}

// Owner is part of server.Write.
func (w *Destroy) Owner() xmpp.JID { return w.Room }
