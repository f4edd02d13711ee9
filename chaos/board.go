package chaos

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A board is where the clients of a run write what happens, and where others wait for it.
type board struct {
	mu      sync.Mutex // a leaf
	figures Figures
	first   map[int64]time.Time // by incarnation of the server: its first acknowledgement
	got     []int               // by account: how much its reader shows
	entries int                 // how often somebody has been let into a room
	waiters []waiter
}

// Figures are counts so far.
type Figures struct {
	Sent, Acknowledged, Refused int

	Why          map[string]int // what the errors said
	SlowestError time.Duration  // from the last time that a message was sent to the error for it
}

func (f Figures) String() string {
	var why []string
	for _, w := range slices.Sorted(maps.Keys(f.Why)) {
		why = append(why, fmt.Sprintf("%d %s", f.Why[w], w))
	}
	return fmt.Sprintf("%d sent, %d acknowledged, %d errors (%s; the slowest after %v)",
		f.Sent, f.Acknowledged, f.Refused, strings.Join(why, ", "), f.SlowestError.Round(time.Millisecond))
}

type waiter struct {
	met  func(*board) bool // with mu held
	done chan struct{}
}

func newBoard(accounts int) *board {
	return &board{figures: Figures{Why: map[string]int{}}, first: map[int64]time.Time{}, got: make([]int, accounts)}
}

// note changes the board, and wakes those whose time has come.
func (b *board) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	b.waiters = slices.DeleteFunc(b.waiters, func(w waiter) bool {
		if !w.met(b) {
			return false
		}
		close(w.done)
		return true
	})
}

func (b *board) sent() { b.note(func() { b.figures.Sent++ }) }

func (b *board) acknowledged(n int, incarnation int64) {
	if n == 0 {
		return
	}
	b.note(func() {
		b.figures.Acknowledged += n
		if _, ok := b.first[incarnation]; !ok {
			b.first[incarnation] = time.Now()
		}
	})
}

func (b *board) refused(why string, after time.Duration) {
	b.note(func() {
		b.figures.Refused++
		b.figures.Why[why]++
		b.figures.SlowestError = max(b.figures.SlowestError, after)
	})
}

func (b *board) entered() { b.note(func() { b.entries++ }) }

func (b *board) received(account, n int) { b.note(func() { b.got[account] = n }) }

// read gives the figures as they are.
func (b *board) read() Figures {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.figures
	f.Why = maps.Clone(f.Why)
	return f
}

// await waits until a condition is met; it is asked under the lock.
func (b *board) await(ctx context.Context, met func(*board) bool) error {
	w := waiter{met, make(chan struct{})}
	b.note(func() { b.waiters = append(b.waiters, w) })
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	b.note(func() { b.waiters = slices.DeleteFunc(b.waiters, func(o waiter) bool { return o.done == w.done }) })
	return context.Cause(ctx)
}

// acks waits until so many messages have been acknowledged.
func (b *board) acks(ctx context.Context, n int) error {
	if err := b.await(ctx, func(b *board) bool { return b.figures.Acknowledged >= n }); err != nil {
		return fmt.Errorf("chaos: %d acknowledged, and not %d: %w", b.read().Acknowledged, n, err)
	}
	return nil
}

// firstAck waits for the first acknowledgement of an incarnation of the server, and gives its time.
func (b *board) firstAck(ctx context.Context, incarnation int64) (at time.Time, err error) {
	err = b.await(ctx, func(b *board) (ok bool) {
		at, ok = b.first[incarnation]
		return ok
	})
	if err != nil {
		err = fmt.Errorf("chaos: no acknowledgement since start %d of the server: %w", incarnation, err)
	}
	return at, err
}
