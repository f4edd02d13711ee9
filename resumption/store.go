package resumption

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A Counted is the write that remembers, in one transaction with what a stanza writes, that the stanza is handled. Of several for one stream in a transaction the
// highest is enough. A stream of an account that is not there any more is not remembered.
type Counted struct {
	Account xmpp.JID // bare
	ID      string   // of the stream
	Handled uint32   // modulo 2^32; it never goes back

	of *managed
}

// Owner is part of server.Write.
func (c *Counted) Owner() xmpp.JID { return c.Account }

// Committed is part of server.Noted.
func (c *Counted) Committed() { c.of.committed(c.Handled) }

var _ server.Noted = (*Counted)(nil)

// A Forgotten is the write that forgets a stream.
type Forgotten struct {
	Account xmpp.JID
	ID      string

	of *managed // that goes on; nil: it has ended
}

// Owner is part of server.Write.
func (f *Forgotten) Owner() xmpp.JID { return f.Account }

// Committed is part of server.Noted.
func (f *Forgotten) Committed() {
	if f.of != nil {
		f.of.erased()
	}
}

// A Row is a stream with its session, while the server is down.
type Row struct {
	Account xmpp.JID
	ID      string
	Handled uint32
	At      time.Time
	Session []byte
}

// A Store keeps streams. It carries out a Counted and a Forgotten. Its errors are server.ErrAway, or what is to be logged.
type Store interface {
	server.Committer
	// Handled is what the last Counted of a stream of an account said; ok tells whether there is one.
	Handled(ctx context.Context, account xmpp.JID, id string) (h uint32, ok bool, err error)
	// SaveSessions stores these, all or none.
	SaveSessions(ctx context.Context, rows []Row) error
	// SavedSessions calls fn with each stored session of an account that may log in. An error of fn's ends it.
	SavedSessions(ctx context.Context, fn func(Row) error) error
	// DropSessions forgets all stored sessions; their streams stay. From then on, SavedSessions finds none.
	DropSessions(ctx context.Context) error
	// ForgetStreams forgets those that nothing has been heard of since a time, but for those with a session.
	ForgetStreams(ctx context.Context, before time.Time) error
}
