package server

import (
	"context"
	"net/netip"

	"palabre/stream"
)

// An absent is what a session that waits for a connection has in its place.
type absent Session

func (a *absent) Send(p stream.Packet) bool {
	s := (*Session)(a)
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.state == parting && !s.ended.Load():
		s.lateLocked(p)
		return true
	case o.state != away || s.ended.Load():
		return false
	case !p.IsStanza():
		return true // the client asks anew for what it needs
	}
	o.ledger.Keep(p)
	s.boundLocked(o.ledger.IsFull())
	return true
}

func (a *absent) Close(*stream.Error) {
	s := (*Session)(a)
	s.out.mu.Lock()
	gone := s.out.state == away && s.ended.Load()
	s.out.mu.Unlock()
	if gone {
		s.host.beside(func() { s.Closed(context.Background()) })
	}
}

func (a *absent) Drop()  {}
func (a *absent) Flush() {}

func (a *absent) Remote() netip.Addr {
	s := (*Session)(a)
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.remote
}
