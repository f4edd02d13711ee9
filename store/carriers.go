package store

import (
	"context"
	"reflect"

	"palabre/server"
	"palabre/xmpp"
)

// A carrier carries out one write in a transaction. It may run more than once before the commit, so what it leaves in the
// write is set, never added to.
type carrier func(ctx context.Context, t *turn, w server.Write) error

// A turn is one transaction of the writer, as carriers see it.
type turn struct {
	tx
	ids     *interner
	clock   *archiveClock
	appends []appending        // what is to go to the archives, and is not there yet: see flush
	hides   bool               // an archive: see eraser
	counts  map[counter]uint32 // the counts of streams, as they are to be stored: see flushCounts
}

// carriers is the one place that knows how each type of write is carried out.
func (s *Store) carriers() map[reflect.Type]carrier {
	m := map[reflect.Type]carrier{}
	carries(m, runCall)
	carries(m, s.changeRoster)
	carries(m, appendEntries)
	carries(m, say)
	carries(m, bury)
	carries(m, reached)
	carries(m, count)
	carries(m, forget)
	carries(m, changeNodes)
	carries(m, changeData)
	carries(m, saveRoom)
	carries(m, affiliate)
	carries(m, begin)
	carries(m, finish)
	carries(m, part)
	carries(m, position)
	carries(m, destroy)
	carries(m, queueMail)
	carries(m, toldOfMail)
	return m
}

func carries[W server.Write](m map[reflect.Type]carrier, fn func(context.Context, *turn, W) error) {
	m[reflect.TypeFor[W]()] = func(ctx context.Context, t *turn, w server.Write) error { return fn(ctx, t, w.(W)) }
}

// A call is a write that one of the Store's own methods waits for.
type call struct {
	owner xmpp.JID
	ctx   context.Context // of who waits
	fn    func(context.Context, *turn) error
}

// Owner is the account concerned, or the zero JID.
func (c *call) Owner() xmpp.JID { return c.owner }

func runCall(ctx context.Context, t *turn, c *call) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	return c.fn(ctx, t)
}

// write has fn carried out by the writer, in its turn, and waits until it is committed. fn may run more than once.
func (s *Store) write(ctx context.Context, owner xmpp.JID, fn func(context.Context, *turn) error) error {
	done := make(chan error, 1)
	s.Commit([]server.Write{&call{owner, ctx, fn}}, func(err error) { done <- err })
	return <-done
}
