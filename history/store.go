package history

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A Kind says what a row of an archive is.
type Kind uint8

// The bits of a Kind.
const (
	Sent      Kind = 1 << iota // the owner sent it
	Waits                      // it is to reach a client of the owner's that does not ask the archive (XEP-0160)
	Tombstone                  // its content has been retracted (XEP-0424 §5)
	Hidden    Kind = 1 << 6    // it may be kept, but not archived: XEP-0313 does not see it, and it goes when a client has it
)

// An Entry is one message in one archive.
type Entry struct {
	Owner xmpp.JID // bare: an account, or a room
	Peer  xmpp.JID // bare: who else it concerns
	Kind  Kind

	ID int64 // set by the commit
}

// An Append is the write that puts a message into the archives of those whom it concerns, under ids that rise in their order.
// Ids are given at the commit, by one writer, in the order of commits: (milliseconds since 1970) << 20 | counter.
type Append struct {
	Entries []Entry // one or two; the sender's first
	Stanza  []byte  // the whole element, shared by the entries; not changed any more
	Inner   int     // where that begins which a resend has, too: the content, or, if the digest is enough to know it by, the end

	// Digest recognises a message that a client sends again because it did not hear what became of it; 0: never. It covers the sender's account, to, type,
	// id and content. Stream names the stream that it came on: the same on one stream is another message, the same on a later stream within
	// seven days is a resend. A resend is not stored: Resent is set, and the entries get the ids of the first copy.
	Digest int64
	Stream int64
	Resent bool

	moving *transit // of the account to which the last entry is to be delivered, or nil
}

var _ server.Noted = (*Append)(nil)

// Committed is part of server.Noted.
func (a *Append) Committed() {
	if a.moving == nil || a.Resent {
		return
	}
	e := &a.Entries[len(a.Entries)-1]
	a.moving.add(e.ID, e.Kind&Hidden != 0)
}

// Owner is part of server.Write.
func (a *Append) Owner() xmpp.JID { return a.Entries[0].Owner }

// A Bury replaces the content of a row by a tombstone, if the row is still there.
type Bury struct {
	Archive xmpp.JID
	ID      int64
	Stanza  []byte
}

// Owner is part of server.Write.
func (b *Bury) Owner() xmpp.JID { return b.Archive }

// A Reached says that everything up to an id has reached a client of the account; Hidden rows among Gone go.
type Reached struct {
	Account xmpp.JID
	Upto    int64
	Gone    []int64 // rows that are Hidden and have reached a client
}

// Owner is part of server.Write.
func (r *Reached) Owner() xmpp.JID { return r.Account }

// A Query asks for rows of an archive. Ids are exclusive bounds; 0 is none.
type Query struct {
	Owner         xmpp.JID
	With          xmpp.JID // zero: whoever; bare: whatever the resource; full: only what has this very address
	After, Before int64
	IDs           []int64 // if not nil: only these
	Limit         int
	Peers         bool // rows tell whom else they concern
	Backwards     bool // the last ones and not the first ones; rows come in rising order either way
}

// A Row is a message as it is stored.
type Row struct {
	ID     int64
	Kind   Kind
	Stanza []byte
	Peer   xmpp.JID // bare; only if the Query asked for it
}

// Time is when the message was archived.
func (r Row) Time() time.Time { return TimeOf(r.ID) }

// idBits is how many bits of an id are its counter.
const idBits = 20

// TimeOf is the time that an id was given at.
func TimeOf(id int64) time.Time { return time.UnixMilli(id >> idBits).UTC() }

// FirstAt is an id that is not above any that was given at this time or later, and above all that were given before.
func FirstAt(t time.Time) int64 { return t.UnixMilli() << idBits }

// A Store keeps archives. Its errors are server.ErrAway, or what is to be logged.
type Store interface {
	server.Committer
	// Rows gives what a Query asks for, Hidden rows left out.
	Rows(ctx context.Context, q Query) ([]Row, error)
	// Count is how many rows a Query would give without its Limit.
	Count(ctx context.Context, q Query) (int, error)
	// ByID gives these rows, Hidden ones too, in rising order; those that are not there any more are left out.
	ByID(ctx context.Context, owner xmpp.JID, ids []int64) ([]Row, error)
	// Waiting gives the rows that Waits, without their stanzas, above after and above what Reached has said, in rising order, at most limit; Hidden ones too.
	Waiting(ctx context.Context, owner xmpp.JID, after int64, limit int) ([]Row, error)
	// Upto is what Reached has said last.
	Upto(ctx context.Context, owner xmpp.JID) (upto int64, err error)
	// Expire deletes rows with ids below before of all archives at a domain, be it one of accounts or of rooms, at most limit, and tells how many.
	Expire(ctx context.Context, domain string, before int64, limit int) (n int, err error)

	// Datum loads a small text of an account's; empty if there is none.
	Datum(ctx context.Context, owner xmpp.JID, kind, key string) (string, error)
	// SetData changes texts of one kind by key, in one transaction, and returns once that is durable. An empty text deletes the key.
	SetData(ctx context.Context, owner xmpp.JID, kind string, change map[string]string) error
}
