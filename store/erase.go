package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"palabre/history"
	"palabre/xmpp"
)

// What an account owned goes with it, in one transaction, and what is kept of a room that is destroyed; but its archive may be so large that
// everybody would have to wait. So it is hidden at once, up to the last id that was given, and goes bit by bit behind that, over restarts
// too. Whoever gets the name next sees nothing of it, nor of what somebody else put there in between.

// erasures are one for each table that has a column owner, but the archive.
var erasures = []string{
	`DELETE FROM credential WHERE owner = $1`,
	`DELETE FROM roster WHERE owner = $1`,
	`DELETE FROM roster_version WHERE owner = $1`,
	`DELETE FROM account_data WHERE owner = $1`,
	`DELETE FROM delivered WHERE owner = $1`,
	`DELETE FROM resumable WHERE owner = $1`,
	`UPDATE room SET members = members - 1 WHERE room IN (SELECT room FROM member WHERE owner = $1 AND affiliation NOT IN ('none', 'outcast'))`,
	`DELETE FROM stay WHERE owner = $1 AND room IN (SELECT room FROM member WHERE owner = $1)`,
	`DELETE FROM member WHERE owner = $1`,
	`DELETE FROM pubsub_item WHERE owner = $1`,
	`DELETE FROM pubsub_peer WHERE owner = $1 OR peer = $1`, // whoever gets the name next is not on the others' lists
	`DELETE FROM pubsub_node WHERE owner = $1`,
	`UPDATE mail SET requester = '' WHERE requester = (SELECT bare FROM jid WHERE id = $1)`, // whoever gets the name next is not told of it
	`DELETE FROM account WHERE owner = $1`,
}

// Delete is account.Store's.
func (s *Store) Delete(ctx context.Context, jid xmpp.JID) error {
	return s.changeAccount(ctx, jid, func(ctx context.Context, t *turn, owner int64) error {
		for _, erasure := range erasures {
			if err := t.Queue(ctx, erasure, owner); err != nil {
				return err
			}
		}
		return t.hide(ctx, owner)
	})
}

// hide hides an archive, which is erased from the commit on.
func (t *turn) hide(ctx context.Context, owner int64) error {
	t.hides = true
	return t.Queue(ctx, `INSERT INTO erasing (archive, upto) VALUES ($1, $2)
		ON CONFLICT (archive) DO UPDATE SET upto = excluded.upto`, owner, t.clock.next())
}

// hideRemains hides what there is in the archive of an address that gets an account, or becomes a room.
func (t *turn) hideRemains(ctx context.Context, owner int64) error {
	t.hides = true
	return t.Queue(ctx, `INSERT INTO erasing (archive, upto) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT)
		WHERE EXISTS (SELECT 1 FROM archive WHERE owner = $1) AND NOT EXISTS (SELECT 1 FROM room WHERE room = $1)
		ON CONFLICT (archive) DO UPDATE SET upto = excluded.upto`, owner, t.clock.last)
}

const (
	// stragglers may come for so long after an account was deleted: messages that were on their way.
	stragglers = time.Minute
	// erasedAtOnce is how many archives one transaction looks after.
	erasedAtOnce = 100
)

// An eraser deletes what is hidden.
type eraser struct {
	wake   chan struct{} // of one
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (s *Store) startEraser() {
	ctx, cancel := context.WithCancel(context.Background())
	s.eraser = eraser{wake: make(chan struct{}, 1), cancel: cancel}
	s.eraser.done.Go(func() { s.eraseAll(ctx) })
}

func (e *eraser) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *eraser) stop() {
	e.cancel()
	e.done.Wait()
}

// eraseAll erases whenever there is something to erase.
func (s *Store) eraseAll(ctx context.Context) {
	var again <-chan time.Time // nil: nothing is left
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.eraser.wake:
		case <-again:
		}
		left, err := s.erase(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !errors.Is(err, ErrAway): // which has been logged
			s.opts.Logger.Warn("the archives of deleted accounts and rooms could not be erased; this is tried again", "err", err)
			fallthrough
		case left || err != nil:
			again = time.After(stragglers / 4)
		default:
			again = nil
		}
	}
}

// erase goes once through the archives that are to be erased, and tells whether some are left.
func (s *Store) erase(ctx context.Context) (left bool, err error) {
	if there, err := s.isErasing(ctx); err != nil || !there {
		return false, err
	}
	for p := (erasure{}); ; {
		start := time.Now()
		var next erasure
		err := s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) (err error) {
			next, err = p.step(ctx, t, s.opts.Now())
			return err
		})
		if err != nil {
			return true, err
		}
		p = next
		if p.end {
			return p.left, nil
		}
		select { // half of the time is for others
		case <-time.After(time.Since(start)):
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}

func (s *Store) isErasing(ctx context.Context) (is bool, err error) {
	err = s.db.QueryRow(ctx, []any{&is}, `SELECT EXISTS (SELECT 1 FROM erasing)`)
	return is, err
}

// An erasure is one pass of the eraser.
type erasure struct {
	after int64 // it is done with those up to here
	left  bool
	end   bool
}

type hidden struct{ archive, upto int64 }

const selectErasing = `SELECT archive, upto FROM erasing WHERE archive > $1 ORDER BY archive LIMIT $2`

// deleteSome deletes one row more than $3 says, or all that there are.
const deleteSome = `DELETE FROM archive WHERE owner = $1 AND id <=
	COALESCE((SELECT id FROM archive WHERE owner = $1 AND id <= $2 ORDER BY id LIMIT 1 OFFSET $3), $2)`

// step deletes some rows, in one transaction.
func (p erasure) step(ctx context.Context, t *turn, now time.Time) (next erasure, err error) {
	var all []hidden
	err = t.Query(ctx, func(scan scanner) error {
		var h hidden
		err := scan(&h.archive, &h.upto)
		all = append(all, h)
		return err
	}, selectErasing, p.after, erasedAtOnce)
	if err != nil {
		return p, err
	}
	next = erasure{after: p.after, left: p.left, end: len(all) < erasedAtOnce}
	budget := int64(bite)
	for _, h := range all {
		n, err := t.Exec(ctx, deleteSome, h.archive, h.upto, budget-1)
		if err != nil {
			return p, err
		}
		if budget -= n; budget <= 0 { // there may be more
			next.end = false
			break
		}
		left, err := t.erased(ctx, h, now)
		if err != nil {
			return p, err
		}
		next.after, next.left = h.archive, next.left || left
	}
	return next, nil
}

// erased is done with what was hidden. Once nothing more can be on its way to an account or a room that is not there, what came in the meantime goes too.
func (t *turn) erased(ctx context.Context, h hidden, now time.Time) (left bool, err error) {
	var is bool
	if err := t.QueryRow(ctx, []any{&is}, `SELECT EXISTS (SELECT 1 FROM account WHERE owner = $1) OR EXISTS (SELECT 1 FROM room WHERE room = $1)`, h.archive); err != nil {
		return false, err
	}
	if !is {
		if now.Sub(history.TimeOf(h.upto)) < stragglers {
			return true, nil
		}
		n, err := t.Exec(ctx, `UPDATE erasing SET upto = $2 WHERE archive = $1 AND EXISTS (SELECT 1 FROM archive WHERE owner = $1)`,
			h.archive, t.clock.last)
		if err != nil || n > 0 {
			return true, err
		}
	}
	return false, t.Queue(ctx, `DELETE FROM erasing WHERE archive = $1`, h.archive)
}
