package presence

import (
	"context"
	"iter"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// broadcast takes presence that is for nobody in particular.
func (m *Module) broadcast(ctx context.Context, p *server.Passage) error {
	if p.Session == nil {
		return nil
	}
	switch p.Stanza.Type {
	case "":
		return m.available(ctx, p.Session, p.Stanza)
	case xmpp.TypeUnavailable:
		if err := m.unavailable(ctx, p.Session, p.Stanza); err != nil {
			return err
		}
		p.Session.Send(stream.Packet{Stanza: p.Stanza, To: p.Session.JID.Bare()}) // §4.5.2: also to the resource that sent it
		return nil
	case xmpp.TypeError, xmpp.TypeProbe: // a probe is no reason for an error: §4.3
		return nil
	}
	return xmpp.ErrBadRequest.With("Whom is this for? It has no 'to'.")
}

// available: RFC 6121 §4.2.2, §4.4.2.
func (m *Module) available(ctx context.Context, s *server.Session, st *xmpp.Stanza) error {
	priority, err := check(st)
	if err != nil {
		return err
	}
	subscribers, err := m.contacts.Subscribers(ctx, s.Account)
	if s.Presence() != nil {
		if err != nil {
			return err
		}
		m.shown(ctx, s, st, priority, subscribers)
		m.host.Announce(ctx, server.PresenceChange{Kind: server.PresenceUpdated, Account: s.Account.JID, Session: s})
		return nil
	}
	var subscriptions iter.Seq[xmpp.JID]
	if err == nil {
		subscriptions, err = m.contacts.Subscriptions(ctx, s.Account)
	}
	if err != nil { // no client says again that it is there, or looks at an error for it; but all of them connect again
		s.End(&stream.Error{Condition: stream.ResourceConstraint, Text: "The server can't read your contact list just now. Your client may reconnect."})
		return server.ErrDrop
	}
	m.shown(ctx, s, st, priority, subscribers)
	m.gather(ctx, s, subscriptions)
	m.host.Announce(ctx, server.PresenceChange{Kind: server.BecameAvailable, Account: s.Account.JID, Session: s})
	return nil
}

// shown makes a presence known to those who are to know it: the other resources, the session itself, and the subscribers.
func (m *Module) shown(ctx context.Context, s *server.Session, st *xmpp.Stanza, priority int8, subscribers iter.Seq[xmpp.JID]) {
	s.SetPresence(st, priority)
	m.host.Multicast(ctx, st, one(s.Account.JID))
	m.host.Multicast(ctx, st, subscribers)
}

// gather gives a session that has just become available the presence of its account's others, and of those whom it sees (§4.3.1).
func (m *Module) gather(ctx context.Context, s *server.Session, subscriptions iter.Seq[xmpp.JID]) {
	m.host.Hand(ctx, s, func(yield func(*xmpp.Stanza) bool) {
		for _, x := range s.Account.Sessions() {
			if x != s && !current(x, yield) {
				return
			}
		}
		for contact := range subscriptions {
			if !m.ofContact(ctx, s.Account.JID, contact, yield) {
				return
			}
		}
	})
}

// ofContact yields the presence of one whom the account sees. Who is not here is asked by a probe; who is off-line is not told of.
func (m *Module) ofContact(ctx context.Context, watcher, contact xmpp.JID, yield func(*xmpp.Stanza) bool) bool {
	if !m.host.IsLocal(contact.Domain()) {
		probe := mere(xmpp.TypeProbe, watcher)
		probe.ID = m.host.NewID()
		m.host.Multicast(ctx, probe, one(contact))
		return true
	}
	a := m.host.Online(contact)
	if a == nil {
		return true
	}
	if sees, err := m.host.Sees(ctx, watcher, contact); err != nil || !sees { // it is the contact's roster that counts
		if err != nil {
			m.host.Log().Error("presence of a contact not given", "jid", watcher.String(), "peer", contact.String(), "module", "presence", "err", err)
		}
		return true
	}
	for _, x := range a.Sessions() {
		if !current(x, yield) {
			return false
		}
	}
	return true
}

// current yields the presence of a session. If it changes meanwhile, what it has become is yielded too: the change may have been told
// before those for whom this is could be seen to want it.
func current(x *server.Session, yield func(*xmpp.Stanza) bool) bool {
	for st := x.Presence(); st != nil; {
		if !yield(st) {
			return false
		}
		switch now := x.Presence(); now {
		case st:
			return true
		case nil:
			return yield(mere(xmpp.TypeUnavailable, x.JID))
		default:
			st = now
		}
	}
	return true
}

// show gives the presence of an account to those listed.
func (m *Module) show(ctx context.Context, a *server.Account, to iter.Seq[xmpp.JID]) {
	for _, x := range a.Sessions() {
		current(x, func(st *xmpp.Stanza) bool {
			m.host.Multicast(ctx, st, to)
			return true
		})
	}
}

// unavailable: RFC 6121 §4.5.2.
func (m *Module) unavailable(ctx context.Context, s *server.Session, st *xmpp.Stanza) error {
	subscribers, err := m.contacts.Subscribers(ctx, s.Account)
	if err != nil {
		return err
	}
	was := s.Presence() != nil
	s.SetPresence(nil, 0)
	if was {
		m.host.Multicast(ctx, st, one(s.Account.JID))
		m.host.Multicast(ctx, st, subscribers)
	}
	m.withdraw(ctx, s, st, was)
	if was {
		m.host.Announce(ctx, server.PresenceChange{Kind: server.BecameUnavailable, Account: s.Account.JID, Session: s})
	}
	return nil
}

// closed: who goes without a word has the server say it (§4.5.2).
func (m *Module) closed(ctx context.Context, s *server.Session) {
	if s.Presence() == nil && m.sent.Peek(s) == nil {
		return
	}
	if err := m.unavailable(context.WithoutCancel(ctx), s, mere(xmpp.TypeUnavailable, s.JID)); err != nil {
		m.host.Log().Error("unavailable presence not sent", "jid", s.JID.String(), "module", "presence", "err", err)
	}
}
