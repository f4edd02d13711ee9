package stream

import (
	"errors"
	"net"
	"time"
)

// Why a Queue refuses a packet.
var (
	ErrOverflow = errors.New("stream: sending queue is full")
	ErrClosed   = errors.New("stream: sending queue is closed")
)

// A Queue sends packets to one connection. It is the only writer of its connection.
type Queue struct {
	// These are set before the first Send and not changed after it.

	Max     int           // how many bytes may wait; see Packet.Size
	Timeout time.Duration // for one write, and for all of Close
	OnWrite func(batch []Packet) []Packet
	OnError func(err error)

	conn net.Conn
}

// NewQueue makes a queue with a bound of 1 MiB and a deadline of 20 s.
func NewQueue(conn net.Conn) *Queue {
	return &Queue{Max: 1 << 20, Timeout: 20 * time.Second, conn: conn}
}

// Send queues a packet. It never blocks.
func (q *Queue) Send(p Packet) error { return ErrClosed }

// Flush has the drainer run, though nothing may wait: OnWrite may have something to add.
func (q *Queue) Flush() {}

// Close writes what waits and then the final bytes, within Timeout, and refuses everything else from now on.
// It does not wait; done, which may be nil, is called by the drainer at the end. A second call does nothing but call done.
func (q *Queue) Close(final []byte, done func()) {}

// Wait waits until nothing is being written and nothing waits.
func (q *Queue) Wait() {}

// SetConn has the queue write to another connection, after Wait: that of TLS over the former one.
func (q *Queue) SetConn(conn net.Conn) { q.conn = conn }

// Pending is how many bytes wait or are being written.
func (q *Queue) Pending() int { return 0 }
