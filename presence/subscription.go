package presence

import (
	"context"
	"iter"

	"palabre/server"
	"palabre/xmpp"
)

// changed shows an account to those who may see it from now on, and has it leave before those who no longer may.
func (m *Module) changed(ctx context.Context, c server.PresenceChange) {
	fn := reactions[c.Kind]
	if fn == nil {
		return
	}
	a := m.host.Online(c.Account)
	if a == nil {
		return
	}
	if err := fn(m, ctx, a, c.Contact); err != nil {
		m.host.Log().Error("presence not told", "jid", c.Account.String(), "peer", c.Contact.String(), "module", "presence", "err", err)
	}
}

var reactions = map[server.PresenceKind]func(m *Module, ctx context.Context, a *server.Account, contact xmpp.JID) error{
	server.Subscribed:   (*Module).subscribed,
	server.Unsubscribed: (*Module).unsubscribed,
	server.Withheld:     (*Module).withheld,
	server.Restored:     (*Module).restored,
}

// subscribed: RFC 6121 §3.1.5.
func (m *Module) subscribed(ctx context.Context, a *server.Account, contact xmpp.JID) error {
	m.show(ctx, a, one(contact))
	return nil
}

// unsubscribed: RFC 6121 §3.2.2, §3.3.3; it takes precedence over directed presence (§4.6.1).
func (m *Module) unsubscribed(ctx context.Context, a *server.Account, contact xmpp.JID) error {
	m.leave(ctx, a, contact, one(contact))
	return nil
}

// leave has an account's sessions become unavailable for some, among whom are those to whom they have directed presence at an address
// that is covered.
func (m *Module) leave(ctx context.Context, a *server.Account, covered xmpp.JID, to iter.Seq[xmpp.JID]) {
	for _, s := range a.Sessions() {
		st := mere(xmpp.TypeUnavailable, s.JID)
		if s.Presence() != nil {
			m.host.Multicast(ctx, st, to)
		}
		for _, j := range m.end(ctx, s, covered.Covers) {
			m.host.Multicast(ctx, st, one(j))
		}
	}
}

// withheld: XEP-0191 §3.3.
func (m *Module) withheld(ctx context.Context, a *server.Account, address xmpp.JID) error {
	subscribers, err := m.contacts.Subscribers(ctx, a)
	if err == nil {
		m.leave(ctx, a, address, among(subscribers, address))
	}
	return err
}

// restored: XEP-0191 §3.4. The account sees them again, too.
func (m *Module) restored(ctx context.Context, a *server.Account, address xmpp.JID) error {
	subscribers, err := m.contacts.Subscribers(ctx, a)
	if err != nil {
		return err
	}
	m.show(ctx, a, among(subscribers, address))
	subscriptions, err := m.contacts.Subscriptions(ctx, a)
	if err != nil {
		return err
	}
	for _, s := range a.Available() {
		m.host.Hand(ctx, s, func(yield func(*xmpp.Stanza) bool) {
			for contact := range among(subscriptions, address) {
				if !m.ofContact(ctx, a.JID, contact, yield) {
					return
				}
			}
		})
	}
	return nil
}

// among are those whom an address covers; for the address of one resource, that resource alone.
func among(list iter.Seq[xmpp.JID], address xmpp.JID) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) {
		for j := range list {
			if j == address.Bare() {
				j = address
			}
			if address.Covers(j) && !yield(j) {
				return
			}
		}
	}
}

// Appear shows an account to some who see it from now on.
func (m *Module) Appear(ctx context.Context, a *server.Account, to iter.Seq[xmpp.JID]) {
	m.show(ctx, a, to)
}

// Vanish has an account leave for some who no longer see it.
func (m *Module) Vanish(ctx context.Context, a *server.Account, to iter.Seq[xmpp.JID]) {
	for _, s := range a.Available() {
		m.host.Multicast(ctx, mere(xmpp.TypeUnavailable, s.JID), to)
	}
}
