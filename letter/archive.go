package letter

import (
	"context"
	"time"

	"palabre/xmpp"
)

// An Archive has what was said. Package history provides it.
type Archive interface {
	// Read calls fn for one message after the other, until it has an error, which comes back.
	Read(ctx context.Context, r Reading, fn func(Row) error) error
	// Number is the id of a room's message by the name that clients know it by; ok tells whether it is one.
	Number(name string) (id int64, ok bool)
}

// A Reading is what of an archive is wanted.
type Reading struct {
	Archive      xmpp.JID  // bare: a room, or an account
	With         xmpp.JID  // in an account's archive: the other one; full: an occupant of a room. Zero in a room's
	Within       []Span    // what may be seen; none: nothing
	IDs          []int64   // if not nil: only these
	Before       int64     // only what is below this id; 0: whatever there is
	Since, Until time.Time // zero: whenever
	Backwards    bool      // the newest first
}

// A Span is a part of an archive: what lies behind Since and before Until, which are ids.
type Span struct {
	Since int64
	Until int64 // 0: it goes on
}

// A Row is a message of an archive.
type Row struct {
	ID        int64 // rises with time
	At        time.Time
	Stanza    *xmpp.Stanza
	Sender    xmpp.JID // bare: who has sent it; in a room, the room for what it says by itself
	Tombstone bool     // its content was taken back
}
