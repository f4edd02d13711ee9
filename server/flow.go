package server

import (
	"context"
	"sync"
	"sync/atomic"
)

// A flow is what is under way of one stream: a bounded window of passages that wait for their commit, told in the order in which they came.
// While nothing waits, a stanza that writes nothing is told at once, on the reader, and costs the flow nothing.
type flow struct {
	host    *Host
	mu      sync.Mutex // tier 3
	moved   *sync.Cond // on mu; made when first waited for
	waiting []*Passage
	telling bool         // a goroutine is telling
	later   atomic.Int32 // requests answered beside the reader
}

// run commits and tells a decided passage, after all that came before it.
func (f *flow) run(ctx context.Context, p *Passage) {
	f.mu.Lock()
	if len(f.waiting) == 0 && len(p.writes) == 0 {
		f.mu.Unlock()
		f.host.tell(ctx, p)
		return
	}
	for len(f.waiting) >= f.host.opts.Window {
		f.waitLocked()
	}
	f.waiting = append(f.waiting, p)
	f.mu.Unlock()
	if len(p.writes) == 0 {
		f.committed(p, nil)
		return
	}
	f.host.opts.Store.Commit(p.writes, func(err error) { f.committed(p, err) })
}

// settle waits until everything that came before has been told.
func (f *flow) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiting) > 0 {
		f.waitLocked()
	}
}

func (f *flow) waitLocked() {
	if f.moved == nil {
		f.moved = sync.NewCond(&f.mu)
	}
	f.moved.Wait()
}

// committed is called from the store's writer, and never blocks.
func (f *flow) committed(p *Passage, err error) {
	if err == nil {
		noteAll(p.writes)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p.ready = true
	if err != nil {
		p.err = err
	}
	if !f.telling && f.waiting[0].ready {
		f.telling = true
		go f.tell()
	}
}

// tell tells whatever is ready at the head, and ends when nothing is. Who ends the session waits for it by settle.
func (f *flow) tell() {
	for {
		f.mu.Lock()
		if len(f.waiting) == 0 || !f.waiting[0].ready {
			f.telling = false
			f.mu.Unlock()
			return
		}
		p := f.waiting[0]
		f.mu.Unlock()

		f.host.tell(context.Background(), p)

		f.mu.Lock()
		f.waiting[0] = nil
		f.waiting = f.waiting[1:]
		if len(f.waiting) == 0 {
			f.waiting = nil
		}
		if f.moved != nil {
			f.moved.Broadcast()
		}
		f.mu.Unlock()
	}
}
