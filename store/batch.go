package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"time"
)

// carryOut brings every passage of a batch to its end.
func (w *writer) carryOut(batch []passage) {
	pause := firstPause
	if w.tries > 1 && w.outage.known(w.now()) {
		w.tell(batch, ErrAway)
		return
	}
	for {
		if dead := w.dead.Load(); dead != nil {
			w.tell(batch, fmt.Errorf("%w: %w", ErrAway, *dead))
			return
		}
		start := w.now()
		err := w.attempt(batch)
		if err == nil {
			w.back()
			w.stats.commit(len(batch), w.now().Sub(start))
			w.tell(batch, nil)
			return
		}
		switch w.engine.Fault(err) {
		case ours: // of the commit itself
			w.tell(batch, err)
			return
		case fatal:
			w.die(err)
		case away:
			w.gone(start, err)
			if w.expire(batch, err) {
				return
			}
			<-time.After(pause)
			pause = min(2*pause, longestPause)
		}
	}
}

// attempt carries a batch out in one transaction. An error is one of the whole; a passage's own is left in it.
func (w *writer) attempt(batch []passage) error {
	if !anyWrites(batch) {
		return nil
	}
	left := batch[0].since.Add(w.patience).Sub(w.now())
	if w.tries == 1 || left < shortestTry {
		left = shortestTry
	}
	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()

	err := w.inTx(ctx, func(ctx context.Context, t *turn) error {
		for i := range batch {
			batch[i].err = nil // it may have been refused in a try that came to nothing
			if err := w.carry(ctx, t, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil || w.engine.Fault(err) != ours {
		return err
	}
	if len(batch) == 1 {
		batch[0].err = err
		return nil
	}
	return w.inTx(ctx, func(ctx context.Context, t *turn) error {
		for i := range batch {
			if err := w.carryAlone(ctx, t, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func anyWrites(batch []passage) bool {
	return slices.ContainsFunc(batch, func(p passage) bool { return len(p.writes) > 0 })
}

func (w *writer) inTx(ctx context.Context, fn func(context.Context, *turn) error) error {
	hides := false
	err := w.engine.InTx(ctx, func(ctx context.Context, x tx) error {
		t := &turn{tx: x, ids: w.ids, clock: w.clock}
		if err := fn(ctx, t); err != nil {
			return err
		}
		if err := t.flush(ctx); err != nil {
			return err
		}
		if err := t.flushCounts(ctx); err != nil {
			return err
		}
		hides = t.hides
		return w.clock.remember(ctx, x)
	})
	w.ids.settle(err == nil)
	w.clock.settle(err == nil)
	if hides && err == nil {
		w.erase()
	}
	return err
}

// carry carries a passage out. A carrier that panics is a bug that one stanza must not be able to stop the server with.
func (w *writer) carry(ctx context.Context, t *turn, p *passage) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in a write: %v", r)
			w.log.Error("a write panicked", "err", err, "stack", string(debug.Stack()))
		}
	}()
	for _, wr := range p.writes {
		c, ok := w.carriers[reflect.TypeOf(wr)]
		if !ok {
			return fmt.Errorf("nothing carries out a %T", wr)
		}
		if err := c(ctx, t, wr); err != nil {
			return err
		}
	}
	return nil
}

// carryAlone undoes what a passage did if it fails, and leaves its error in it.
func (w *writer) carryAlone(ctx context.Context, t *turn, p *passage) error {
	if _, err := t.Exec(ctx, `SAVEPOINT passage`); err != nil {
		return err
	}
	p.err = w.carry(ctx, t, p)
	if p.err == nil {
		p.err = t.flush(ctx)
	}
	if p.err == nil {
		p.err = t.flushCounts(ctx)
	}
	if p.err == nil {
		_, p.err = t.Exec(ctx, `RELEASE SAVEPOINT passage`)
	}
	if p.err == nil {
		return nil
	}
	if w.engine.Fault(p.err) != ours {
		return p.err
	}
	t.appends = t.appends[:0]
	clear(t.counts)
	w.ids.settle(false)
	if _, err := t.Exec(ctx, `ROLLBACK TO SAVEPOINT passage`); err != nil {
		return err
	}
	_, err := t.Exec(ctx, `RELEASE SAVEPOINT passage`)
	return err
}

func (w *writer) tell(batch []passage, err error) {
	for i := range batch {
		p := &batch[i]
		if err != nil {
			p.err = err
		}
		if p.err != nil {
			w.stats.refused.Add(1)
		}
		p.done(p.err)
	}
}

// expire gives up a batch whose first passage has waited long enough, and with it whatever waits behind it: what a client has sent is stored up to some point, and refused
// from there on. When the database has been away for so long that nobody who was there from the start waits any more, nobody else does; and what may have been done is not done again.
func (w *writer) expire(batch []passage, err error) bool {
	now := w.now()
	if away := w.tries > 1 && now.Sub(w.lost) >= w.patience; !away && now.Sub(batch[0].since) < w.patience && !errors.Is(err, ErrUnknown) {
		return false
	}
	if !errors.Is(err, ErrAway) {
		err = fmt.Errorf("%w: %w", ErrAway, err)
	}
	w.tell(batch, err)
	w.mu.Lock()
	behind := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	w.tell(behind, err)
	return true
}

func (w *writer) gone(start time.Time, err error) {
	if w.tries++; w.tries == 1 {
		w.lost = start
	}
	if now := w.now(); now.Sub(start) >= shortestTry { // one that fails at once costs nobody's time
		w.outage.failed(start, now)
	}
	if w.stats.away.CompareAndSwap(false, true) {
		w.log.Error("the database is away; nothing is acknowledged until it is back", "err", err)
	}
}

func (w *writer) back() {
	w.tries = 0
	w.outage.over(w.now())
	if w.stats.away.CompareAndSwap(true, false) {
		w.log.Info("the database is back")
	}
}
