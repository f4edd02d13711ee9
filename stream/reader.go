package stream

import (
	"io"
	"net"
	"time"
)

// A Reader reads the events of a stream from a connection. It belongs to one goroutine.
//
// While the peer is silent it waits with a buffer of 16 bytes; a larger one is taken when something comes that
// does not fit, grows up to Limits.Bytes, and is given back when all is consumed.
type Reader struct {
	// Deadline is asked before each read from the connection; the zero time means none. May be nil.
	// A read that is too late fails with the connection's error (os.ErrDeadlineExceeded); Next may be called again.
	Deadline func() time.Time

	conn       net.Conn
	socket     *Socket // below conn, if Next shall not wait
	scan       Scanner
	buf        []byte // holds idle, or a larger buffer
	start, end int    // what is unread in buf
	idle       [16]byte
}

// NewReader makes a reader of streams whose content namespace is space.
func NewReader(conn net.Conn, space string, l Limits) *Reader {
	r := &Reader{conn: conn}
	r.scan.init(space, l)
	r.buf = r.idle[:]
	return r
}

// Next waits for the next event. The error is an *Error where the peer broke a rule and is to be told so,
// io.EOF where the stream ended (after Closed, or with the connection), else the connection's.
func (r *Reader) Next() (Event, error) {
	for {
		if r.start < r.end {
			n, ev, err := r.scan.Scan(r.buf[r.start:r.end])
			r.start += n
			if err != nil || ev.Kind != None {
				return ev, err
			}
		}
		if r.scan.phase == ended {
			return Event{}, io.EOF
		}
		if err := r.fill(); err == errWait {
			return Event{}, nil
		} else if err != nil {
			return Event{}, err
		}
	}
}

// WaitOn makes Next give an Event of kind None where it would have to wait for the peer. s is what the connection stands on; Wait is where to wait from now on.
func (r *Reader) WaitOn(s *Socket) {
	s.Hasty(true)
	r.socket = s
}

// Wait waits, after an Event of kind None, for the peer to send something. It holds no buffer, unless half a stanza is in it, and needs little stack.
// Without WaitOn it does nothing, and Next waits.
func (r *Reader) Wait() error {
	if r.socket == nil {
		return nil
	}
	shrink(r.conn)
	return r.socket.Wait()
}

// fill reads from the connection, at least one byte.
func (r *Reader) fill() error {
	switch {
	case r.start == r.end && r.socket == nil:
		r.drop()
		shrink(r.conn)
	case r.start == r.end:
		r.start, r.end = 0, 0
		if len(r.buf) == len(r.idle) {
			r.buf = getBuffer(smallBuffer)
		}
	case r.end < len(r.buf):
	case r.start > 0 && len(r.buf) > len(r.idle):
		r.move(r.buf)
	default:
		larger := getBuffer(max(smallBuffer, min(4*len(r.buf), r.scan.limits.Bytes)))
		old := r.buf
		r.move(larger)
		putBuffer(old)
	}
	if r.Deadline != nil {
		if err := r.conn.SetReadDeadline(r.Deadline()); err != nil {
			return err
		}
	}
	n, err := r.conn.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil // an error will be there again
	}
	if r.start == r.end {
		r.drop()
	}
	return err
}

// move brings what is unread to the front of a buffer.
func (r *Reader) move(to []byte) {
	r.end = copy(to, r.buf[r.start:r.end])
	r.start, r.buf = 0, to
}

// drop forgets what is unread.
func (r *Reader) drop() {
	putBuffer(r.buf)
	r.buf, r.start, r.end = r.idle[:], 0, 0
}

// Buffered is how many bytes were read from the connection and not yet consumed.
func (r *Reader) Buffered() int { return r.end - r.start }

// Secure goes on with another connection, that of TLS over the former one, and a new stream (RFC 6120 §5.4.3.3).
// Bytes that were read before the handshake are thrown away; clean tells that there were none.
// If not clean, someone injected them, and the stream must not go on.
func (r *Reader) Secure(conn net.Conn) (clean bool) {
	clean = r.start == r.end
	r.drop()
	r.scan.Restart()
	r.conn = conn
	return clean
}

// Restart expects a new stream on the same connection, as after SASL (RFC 6120 §6.4.6), under new limits.
// Bytes that came already are part of it.
func (r *Reader) Restart(l Limits) {
	r.scan.Restart()
	r.scan.SetLimits(l)
}

// SetLimits changes the limits, from the next element on.
func (r *Reader) SetLimits(l Limits) { r.scan.SetLimits(l) }

// Release gives the reader's buffer back. It is the last call.
func (r *Reader) Release() {
	r.drop()
	r.scan.idle()
}
