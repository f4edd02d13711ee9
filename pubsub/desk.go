package pubsub

import (
	"context"
	"sync/atomic"

	"palabre/server"
)

// A desk is what an account holds of this module while it is in use. What is published is not: it is read when it is asked for.
type desk struct {
	changes server.Turnstile // each is decided, committed and told before the next is decided

	told  atomic.Int64           // when it was last told what has changed: see Module.clock
	photo atomic.Pointer[string] // the hash of the picture that presence tells; nil: not loaded
}

// alter makes a change of an account's nodes: what fn has put into the batch is committed, and then told. An error of fn's means that nothing has changed.
func (m *Module) alter(ctx context.Context, a *server.Account, fn func(ctx context.Context, b *batch) error) error {
	d := m.desks.Get(a)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := d.changes.Take(waiting); err != nil {
		return err
	}
	defer d.changes.Leave()
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
