package servertest

import (
	"net/netip"

	"palabre/stream"
)

// A Sink is a connection that counts what it is sent, and writes it as a queue would, for tests that measure. It belongs to one goroutine.
type Sink struct {
	Sent int

	buf []byte
}

// Send is part of server.Conn.
func (s *Sink) Send(p stream.Packet) bool { s.Sent++; s.buf = p.AppendTo(s.buf[:0]); return true }

// Close is part of server.Conn.
func (*Sink) Close(*stream.Error) {}

// Remote is part of server.Conn.
func (*Sink) Remote() netip.Addr { return netip.Addr{} }

// Flush is part of server.Conn.
func (*Sink) Flush() {}

// Drop is part of server.Conn.
func (*Sink) Drop() {}
