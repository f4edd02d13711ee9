package c2s

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"palabre/server"
	"palabre/stream"
)

// A conn is the connection of one client. All of it but what mu guards belongs to the goroutine that reads. It is small on purpose:
// an idle client costs one of these, a session, a queue and a reader, and what TLS needs.
type conn struct {
	srv    *Server
	id     uint64
	raw    net.Conn       // as it was accepted
	wire   net.Conn       // raw, or TLS over it
	socket *stream.Socket // raw, if it is TCP
	remote netip.Addr
	reader *stream.Reader
	seat   seat // guarded by the lobby

	neg     *negotiation // nil once a resource is bound
	lang    string       // of the stream (RFC 6120 §4.7.4)
	session *server.Session
	owner   atomic.Pointer[server.Session] // session, for the queue
	queue   *stream.Queue                  // set under mu, when a resource is about to be bound; from then on the only writer

	ready atomic.Bool // the client knows its address: it may be sent stanzas

	mu       sync.Mutex // leaf, but for the queue's own
	held     []stream.Packet
	heldSize int
	flush    bool          // the queue is to be flushed when the client knows its address
	ended    bool          // the stream is to end, or has
	why      *stream.Error // the reason, if there is one
	broken   bool          // nothing can be written any more
}

// errClosed says that the client has closed its stream; errHungUp that nothing more can be said to it.
var (
	errClosed = errors.New("the client closed its stream")
	errHungUp = errors.New("the connection is of no use any more")
)

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, id: s.ids.Add(1), raw: nc, wire: nc}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.remote = a.AddrPort().Addr().Unmap().WithZone("")
	}
	if t, ok := nc.(*net.TCPConn); ok {
		if sock, err := stream.NewSocket(t); err == nil {
			c.raw, c.wire, c.socket = sock, sock, sock
		}
		// RFC 6120 §4.6.4: rarely, for the sake of batteries. Who is gone without a word is found within seven minutes.
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 5 * time.Minute, Interval: 30 * time.Second, Count: 4})
	}
	_ = nc.SetDeadline(time.Now().Add(s.opts.LoginTime))
	return c
}

// A phase is a stretch of a connection's life. It gives the next one, which runs on a goroutine of its own, or says why the stream ends:
// with a *stream.Error that the client is told, errClosed, or what reading gave.
type phase func(c *conn) (phase, error)

// run is a goroutine: one phase, and then either the next goroutine or the end of the connection.
func (c *conn) run(p phase) {
	next, err := c.guard(p)
	if next != nil {
		go c.run(next)
		return
	}
	c.finish(err)
	c.srv.gone(c)
}

// guard turns an error of our own making into the end of one stream.
func (c *conn) guard(p phase) (next phase, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.srv.Stats.panics.Add(1)
			c.srv.log.Error("a connection failed", "conn", c.id, "jid", c.jid(), "peer", c.remote.String(), "err", v, "stack", string(debug.Stack()))
			next, err = nil, &stream.Error{Condition: stream.InternalServerError, Text: "The server made a mistake. Please try again."}
		}
	}()
	return p(c)
}

// jid is the session's address for the log, or empty.
func (c *conn) jid() string {
	if c.session == nil {
		return ""
	}
	return c.session.JID.String()
}

// bound tells whether the client has a session, as seen from any goroutine.
func (c *conn) bound() bool { return c.ready.Load() }

// end asks the reader to end the stream, for a reason or plainly. Only the first reason counts. It may be called from anywhere, and does not wait.
func (c *conn) end(why *stream.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(why)
	_ = c.raw.SetReadDeadline(time.Unix(1, 0))
}

func (c *conn) endLocked(why *stream.Error) {
	if c.ended {
		return
	}
	c.ended, c.why = true, why
	if c.queue != nil {
		c.queue.Close(farewell(nil, why), nil)
	}
}

// farewell writes the end of a stream (RFC 6120 §4.4, §4.9.1.1).
func farewell(b []byte, why *stream.Error) []byte {
	if why != nil {
		b = why.AppendXML(b)
	}
	return stream.AppendClose(b)
}

// finish ends the connection once nothing more is read. What the client sent before is told first.
func (c *conn) finish(err error) {
	why, silent := c.reason(err)
	if silent {
		_ = c.raw.Close()
	}
	kept := c.session != nil && c.session.Detach(c.isOver(err))
	if c.session != nil && !kept {
		c.closeSession(why)
	}
	c.end(why)
	if c.queue != nil {
		c.queue.Wait()
	} else if !silent {
		c.takeLeave()
	}
	if c.session != nil {
		c.handOver(kept)
	}
	c.hangUp(silent || c.isBroken())
	c.srv.lobby.leave(c)
	if c.reader != nil {
		c.reader.Release()
	}
}

// handOver gives the kernel what has not been written. A session that is kept goes on without us.
func (c *conn) handOver(kept bool) {
	_, _ = c.guard(func(c *conn) (phase, error) {
		if !kept {
			c.session.Parted(c.srv.ctx, c.unsent())
			return nil, nil
		}
		c.session.Left(c.srv.ctx, c.unsent())
		return nil, nil
	})
	if kept {
		c.srv.log.Info("session waits for its client", "conn", c.id, "jid", c.jid(), "peer", c.remote.String())
	}
}

// reason makes of an error what the client is told; silent means that there is nobody to tell.
func (c *conn) reason(err error) (why *stream.Error, silent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var se *stream.Error
	switch {
	case c.broken || errors.Is(err, errHungUp):
		return nil, true
	case c.ended:
		return c.why, false
	case errors.As(err, &se):
		return se, false
	case errors.Is(err, errClosed), errors.Is(err, io.EOF):
		return nil, false
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &stream.Error{Condition: stream.ConnectionTimeout, Text: "Logging in took too long."}, false
	}
	return nil, true
}

func (c *conn) isBroken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// takeLeave says goodbye on a stream that has no queue yet.
func (c *conn) takeLeave() {
	if c.reader == nil {
		return // TLS has not come about: there is no stream (RFC 6120 §5.4.3.2)
	}
	var b []byte
	if c.neg != nil {
		b = c.neg.appendHeader(b)
	}
	_ = c.wire.SetWriteDeadline(time.Now().Add(c.srv.opts.LingerTime))
	_, _ = c.wire.Write(farewell(b, c.why))
}

// hangUp closes the connection. Politely means to wait a little until the client has closed its side: the system would throw away
// what we have sent if something that we have not read were there.
func (c *conn) hangUp(silent bool) {
	if silent {
		_ = c.raw.Close()
		return
	}
	_ = c.raw.SetDeadline(time.Now().Add(c.srv.opts.LingerTime))
	if t, ok := c.wire.(*tls.Conn); ok {
		_ = t.CloseWrite()
	}
	if t, ok := c.raw.(interface{ CloseWrite() error }); ok && t.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c.raw, 256<<10)
	}
	_ = c.raw.Close()
}

// write sends bytes during negotiation. An error means that the connection is of no use.
func (c *conn) write(b []byte) error {
	if c.queue != nil {
		if err := c.queue.Send(stream.Packet{Raw: string(b)}); err != nil {
			return errHungUp
		}
		return nil
	}
	if _, err := c.wire.Write(b); err != nil {
		return errHungUp
	}
	return nil
}
