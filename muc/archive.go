package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// An Archive keeps what is said in rooms, under the address of the room. Package history provides it.
type Archive interface {
	// Keeps tells whether there are archives for the rooms of a domain.
	Keeps(service string) bool
	// Worth tells whether a message to a room is for its archive: not what tells of the moment only, nor what asks not to be stored.
	Worth(st *xmpp.Stanza) bool
	// Entry makes the write that puts a message into a room's archive. st is the message as occupants get it: from the room's nick, and without what its sender
	// has forged. sent is as it came from its sender; nil for what the room says itself. stream names the stream that it came on, by which a resend is told from
	// a second message; empty if there is none. If st ends with an <x/> of muc#user, that says who has sent it, and is shown to those only who may know.
	Entry(room xmpp.JID, st, sent *xmpp.Stanza, stream string) Entry
	// Bury makes the write that puts a tombstone in the place of a message: what stands inside it from now on.
	Bury(room xmpp.JID, row Row, inner string) server.Write
	// Name is how an id is shown to clients, Number the way back; ok tells whether it is one.
	Name(room xmpp.JID, id int64) string
	Number(room xmpp.JID, name string) (id int64, ok bool)
	// Rows gives messages within the intervals, the oldest first.
	Rows(ctx context.Context, room xmpp.JID, q RowQuery) ([]Row, error)
	// Versions are a message and what its sender has put in its place before or after (XEP-0308).
	Versions(ctx context.Context, room xmpp.JID, row Row) ([]Row, error)
	// Serve answers a request of XEP-0313 for what somebody may see: a query, its form, metadata. The room has been found to be one that r may read.
	Serve(ctx context.Context, r *server.Request, v View) (xmpp.Element, error)
	// Features are those of a room that has an archive.
	Features() []string
}

// A View is what somebody may see of a room's archive.
type View struct {
	// Within gives the intervals. The answer to a request may have to wait, and who asks may be put out meanwhile: so it is asked when the rows are read, and again
	// before they are sent. It is called on another goroutine than Serve was, and takes the room's lock by itself.
	Within func() []Interval
	// Senders tells whether who asks may know who is behind a nick: only then do they see that (XEP-0313 §6.1.2), and may ask for what somebody has sent (§4.1.1).
	Senders bool
}

// An Entry is the write of a message.
type Entry interface {
	server.Write
	ID() int64    // after the commit
	Resent() bool // after the commit: it is stored already, under ID, and has been told
}

// A RowQuery asks for rows of a room's archive.
type RowQuery struct {
	Within []Interval // what may be seen; none: nothing
	Last   int        // at most so many, the last ones; 0: as many as there are IDs
	IDs    []int64    // if not nil: only these
	Since  time.Time  // zero: whenever
}

// A Row is a message in a room's archive.
type Row struct {
	ID        int64
	Stanza    *xmpp.Stanza // as occupants got it
	Who       string       // the <x/> that says who has sent it, as XML; empty if there is none. A tombstone keeps it
	Sender    xmpp.JID     // bare: who sent it; the room, if it did
	Tombstone bool         // its content has been taken out
}
