package c2s

import (
	"errors"
	"net/netip"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

var _ server.Conn = (*conn)(nil)

// Send is part of server.Conn. Until the client has been told its address, packets wait.
func (c *conn) Send(p stream.Packet) (taken bool) {
	if !c.ready.Load() && c.hold(p) {
		return true
	}
	err := c.queue.Send(p)
	if err == stream.ErrOverflow {
		c.overflow()
	}
	return err == nil
}

// Flush is part of server.Conn. Nothing comes before the answer that tells the client its address.
func (c *conn) Flush() {
	if !c.ready.Load() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.ready.Load() {
			c.flush = true
			return
		}
	}
	c.queue.Flush()
}

// Drop is part of server.Conn. TLS comes to its proper end: there are clients (Dino 0.4) that miss the end of a connection without it, and come back only after
// a minute and a half.
func (c *conn) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		c.broken = true
		_ = c.raw.Close()
		return
	}
	c.ended = true
	if c.queue != nil {
		c.queue.Close(nil, nil)
	}
	_ = c.raw.SetReadDeadline(time.Unix(1, 0))
}

// Close is part of server.Conn.
func (c *conn) Close(why *stream.Error) { c.end(why) }

// Remote is part of server.Conn.
func (c *conn) Remote() netip.Addr { return c.remote }

// overflow ends the stream of a client that does not read.
func (c *conn) overflow() {
	c.end(&stream.Error{Condition: stream.ResourceConstraint, Text: "Your client does not read what it is sent."})
}

// hold keeps a packet that comes before the answer to the client's request for a resource; false means that the answer has gone meanwhile, or the stream
// is at its end.
func (c *conn) hold(p stream.Packet) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready.Load() || c.ended {
		return false
	}
	c.heldSize += p.Size()
	if c.heldSize > c.queue.Max {
		c.endLocked(&stream.Error{Condition: stream.ResourceConstraint, Text: "Too much came in for this resource before it was bound."})
		return false
	}
	c.held = append(c.held, p)
	return true
}

// bind asks the kernel for a resource.
func (c *conn) bind(user xmpp.JID, resource string) error {
	c.makeQueue()
	ctx, cancel := c.neg.context()
	defer cancel()
	s, err := c.srv.host.Bind(ctx, user, resource, c)
	if err != nil {
		return err
	}
	c.take(s)
	return nil
}

// makeQueue makes the queue, before there is a session: from then on it is the only one that writes.
func (c *conn) makeQueue() {
	if c.queue != nil {
		return
	}
	q := stream.NewQueue(c.wire)
	q.Timeout, q.OnError = c.srv.opts.WriteTime, c.lost
	q.OnWrite = func(batch []stream.Packet) []stream.Packet {
		if s := c.owner.Load(); s != nil {
			return s.Outgoing(batch)
		}
		return batch
	}
	q.OnWritten = func(err error) {
		if s := c.owner.Load(); s != nil {
			s.Written(err)
		}
	}
	_ = c.raw.SetWriteDeadline(time.Time{})
	c.mu.Lock()
	c.queue = q
	c.mu.Unlock()
}

// take makes the connection that of a session.
func (c *conn) take(s *server.Session) {
	c.session = s
	c.owner.Store(s)
	c.srv.lobby.leave(c)
}

// lost is told by the queue that it can't write.
func (c *conn) lost(error) {
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	c.end(nil)
}

// begin sends the answer that tells the client its address, then what has come in for it. What a client has asked for while it binds begins with the answer.
func (c *conn) begin(answer []byte) {
	first := stream.Packet{Raw: string(answer), Begins: c.session.Counts()} // its lock comes before ours
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.queue.Send(first)
	for err == nil && len(c.held) > 0 {
		if err = c.queue.Send(c.held[0]); err == nil {
			c.held = c.held[1:]
		}
	}
	if err == stream.ErrOverflow {
		c.endLocked(&stream.Error{Condition: stream.ResourceConstraint, Text: "Too much came in for this resource before it was bound."})
	}
	if len(c.held) == 0 {
		c.held = nil
	}
	c.neg = nil
	c.ready.Store(true)
	if c.flush {
		c.queue.Flush()
	}
	if c.ended {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // nobody has woken the reader if it ended above, or in hold
	} else {
		_ = c.raw.SetReadDeadline(time.Time{})
	}
}

