package store

import (
	"context"
	"log/slog"
	"reflect"
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
	// shortestTry is what a transaction gets that has waited long behind others, or that follows one that found the database away.
	shortestTry = time.Second
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
	clock    *archiveClock
	log      *slog.Logger
	now      func() time.Time
	patience time.Duration
	dead     *atomic.Pointer[error] // the Store's
	die      func(error)
	erase    func() // has the eraser look for what is hidden
	stats    stats
	outage   outage
	tries    int       // that have failed since the last one that did not
	lost     time.Time // when the first of them began

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

func newWriter(s *Store, ids *interner, clock *archiveClock) *writer {
	w := &writer{
		engine: s.engine, carriers: s.carriers(), ids: ids, clock: clock, log: s.opts.Logger,
		now: s.opts.Now, patience: s.opts.Patience, dead: &s.dead, die: s.die, erase: s.eraser.signal,
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
			w.part()
			return
		case w.rest(again):
			again = w.tend(true)
		}
	}
}

// part writes down where the next process goes on, which can do without; but not on a disk that fails.
func (w *writer) part() {
	ctx, cancel := context.WithTimeout(context.Background(), shortestTry)
	defer cancel()
	if w.dead.Load() != nil || w.tries > 0 {
		return
	}
	switch err := w.clock.part(ctx, w.engine); {
	case err == nil:
	case w.engine.Fault(err) == fatal:
		w.die(err)
	default:
		w.log.Warn("the last id was not stored", "err", err)
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
