package presence

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"palabre/server"
	"palabre/xmpp"
)

// mostDirected is to how many a session can have sent presence directly at a time: a client is in as many rooms at most.
const mostDirected = 500

// directed is to whom a session has sent available presence directly, and not unavailable since (RFC 6121 §4.6.1).
type directed struct {
	mu sync.Mutex // tier 4
	to []xmpp.JID
}

func (d *directed) add(j xmpp.JID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.to, j) {
		d.to = append(d.to, j)
	}
}

// full tells whether there is no place for one more.
func (d *directed) full(j xmpp.JID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.to) >= mostDirected && !slices.Contains(d.to, j)
}

// take removes those for whom gone says so, and gives them.
func (d *directed) take(gone func(xmpp.JID) bool) []xmpp.JID {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []xmpp.JID
	d.to = slices.DeleteFunc(d.to, func(j xmpp.JID) bool {
		if !gone(j) {
			return false
		}
		out = append(out, j)
		return true
	})
	if len(d.to) == 0 {
		d.to = nil
	}
	return out
}

// includes tells whether the entity that writes from this address has been sent presence.
func (d *directed) includes(from xmpp.JID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.to, func(j xmpp.JID) bool { return j.Bare() == from.Bare() })
}

// knows tells whether a session has sent its presence to the entity that writes from this address.
func (m *Module) knows(from xmpp.JID, s *server.Session) bool {
	if s == nil {
		return false
	}
	d := m.sent.Peek(s)
	return d != nil && d.includes(from)
}

// outbound checks presence that a client directs to somebody, and remembers to whom (RFC 6121 §4.6.3).
func (m *Module) outbound(_ context.Context, p *server.Passage) error {
	st := p.Stanza
	if st.Kind != xmpp.Presence || st.To.IsZero() {
		return nil
	}
	switch st.Type {
	case "":
		if _, err := check(st); err != nil {
			return err
		}
		if d := m.sent.Peek(p.Session); d != nil && d.full(st.To) {
			return xmpp.ErrPolicyViolation.With(fmt.Sprintf("You have sent presence to %d addresses directly. Leave some first.", mostDirected))
		}
		p.Then(m.remember)
	case xmpp.TypeUnavailable:
		p.Then(m.forget)
	}
	return nil
}

func (m *Module) remember(ctx context.Context, p *server.Passage) error {
	s, to := p.Session, p.Stanza.To
	subscribed, err := m.host.Sees(ctx, to, s.JID)
	if err != nil {
		return err
	}
	if !subscribed || s.Presence() == nil { // else the broadcast of unavailable presence is enough, also for one's own devices: §4.6.3, case 1
		m.sent.Get(s).add(to)
	}
	m.announce(ctx, server.Directed, s, to)
	return nil
}

// announce tells the modules who may see a session since now, or no longer. The account itself always may.
func (m *Module) announce(ctx context.Context, kind server.PresenceKind, s *server.Session, to xmpp.JID) {
	if to.Bare() != s.Account.JID {
		m.host.Announce(ctx, server.PresenceChange{Kind: kind, Account: s.Account.JID, Session: s, Contact: to})
	}
}

func (m *Module) forget(ctx context.Context, p *server.Passage) error {
	to := p.Stanza.To
	m.end(ctx, p.Session, func(j xmpp.JID) bool { return j == to })
	return nil
}

// end forgets that presence was sent to some, and gives them.
func (m *Module) end(ctx context.Context, s *server.Session, gone func(xmpp.JID) bool) []xmpp.JID {
	d := m.sent.Peek(s)
	if d == nil {
		return nil
	}
	out := d.take(gone)
	for _, j := range out {
		m.announce(ctx, server.DirectedEnd, s, j)
	}
	return out
}

// withdraw tells those to whom presence was directed that it has ended (§4.6.3), unless the broadcast has.
func (m *Module) withdraw(ctx context.Context, s *server.Session, st *xmpp.Stanza, broadcast bool) {
	all := m.end(ctx, s, func(xmpp.JID) bool { return true })
	if len(all) == 0 {
		return
	}
	m.host.Multicast(ctx, st, func(yield func(xmpp.JID) bool) {
		for _, j := range all {
			if told, err := m.host.Sees(ctx, j, s.JID); broadcast && told && err == nil {
				continue
			}
			if !yield(j) {
				return
			}
		}
	})
}

// inbound forgets those who say that they have gone, such as a room that one was removed from (§4.6.1).
func (m *Module) inbound(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	if st.Kind != xmpp.Presence || st.Type != xmpp.TypeUnavailable && st.Type != xmpp.TypeError {
		return nil
	}
	for _, s := range p.Recipient.Sessions() {
		if st.To.Covers(s.JID) {
			m.end(ctx, s, st.From.Covers)
		}
	}
	return nil
}