// attend is the phase of the session: it reads stanzas until the stream ends. Its frame is small, since it is what waits: see stream.Socket.
func attend(c *conn) (phase, error) {
	if c.socket != nil {
		c.reader.WaitOn(c.socket)
		defer c.socket.Hasty(false)
	}
	for {
		if err := c.burst(); err != nil {
			return nil, err
		}
		if err := c.reader.Wait(); err != nil {
			return nil, err
		}
	}
}

// burst handles what has come.
func (c *conn) burst() error {
	for {
		ev, err := c.reader.Next()
		if err != nil {
			return err
		}
		switch ev.Kind {
		case stream.None:
			return nil
		case stream.Stanza:
			c.stanza(ev)
		case stream.Nonza:
			err = c.nonza(ev.Nonza)
		case stream.Closed:
			err = errClosed
		}
		if err != nil {
			return err
		}
	}
}

func (c *conn) stanza(ev stream.Event) {
	st := ev.Stanza
	if st.Kind == xmpp.IQ && st.Type == xmpp.TypeSet && st.Has(nsSession, "session") {
		// RFC 3921 §3: there is nothing to do, but old clients want to hear so.
		c.session.Write(stream.Packet{Stanza: st.Result(xmpp.Element{}), To: c.session.JID})
		c.session.Done(c.srv.ctx, st)
		return
	}
	if st.Lang == "" && st.Kind != xmpp.IQ {
		st.Lang = c.lang // RFC 6120 §8.1.5; nobody else has seen it yet
	}
	c.session.Receive(c.srv.ctx, ev)
}

func (c *conn) nonza(e xmpp.Element) error {
	if e.Is(xmpp.NSStream, "error") {
		c.srv.log.Info("the client reports a stream error", "conn", c.id, "jid", c.jid(), "peer", c.remote.String(), "err", errorOf(e))
		return errClosed // RFC 6120 §4.9.1.1
	}
	if e.Is(nsResume, "resume") {
		return c.write(unexpected()) // XEP-0198 §6: the stream has a session
	}
	if !c.session.Nonza(c.srv.ctx, e) {
		return &stream.Error{Condition: stream.UnsupportedStanzaType, Text: "This server does not know this element."} // RFC 6120 §4.9.3.24
	}
	return nil
}

// errorOf is the condition in a stream error that a client sent; nothing of its own making gets into the log.
func errorOf(e xmpp.Element) string {
	for _, x := range e.Elements() {
		if x.Name.Space == xmpp.NSStreams && conditions[stream.Condition(x.Name.Local)] {
			return x.Name.Local
		}
	}
	return string(stream.UndefinedCondition)
}

// unsent are the packets that have not been written. Nobody writes any more.
func (c *conn) unsent() []stream.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := append(c.queue.Unsent(), c.held...)
	c.held = nil
	return out
}

// isOver tells whether the client has closed its stream, or gave reason to, so that nobody may go on with it (XEP-0198 §6).
func (c *conn) isOver(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var se *stream.Error
	return !c.ended && (errors.Is(err, errClosed) || errors.As(err, &se))
}

// closeSession has the kernel tell what is under way, and end the session.
func (c *conn) closeSession(why *stream.Error) {
	_, _ = c.guard(func(c *conn) (phase, error) {
		c.session.Closed(c.srv.ctx)
		return nil, nil
	})
	attrs := []any{"conn", c.id, "jid", c.jid(), "peer", c.remote.String()}
	if why != nil {
		attrs = append(attrs, "err", why)
	}
	c.srv.log.Info("session closed", attrs...)
}
