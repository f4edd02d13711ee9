package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"palabre/server"
)

const (
	// batchCap is the most passages in one transaction. More gain nothing and keep the first of them waiting.
	batchCap = 512
	// idleAfter is when the engine may do what would hold up a writer.
	idleAfter = time.Second
	// The pauses between tries while the database is away.
	firstPause, longestPause = 20 * time.Millisecond, 500 * time.Millisecond
	// shortestTry is what a transaction gets that has waited long behind others.
	shortestTry = 400 * time.Millisecond
)

// A writer takes whatever waits, in its order, carries it out in one transaction, commits, and tells those who wait. There is no
// window of time: one who writes alone waits for one commit, and behind a slow disk batches grow by themselves.
//
// A passage that fails (a constraint, a domain's refusal) takes no other with it: the batch is done again, each passage behind a savepoint.
// When the database is away, a batch is tried again until the patience of each passage ends.
type writer struct {
	engine   engine
	carriers map[reflect.Type]carrier
	ids      *interner
	log      *slog.Logger
	now      func() time.Time
	patience time.Duration
	dead     *atomic.Pointer[error] // the Store's
	die      func(error)
	stats    stats

	mu      sync.Mutex // a leaf: nothing is called under it
	waiting []passage
	closed  bool
	wake    chan struct{} // of one: there is something in waiting, or closed is set
	ended   chan struct{}
}

// A passage is what one call of Commit brought.
type passage struct {
	writes []server.Write
	done   func(error)
	since  time.Time
	err    error // why it, and not its batch, was refused
}

func newWriter(s *Store, ids *interner) *writer {
	w := &writer{
		engine: s.engine, carriers: s.carriers(), ids: ids, log: s.opts.Logger,
		now: s.opts.Now, patience: s.opts.Patience, dead: &s.dead, die: s.die,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	go w.run()
	return w
}

// Commit appends the writes of one passage. It is server.Committer's; after Close, done is called at once, with ErrClosed.
func (s *Store) Commit(writes []server.Write, done func(error)) {
	s.writer.add(passage{writes: writes, done: done, since: s.writer.now()})
}

func (w *writer) add(p passage) {
	w.mu.Lock()
	closed := w.closed
	if !closed {
		w.waiting = append(w.waiting, p)
	}
	w.mu.Unlock()
	if closed {
		p.done(ErrClosed)
		return
	}
	w.signal()
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close waits until everything that waits is carried out.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.ended
}

// take moves the passages that have waited longest into batch.
func (w *writer) take(batch []passage) (_ []passage, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.waiting), batchCap)
	batch = append(batch, w.waiting[:n]...)
	rest := copy(w.waiting, w.waiting[n:])
	clear(w.waiting[rest:])
	w.waiting = w.waiting[:rest]
	return batch, w.closed
}

func (w *writer) run() {
	defer close(w.ended)
	batch := make([]passage, 0, batchCap)
	again := true // the engine wants to be tended when idle
	for {
		var closed bool
		batch, closed = w.take(batch[:0])
		switch {
		case len(batch) > 0:
			w.carryOut(batch)
			clear(batch)
			again = w.tend(false)
		case closed:
			return
		case w.rest(again):
			again = w.tend(true)
		}
	}
}

// rest waits for something to do; idle says that nothing came for a while.
func (w *writer) rest(again bool) (idle bool) {
	if !again {
		<-w.wake
		return false
	}
	t := time.NewTimer(idleAfter)
	defer t.Stop()
	select {
	case <-w.wake:
		return false
	case <-t.C:
		return true
	}
}

func (w *writer) tend(idle bool) (again bool) {
	if w.dead.Load() != nil {
		return false
	}
	again, err := w.engine.Tend(idle)
	if err == nil {
		return again
	}
	if w.engine.Fault(err) == fatal {
		w.die(err)
		return false
	}
	w.log.Warn("the database could not be tidied up", "err", err)
	return true
}

// carryOut brings every passage of a batch to its end.
func (w *writer) carryOut(batch []passage) {
	pause := firstPause
	for len(batch) > 0 {
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
			w.gone(err)
			if batch = w.expire(batch, err); len(batch) > 0 {
				<-time.After(pause)
				pause = min(2*pause, longestPause)
			}
		}
	}
}

// attempt carries a batch out in one transaction. An error is one of the whole; a passage's own is left in it.
func (w *writer) attempt(batch []passage) error {
	due := batch[0].since.Add(w.patience)
	if soonest := w.now().Add(shortestTry); due.Before(soonest) {
		due = soonest
	}
	ctx, cancel := context.WithDeadline(context.Background(), due)
	defer cancel()

	err := w.inTx(ctx, func(t *turn) error {
		for i := range batch {
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
	return w.inTx(ctx, func(t *turn) error {
		for i := range batch {
			if err := w.carryAlone(ctx, t, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *writer) inTx(ctx context.Context, fn func(*turn) error) error {
	err := w.engine.InTx(ctx, func(t tx) error { return fn(&turn{t, w.ids}) })
	w.ids.settle(err == nil)
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
		_, p.err = t.Exec(ctx, `RELEASE SAVEPOINT passage`)
	}
	if p.err == nil {
		return nil
	}
	if w.engine.Fault(p.err) != ours {
		return p.err
	}
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

// expire tells the passages that have waited long enough for a database that is away, and gives the others.
func (w *writer) expire(batch []passage, err error) []passage {
	if !errors.Is(err, ErrAway) {
		err = fmt.Errorf("%w: %w", ErrAway, err)
	}
	now, n := w.now(), 0
	for n < len(batch) && now.Sub(batch[n].since) >= w.patience {
		n++
	}
	w.tell(batch[:n], err)
	return batch[n:]
}

func (w *writer) gone(err error) {
	if w.stats.away.CompareAndSwap(false, true) {
		w.log.Error("the database is away; nothing is acknowledged until it is back", "err", err)
	}
}

func (w *writer) back() {
	if w.stats.away.CompareAndSwap(true, false) {
		w.log.Info("the database is back")
	}
}
