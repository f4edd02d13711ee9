package server

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// A Conn carries a session's stream to its client. Each transport has its own.
type Conn interface {
	// Send queues a packet and never blocks; a queue that is full ends the stream.
	Send(stream.Packet)
	// Close ends the stream after what is queued, with an error or, for nil, plainly. It does not wait.
	Close(*stream.Error)
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
	conn     Conn
	presence atomic.Pointer[xmpp.Stanza]
	priority atomic.Int32
	active   atomic.Int64 // when it last sent something, in Unix seconds
	closed   atomic.Bool
	gone     chan struct{} // closed when Closed is through
	flow     flow
	asks     asks
	slots    slots
}

// Bind makes a session (RFC 6120 §7). An empty resource gets a random one; a resource in use is taken over from its session,
// which ends with conflict (RFC 6120 §7.7.2.2) and is waited for, so that its last presence is told before the new one's first.
// The error is an *xmpp.Error, jid-malformed for a resource that is none, or the context's.
func (h *Host) Bind(ctx context.Context, user xmpp.JID, resource string, conn Conn) (*Session, error) {
	if resource == "" {
		resource = h.NewID()
	}
	full, err := user.WithResource(resource)
	if err != nil {
		return nil, xmpp.ErrJIDMalformed.With("This is not a resource.")
	}
	now := h.Now()
	s := &Session{JID: full, ID: h.NewID(), Since: now, host: h, conn: conn, gone: make(chan struct{})}
	s.flow.host = h
	s.active.Store(now.Unix())
	s.Account = h.hold(full.Bare())
	h.live.Add(1)
	h.Stats.sessions.Add(1)
	for _, old := range s.Account.add(s, h.opts.MaxSessions) {
		e := &stream.Error{Condition: stream.Conflict, Text: "This resource has logged in again elsewhere."}
		if old.JID != s.JID {
			e = &stream.Error{Condition: stream.PolicyViolation, Text: "Too many sessions of this account; this one was idle the longest."}
		}
		old.conn.Close(e)
		select {
		case <-old.gone:
		case <-ctx.Done():
			s.Closed(ctx)
			return nil, ctx.Err()
		}
	}
	for _, fn := range h.hooks.SessionOpened {
		fn(ctx, s)
	}
	return s, nil
}

// add puts a session in its place and gives those that must go: the one of the same resource, or the one that is idle the longest.
func (a *Account) add(s *Session, most int) (gone []*Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := make([]*Session, 0, len(a.Sessions())+1)
	for _, old := range a.Sessions() {
		if old.JID == s.JID {
			gone = append(gone, old)
		} else {
			next = append(next, old)
		}
	}
	for len(next) >= most {
		i := longestIdle(next)
		gone = append(gone, next[i])
		next = slices.Delete(next, i, i+1)
	}
	a.setLocked(append(next, s))
	return gone
}

func longestIdle(list []*Session) int {
	at := 0
	for i, s := range list {
		if s.active.Load() < list[at].active.Load() {
			at = i
		}
	}
	return at
}

func (a *Account) remove(s *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.Sessions(), s); i >= 0 {
		a.setLocked(slices.Delete(slices.Clone(a.Sessions()), i, i+1))
	}
}

// End ends the stream of the session, and so the session: with an error, or plainly for nil. It may be called from anywhere, any number of times,
// and does not wait. From now on the session is sent nothing.
func (s *Session) End(e *stream.Error) {
	s.Account.remove(s)
	s.conn.Close(e)
}

// Closed ends the session. The transport calls it, once its reader is through and nothing more can come; what came before is told first.
// Only the first call counts.
func (s *Session) Closed(ctx context.Context) {
	if !s.closed.CompareAndSwap(false, true) {
		return
	}
	s.flow.settle()
	s.Account.remove(s)
	s.asks.forget()
	for _, fn := range s.host.hooks.SessionClosed {
		fn(ctx, s)
	}
	s.SetPresence(nil, 0)
	s.host.release(s.Account)
	s.host.Stats.sessions.Add(-1)
	s.host.live.Done()
	close(s.gone)
}

// IsClosed tells whether the session has ended.
func (s *Session) IsClosed() bool { return s.closed.Load() }

// Gone is closed once the session has ended and every module has been told.
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
func (s *Session) Remote() netip.Addr { return s.conn.Remote() }

// LastActive is when the client last sent something.
func (s *Session) LastActive() time.Time { return time.Unix(s.active.Load(), 0) }

// Send gives a packet to the client, by way of the Sending hooks. It never blocks.
func (s *Session) Send(p stream.Packet) {
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
	s.conn.Send(p)
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
