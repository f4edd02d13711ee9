package stream

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Why a Queue refuses a packet.
var (
	ErrOverflow = errors.New("stream: sending queue is full")
	ErrClosed   = errors.New("stream: sending queue is closed")
)

// A Queue sends packets to one connection, of which it is the only writer. It takes packets from any goroutine,
// never blocks, and keeps their order.
//
// What waits is written by a drainer: a goroutine that Send starts when there is none, and that ends when nothing waits, so
// an idle queue holds neither a goroutine nor a buffer. It takes all that waits at once and writes it in one call as far
// as that goes. The queue fails once, by overflow or by an error of the connection: OnError is told, and everything
// is refused from then on. The queue never closes its connection; its owner does, which also wakes the reader.
//
// Everything that the owner gave to call is called by the drainer, one at a time, and without the mutex: it may call
// Send, Flush, Close and Pending, but not Wait.
type Queue struct {
	// These are set before the first Send and not changed after it.

	Max     int           // how many bytes may wait or be under way; see Packet.Size. One packet always may
	Timeout time.Duration // for one write, and for all of Close

	// OnWrite sees each batch before it is written, and gives what is written in its place: it may count packets, leave
	// some out for later, add others. The batch is its own to change. It is nil after a Flush of nothing. May be nil.
	OnWrite func(batch []Packet) []Packet

	// OnWritten is told how the write of what OnWrite gave has ended. May be nil.
	OnWritten func(err error)

	// OnError is told, once, why the queue failed: ErrOverflow, or the connection's error. It is not called after Close.
	// May be nil.
	OnError func(err error)

	mu       sync.Mutex // lowest tier: nothing else is taken under it
	conn     net.Conn
	waiting  []Packet
	size     int   // of what waits or is under way
	err      error // why packets are refused
	draining bool
	flush    bool // the drainer is to run with nothing waiting
	failed   bool // the connection is of no use any more
	told     bool // OnError was called, or must not be
	until    time.Time
	armed    time.Time   // the deadline that the connection has; zero: none
	relaxing *time.Timer // takes it away when nothing is written any more
	final    []byte
	done     []func()
	idle     sync.Cond // not draining
}

// NewQueue makes a queue with a bound of 1 MiB and a deadline of 20 s.
func NewQueue(conn net.Conn) *Queue {
	q := &Queue{Max: 1 << 20, Timeout: 20 * time.Second, conn: conn}
	q.idle.L = &q.mu
	return q
}

// Send queues a packet. It never blocks. An error says that it was not queued, and that none will be any more:
// ErrOverflow, ErrClosed, or what went wrong with the connection.
func (q *Queue) Send(p Packet) error {
	size := p.Size()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	if q.size > 0 && q.size+size > q.Max {
		q.failLocked(ErrOverflow)
		// A drainer is under way, since something is. This wakes it from a write that is stuck; it tells OnError.
		q.conn.SetWriteDeadline(time.Now())
		return ErrOverflow
	}
	q.waiting = append(q.waiting, p)
	q.size += size
	q.startLocked()
	return nil
}

// Flush has the drainer run, though nothing may wait: OnWrite may have something to add.
func (q *Queue) Flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.flush = true
		q.startLocked()
	}
}

// Close writes what waits and then the final bytes, all within Timeout, and refuses everything else from now on.
// It does not wait; done, which may be nil, is called by the drainer at the end, whether or not the bytes went out.
// On a queue that is closed or has failed it does no more than to have done called.
func (q *Queue) Close(final []byte, done func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if done != nil {
		q.done = append(q.done, done)
	}
	if q.err == nil {
		q.err, q.told = ErrClosed, true
		q.final = final
		q.until = time.Now().Add(q.Timeout)
		q.conn.SetWriteDeadline(q.until) // for a write that is under way
	}
	q.startLocked()
}

// Wait waits until nothing is being written and nothing waits.
func (q *Queue) Wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.draining {
		q.idle.Wait()
	}
}

// SetConn has the queue write to another connection, that of TLS over the former one. It comes after Wait.
func (q *Queue) SetConn(conn net.Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.conn = conn
	q.relaxLocked()
}

// Pending is how many bytes wait or are under way.
func (q *Queue) Pending() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size
}

// Unsent gives, after the queue has failed and Wait, the packets that it took and OnWrite never saw, in their order.
func (q *Queue) Unsent() []Packet {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.waiting
	q.waiting = nil
	return out
}

func (q *Queue) startLocked() {
	if !q.draining {
		q.draining = true
		go q.drain()
	}
}

func (q *Queue) failLocked(err error) {
	q.failed = true
	if q.err == nil {
		q.err = err
	}
}
