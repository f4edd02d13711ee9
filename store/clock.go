package store

import (
	"context"
	"time"

	"palabre/history"
)

// reserve is how far ahead of the ids that are given the database's memory of them is: after a crash, ids may run ahead of the clock by as much.
const reserve = time.Second

// An archiveClock gives the ids of the archive. It belongs to the writer's goroutine. An id that was given is not given again,
// whatever became of its transaction and wherever the clock goes. The database remembers one that none given is above, and is told of another one a second or
// so later: to look for the highest among hundreds of millions of rows would take minutes of each start.
type archiveClock struct {
	now        func() time.Time
	last       int64
	remembered int64 // by the database
	telling    int64 // it, in the transaction under way; 0: nothing
}

func (c *archiveClock) next() int64 { return c.take(1) }

// take gives the first of n ids that follow each other, whatever the time does between them.
func (c *archiveClock) take(n int) (first int64) {
	first = max(c.last+1, history.FirstAt(c.now()))
	c.last = first + int64(n) - 1
	return first
}

// remember has the database know of the ids given so far. It comes last in a transaction.
func (c *archiveClock) remember(ctx context.Context, x tx) error {
	if c.last <= c.remembered {
		return nil
	}
	c.telling = history.FirstAt(history.TimeOf(c.last).Add(reserve))
	return x.Queue(ctx, `UPDATE epoch SET ids = $1 WHERE one = 1`, c.telling)
}

// settle is told how the transaction ended.
func (c *archiveClock) settle(committed bool) {
	if committed && c.telling > 0 {
		c.remembered = c.telling
	}
	c.telling = 0
}

// part has the database know the last id, so that the next start need not run ahead of the clock. It may fail.
func (c *archiveClock) part(ctx context.Context, e engine) error {
	if c.last == c.remembered || c.last == 0 {
		return nil
	}
	return e.InTx(ctx, func(ctx context.Context, x tx) error {
		return x.Queue(ctx, `UPDATE epoch SET ids = $1 WHERE one = 1`, c.last)
	})
}

// openClock goes on where the last process stopped.
func openClock(ctx context.Context, q querier, now func() time.Time) (*archiveClock, error) {
	c := &archiveClock{now: now}
	err := q.QueryRow(ctx, []any{&c.last}, `SELECT ids FROM epoch WHERE one = 1`)
	c.remembered = c.last
	return c, err
}
