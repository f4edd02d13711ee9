package chaos

import (
	"strings"
	"time"

	"palabre/xmpp"
)

// A RoomHistory is all that a run in rooms has noted. Send.To is a room's number.
type RoomHistory struct {
	Sends    [][]Send // by sender, by number
	Rooms    []RoomRecord
	Breaches []string // what the server said that it must never say
}

// A RoomRecord is what is known of one room.
type RoomRecord struct {
	Hushed  bool       // who is inside is not told to all
	Archive []Sighting // in its order, as somebody reads it who has been a member since it was made and has never left
	Members []Member   // by account
}

// A Member is somebody who may have been inside.
type Member struct {
	Memberships []Membership // in their order
	View        []Sighting   // what they read in the archive at the end; nil, and not Refused: nobody has looked
	Refused     bool         // they were not let
	Member      bool         // they are one at the end, as far as they know
	Doubtful    bool         // or may be one all the same
}

// A Membership is a time of belonging to a room, as the member knows it. What was acknowledged before Asked was said before it, what was first sent after
// Inside and acknowledged before Quit was said within, what was first sent after Gone was said after it. A time that never came is 0.
type Membership struct {
	Asked  time.Duration // when they first asked to come in, having been invited
	Inside time.Duration // when they first knew that they were in
	Quit   time.Duration // when they first asked to leave for good
	Gone   time.Duration // when they knew that they had
	Tries  int           // how often they asked before they knew that they were in; more than once: it is not known which one it was
	Stays  []*Stay
}

// A Stay is one time of being inside without a break, on one session. What is said meanwhile is told in the order of the archive, and nothing is left out.
type Stay struct {
	Since  time.Duration // when it was known that they were in; 0: never
	Past   []Sighting    // what they were told at the beginning of what had been said (XEP-0045 §7.2.13)
	Log    []Sighting    // what they heard
	End    Ending
	Quits  bool  // it ended with the membership
	Others []int // End is Inside: the accounts that they believe to be inside, in order
}

// An Ending is how a stay ends.
type Ending uint8

// Endings.
const (
	Lost   Ending = iota // with the session, so that the last that was told may not have come
	Left                 // in the room's order: everything that was said before was told
	Inside               // it has not ended
)

// roomName is the local part of a room's address.
func roomName(room int) string { return "r" + Name(room)[1:] }

// sightRoom makes of what stands in a room's archive, or was told by the room, what it is to be judged by. An occupant's nick is the local part of their account's address.
func (t tag) sightRoom(from xmpp.JID, id, body, archiveID string) Sighting {
	return t.sight(carried{from: from.Resource(), to: strings.TrimPrefix(from.Local(), "r"), id: id, body: body}, archiveID)
}
