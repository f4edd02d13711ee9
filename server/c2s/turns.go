package c2s

import (
	"container/list"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// maxTurn is how long one handshake may keep a turn: what takes a fraction of a millisecond on a machine that is not busy. Who has it
// for longer waits for its client.
const maxTurn = 20 * time.Millisecond

// turns let as many handshakes calculate at once as there are processors. Whoever else wants to waits, and addresses are served in
// turn: however many connections one of them opens, those of another wait for one at most.
type turns struct {
	mu      sync.Mutex // leaf
	free    int
	waiting map[netip.Prefix]*list.List // of *turn, the first comes first
	next    list.List                   // of netip.Prefix: those who wait, in the order in which they are served
}

// A turn is the right to calculate.
type turn struct {
	turns   *turns
	granted chan struct{} // nil if there was no need to wait
	over    atomic.Bool
	timer   *time.Timer
}

func newTurns() *turns {
	return &turns{free: runtime.GOMAXPROCS(0), waiting: map[netip.Prefix]*list.List{}}
}

// take waits for a turn, at most so long; false means that none has come. done gives it back.
func (t *turns) take(from netip.Prefix, patience time.Duration) (*turn, bool) {
	t.mu.Lock()
	x := &turn{turns: t}
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		x.timer = time.AfterFunc(maxTurn, x.end)
		return x, true
	}
	x.granted = make(chan struct{})
	own := t.waiting[from]
	if own == nil {
		own = list.New()
		t.waiting[from] = own
		t.next.PushBack(from)
	}
	own.PushBack(x)
	t.mu.Unlock()

	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-x.granted:
		x.timer = time.AfterFunc(maxTurn, x.end)
		return x, true
	case <-limit.C:
		x.end() // whoever gives it the turn passes it on
		return nil, false
	}
}

// done is end for the one who took the turn.
func (x *turn) done() {
	x.timer.Stop()
	x.end()
}

// end gives the turn back. Only the first call counts.
func (x *turn) end() {
	if !x.over.CompareAndSwap(false, true) {
		return
	}
	t := x.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if x.granted != nil {
		select {
		case <-x.granted:
		default:
			return // it never had it: passLocked will pass it over
		}
	}
	t.passLocked()
}

// passLocked gives a turn to the first one of the next address, or keeps it for whoever comes.
func (t *turns) passLocked() {
	for e := t.next.Front(); e != nil; e = t.next.Front() {
		from := e.Value.(netip.Prefix)
		own := t.waiting[from]
		x := own.Remove(own.Front()).(*turn)
		if own.Len() == 0 {
			delete(t.waiting, from)
			t.next.Remove(e)
		} else {
			t.next.MoveToBack(e)
		}
		if !x.over.Load() {
			close(x.granted)
			return
		}
	}
	t.free++
}
