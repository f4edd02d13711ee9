package stream

import (
	"net"
	"time"
)

// A Reader reads the events of a stream from a connection. It belongs to one goroutine.
type Reader struct {
	// Deadline is asked before each read from the connection; the zero time means none. May be nil.
	Deadline func() time.Time

	conn net.Conn
	scan *Scanner
}

// NewReader makes a reader of streams whose content namespace is space.
func NewReader(conn net.Conn, space string, l Limits) *Reader {
	return &Reader{conn: conn, scan: NewScanner(space, l)}
}

// Next waits for the next event. The error is an *Error where the peer broke a rule and is to be told so,
// io.EOF where the stream ended (after Closed, or with the connection), else the connection's.
func (r *Reader) Next() (Event, error) {
	_, ev, err := r.scan.Scan(nil)
	return ev, err
}

// Buffered is how many bytes were read from the connection and not yet consumed.
func (r *Reader) Buffered() int { return 0 }

// Secure goes on with another connection, that of TLS over the former one, and a new stream (RFC 6120 §5.4.3.3).
// Bytes that were read before the handshake are thrown away; clean tells that there were none.
// If not clean, someone injected them, and the stream must not go on.
func (r *Reader) Secure(conn net.Conn) (clean bool) { r.conn = conn; return true }

// Restart expects a new stream on the same connection, as after SASL (RFC 6120 §6.4.6), under new limits.
// Bytes that came already are part of it.
func (r *Reader) Restart(l Limits) { r.scan.SetLimits(l) }

// SetLimits changes the limits, from the next element on.
func (r *Reader) SetLimits(l Limits) { r.scan.SetLimits(l) }

// Release gives the reader's buffer back. It is the last call.
func (r *Reader) Release() {}
