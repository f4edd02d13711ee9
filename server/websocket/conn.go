package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"palabre/stream"
)

// A conn shows one WebSocket as the connection of a stream. Reading has deadlines of its own, so that one that has passed leaves the WebSocket whole and a
// farewell can be sent; writing has those of the connection below.
type conn struct {
	ws  *websocket.Conn
	raw net.Conn // below

	near, far net.Conn // what was read goes in at far and comes out at near
	why       atomic.Pointer[stream.Error]
	over      chan struct{} // closed by Close
	once      sync.Once
	heard     atomic.Int64 // when the client was last heard, in nanoseconds since 1970; 0: what it sent is being handed over
}

var _ net.Conn = (*conn)(nil)

func newConn(ws *websocket.Conn, raw net.Conn) *conn {
	c := &conn{ws: ws, raw: raw, over: make(chan struct{})}
	c.near, c.far = net.Pipe()
	return c
}

// Read is net.Conn's.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.near.Read(b)
	if why := c.why.Load(); errors.Is(err, io.EOF) && why != nil {
		return n, why
	}
	return n, err
}

// Write is net.Conn's. It sends whole elements, each as one frame.
func (c *conn) Write(b []byte) (int, error) {
	var frame []byte
	for rest := b; len(rest) > 0; {
		var err error
		if frame, rest, err = cutFrame(frame[:0], rest); err != nil {
			return 0, err
		}
		if err := c.ws.Write(context.Background(), websocket.MessageText, frame); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// closeTime is how long the client may take to answer a closing frame.
const closeTime = 2 * time.Second

// CloseWrite says goodbye, and waits a little for the answer (RFC 6455).
func (c *conn) CloseWrite() error {
	t := time.AfterFunc(closeTime, c.cut)
	defer t.Stop()
	_ = c.near.Close() // nobody wants to know any more what is on its way
	return c.ws.Close(websocket.StatusNormalClosure, "")
}

// Close is net.Conn's. It does not wait for the client.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.over)
		_ = c.near.Close()
		c.cut()
	})
	return nil
}

// cut closes the connection without a word. That of TLS would first try to say goodbye, for five seconds where nobody reads.
func (c *conn) cut() {
	if t, ok := c.raw.(*tls.Conn); ok {
		_ = t.NetConn().Close()
		return
	}
	_ = c.raw.Close()
}

// LocalAddr is net.Conn's.
func (c *conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr is net.Conn's.
func (c *conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline is net.Conn's.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is net.Conn's.
func (c *conn) SetReadDeadline(t time.Time) error { return c.near.SetReadDeadline(t) }

// SetWriteDeadline is net.Conn's.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }
