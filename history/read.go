package history

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"palabre/xmpp"
)

// A Reading asks for all that somebody may see of an archive, however much that is.
type Reading struct {
	Archive      xmpp.JID  // bare: a room, or an account
	With         xmpp.JID  // in an account's archive: the other one; full: an occupant of a room. Zero in a room's
	Within       []Span    // what may be seen; none: nothing
	IDs          []int64   // if not nil: only these
	Before       int64     // only what is below this id; 0: whatever there is
	Since, Until time.Time // zero: whenever
	Backwards    bool      // the newest first
}

// Read calls fn for one message after the other, until it has an error, which comes back. Between the messages it holds no connection of the database. In the archive of an
// account, the sender of what it sent is the account, and of all else whom it is with.
func (m *Module) Read(ctx context.Context, r Reading, fn func(RoomRow) error) error {
	q := Query{Owner: r.Archive, With: r.With, IDs: r.IDs, Before: r.Before, Backwards: r.Backwards, Peers: true}
	if id, ok := idAt(r.Since); ok && !r.Since.IsZero() {
		q.After = id - 1
	}
	if !r.Until.IsZero() {
		id, _ := idAt(r.Until)
		if q.Before == 0 || id < q.Before {
			q.Before = max(id, 1)
		}
	}
	if len(r.IDs) > 0 { // PostgreSQL may go by the bounds where it knows nothing of the ids
		q.After = max(q.After, slices.Min(r.IDs)-1)
		if last := slices.Max(r.IDs); q.Before == 0 || last < q.Before-1 {
			q.Before = last + 1
		}
	}
	var failed error
	s := scope{store: &patient{Store: m.store}, once: few, spans: ordered(r.Within)}
	err := s.walk(ctx, q, math.MaxInt, func(row Row) bool {
		read := m.roomRow
		if !r.With.IsZero() {
			read = m.row
		}
		if said, ok := read(r.Archive, row); ok {
			failed = fn(said)
		}
		return failed == nil
	})
	if err != nil {
		return fmt.Errorf("history: read: %w", err)
	}
	return failed
}

// patient gives each question time of its own: reading as a whole takes as long as it takes. It rests between them, so that those who chat meanwhile hardly notice.
type patient struct {
	Store
	worked time.Time // since when; zero: nothing has been asked
}

const (
	few         = 16 // rows at once: a burst of work is short
	restTimes   = 5  // as long as the work
	longestRest = 100 * time.Millisecond
)

// Rows is part of Store.
func (p *patient) Rows(ctx context.Context, q Query) ([]Row, error) {
	if !p.worked.IsZero() {
		select {
		case <-time.After(min(restTimes*time.Since(p.worked), longestRest)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.worked = time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.Store.Rows(ctx, q)
}
