package pubsub

import (
	"context"
	"sync"
	"sync/atomic"

	"palabre/server"
)

// A desk is what an account holds of this module while it is in use. What is published is not: it is read when it is asked for.
type desk struct {
	mu    sync.Mutex    // tier 4
	taken chan struct{} // of one: see take

	told  atomic.Int64           // when it was last told what has changed: see Module.clock
	photo atomic.Pointer[string] // the hash of the picture that presence tells; nil: not loaded
}

// take has the changes of one account made one after the other: each is decided, committed and told before the next is decided. Only they wait
// for each other, so no lock is held while the store works.
func (d *desk) take(ctx context.Context) error {
	d.mu.Lock()
	if d.taken == nil {
		d.taken = make(chan struct{}, 1)
	}
	taken := d.taken
	d.mu.Unlock()
	select {
	case taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *desk) leave() { <-d.taken }

// alter makes a change of an account's nodes: what fn has put into the batch is committed, and then told. An error of fn's means that nothing has changed.
func (m *Module) alter(ctx context.Context, a *server.Account, fn func(ctx context.Context, b *batch) error) error {
	d := m.desks.Get(a)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := d.take(waiting); err != nil {
		return err
	}
	defer d.leave()
	b := &batch{m: m, account: a, nodes: map[string]*Node{}, change: Change{Account: a.JID}}
	if err := fn(ctx, b); err != nil {
		return err
	}
	if err := b.follow(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // who gave up a commit that is under way would not know what to tell
	if writes := b.writes(); len(writes) > 0 {
		if err := m.host.Append(ctx, writes...); err != nil {
			return err
		}
	}
	d.told.Store(m.clock.Add(1))
	b.tell(ctx)
	return nil
}
