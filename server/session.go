package server

import (
	"net/netip"
	"sync/atomic"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// A Conn carries a session's stream to its client. Each transport has its own.
type Conn interface {
	// Send queues a packet and never blocks; a queue that is full ends the stream. false: the connection takes nothing any more.
	Send(stream.Packet) (taken bool)
	// Close ends the stream after what is queued, with an error or, for nil, plainly. It does not wait.
	Close(*stream.Error)
	// Flush has the connection's queue call Session.Outgoing, though nothing new may have come.
	Flush()
	// Drop ends the connection after what is queued, and leaves the stream unfinished: its session goes on with another one. A connection that is at its end
	// already is closed at once.
	Drop()
	// Remote is where the client is.
	Remote() netip.Addr
}

// A Session is a resource of an account that is bound to a stream. Its fields are fixed at Bind.
type Session struct {
	JID     xmpp.JID // full
	Account *Account
	ID      string // 128 random bits: names the session in logs and in resumption
	Since   time.Time

	host     *Host
	conn     atomic.Pointer[connRef]
	presence atomic.Pointer[xmpp.Stanza]
	priority atomic.Int32
	active   atomic.Int64 // when it last sent something, in Unix seconds
	ended    atomic.Bool  // its client is heard no more
	closed   atomic.Bool
	gone     chan struct{} // closed when Closed is through
	alone    [1]*Session   // itself: the sessions that a stanza to the full JID reaches
	flow     flow
	received uint32        // stanzas since Count; of the reader
	told     atomic.Uint32 // how many of them have been told
	out      outlet
	asks     asks
	slots    slots
}

// IsClosed tells whether the session has ended.
func (s *Session) IsClosed() bool { return s.closed.Load() }

// Gone is closed once the session has ended and every module has been told. What runs on the session's own reader must not wait for it.
func (s *Session) Gone() <-chan struct{} { return s.gone }

// Presence is the last available presence that the session sent to everybody; nil while it is not available.
func (s *Session) Presence() *xmpp.Stanza { return s.presence.Load() }

// Priority is that of Presence (RFC 6121 §4.7.2.3).
func (s *Session) Priority() int { return int(s.priority.Load()) }

// SetPresence says what Presence shall be; nil for not available. Module presence calls it.
func (s *Session) SetPresence(p *xmpp.Stanza, priority int8) {
	s.priority.Store(int32(priority))
	s.presence.Store(p)
}

// Host is the kernel that the session belongs to.
func (s *Session) Host() *Host { return s.host }

// Remote is where the client is.
func (s *Session) Remote() netip.Addr { return s.conn.Load().Remote() }

// LastActive is when the client last sent something.
func (s *Session) LastActive() time.Time { return time.Unix(s.active.Load(), 0) }

// Send gives a packet to the client, by way of the Sending hooks. It never blocks.
func (s *Session) Send(p stream.Packet) {
	if p.Mark == 0 && p.Stanza != nil && p.Stanza.Kind == xmpp.Message {
		p.At = s.host.Now().UnixMicro()
	}
	for _, fn := range s.host.hooks.Sending {
		if fn(s, p) {
			return
		}
	}
	s.Write(p)
}

// Write gives a packet to the client, past the hooks.
func (s *Session) Write(p stream.Packet) {
	if p.Stanza != nil {
		s.host.Stats.out[p.Stanza.Kind].Add(1)
	}
	for {
		c := s.conn.Load()
		if c.Send(p) {
			return
		}
		if s.refused(c, p) {
			return
		}
	}
}

// SendStanza sends a stanza as it is addressed.
func (s *Session) SendStanza(st *xmpp.Stanza) { s.Send(stream.Packet{Stanza: st, To: st.To}) }

// Save collects what the modules want to keep of the session.
func (s *Session) Save() map[string][]byte {
	out := map[string][]byte{}
	for _, fn := range s.host.hooks.SessionSaved {
		fn(s, func(module string, state []byte) { out[module] = state })
	}
	return out
}

// Restore gives the modules back what Save collected.
func (s *Session) Restore(saved map[string][]byte) {
	for _, fn := range s.host.hooks.SessionRestored {
		fn(s, func(module string) []byte { return saved[module] })
	}
}
