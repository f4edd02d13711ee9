package server

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"palabre/stream"
)

// A flow is what is under way of one stream: a bounded window of passages that wait for their commit, told in the order in which they came.
// While nothing waits, a stanza that waits for nothing is told at once, on the reader, and costs the flow nothing.
type flow struct {
	host    *Host
	mu      sync.Mutex // tier 3
	moved   *sync.Cond // on mu; made when first waited for
	waiting []*Passage
	size    int          // of what waits, in bytes
	telling bool         // a goroutine is telling
	later   atomic.Int32 // requests answered beside the reader
}

// windowBytes bounds what waits of one stream, beside the number of stanzas. One may always.
const windowBytes = 1 << 20

// run commits and tells a decided passage, after all that came before it.
func (f *flow) run(ctx context.Context, p *Passage) {
	f.mu.Lock()
	if len(f.waiting) == 0 && len(p.writes) == 0 && p.open == 0 {
		f.mu.Unlock()
		f.host.tell(ctx, p)
		return
	}
	if p.Stanza != nil {
		p.cost = len(p.Stanza.Inner) + len(p.Stanza.Extra)
	}
	for len(f.waiting) >= f.host.opts.Window || len(f.waiting) > 0 && f.size+p.cost > windowBytes {
		f.waitLocked()
	}
	f.mu.Unlock()
	f.add(p)
}

// add is run without the window, and without ever telling on the goroutine of its caller.
func (f *flow) add(p *Passage) {
	writes := p.writes
	f.mu.Lock()
	if len(writes) > 0 {
		p.open++
	}
	f.waiting = append(f.waiting, p)
	f.size += p.cost
	p.queued = true
	f.startLocked()
	f.mu.Unlock()
	if len(writes) == 0 {
		return
	}
	f.host.opts.Store.Commit(writes, func(err error) { // on the store's writer: nothing in it blocks
		if err == nil {
			noteAll(writes)
			p.queueUp()
		}
		f.part(p, err)
	})
}

// isIdle tells whether nothing waits. Only who adds may rely on it.
func (f *flow) isIdle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting) == 0
}

// await has a passage wait for one thing more, which part ends.
func (f *flow) await(p *Passage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.open++
}

// part ends one of the things that a passage waits for.
func (f *flow) part(p *Passage, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.open--
	if p.failed == nil {
		p.failed = err
	}
	if p.queued {
		f.startLocked()
	}
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

// startLocked has the head told if it is ready. Who ends the session waits for the goroutine by settle.
func (f *flow) startLocked() {
	if !f.telling && len(f.waiting) > 0 && f.waiting[0].open == 0 {
		f.telling = true
		go f.tell()
	}
}

// tell tells whatever is ready at the head, and ends when nothing is.
func (f *flow) tell() {
	for {
		f.mu.Lock()
		if len(f.waiting) == 0 || f.waiting[0].open > 0 {
			f.telling = false
			f.mu.Unlock()
			return
		}
		p := f.waiting[0]
		f.mu.Unlock()

		f.tellOne(p)

		f.mu.Lock()
		f.size -= p.cost
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

// tellOne tells a passage. A mistake of a module's ends the stream that the stanza came on, as it does on a reader, and nothing else.
func (f *flow) tellOne(p *Passage) {
	defer func() {
		if v := recover(); v != nil {
			f.host.opts.Log.Error("a module failed", "jid", p.address(), "err", v, "stack", string(debug.Stack()))
			if p.Session != nil {
				p.Session.End(&stream.Error{Condition: stream.InternalServerError, Text: "The server made a mistake. Please try again."})
			}
		}
	}()
	f.host.tell(context.Background(), p)
}
