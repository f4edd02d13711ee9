package roster

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// outbound decides on subscription stanzas that a client sends (RFC 6121 §3.1.2, §3.1.5, §3.2.2, §3.3.2, §3.4.2).
func (m *Module) outbound(ctx context.Context, p *server.Passage) error {
	typ := p.Stanza.Type
	if p.Stanza.Kind != xmpp.Presence || outbound[typ] == nil {
		return nil
	}
	a, contact := p.Session.Account, p.Stanza.To.Bare()
	switch contact {
	case xmpp.JID{}:
		return xmpp.ErrBadRequest.With("Whom is this for? It has no 'to'.")
	case a.JID:
		return xmpp.ErrNotAllowed.With("You see your own presence without asking.")
	}
	if err := m.settled(a, typ, contact); err != nil {
		return err
	}
	l, err := m.contacts(ctx, a)
	if err != nil {
		return err
	}
	if typ == xmpp.TypeSubscribe || typ == xmpp.TypeSubscribed {
		if err := m.room(ctx, a, contact); err != nil {
			return err
		}
	}
	st := *p.Stanza
	st.From, st.To = a.JID, contact // §3, §3.1.2
	p.Stanza = &st
	c := m.change(a.JID, contact, func(it Item) Item {
		next, _ := it.sent(typ)
		return next
	})
	f := l.of(contact)
	next, route := f.item(contact).sent(typ)
	if !route {
		if flagsOf(next) == f {
			return server.ErrDrop
		}
		return m.keep(ctx, c, p)
	}
	p.Write(c)
	p.Then(func(ctx context.Context, _ *server.Passage) error {
		m.announceLost(ctx, c) // while the contact is still subscribed: §3.2.2
		m.release(c)
		return nil
	})
	p.After(func(ctx context.Context) {
		m.release(c)
		m.announceGained(ctx, c) // after the contact has been told: §3.1.5
	})
	return nil
}

// settled stops what can't change anything, since it is so by a group that all share: who has been granted asks in vain, and nobody can end it.
func (m *Module) settled(a *server.Account, typ string, contact xmpp.JID) error {
	f := m.shared(a.JID).flags(a.JID, contact)
	switch {
	case typ == xmpp.TypeSubscribe && f&fTo != 0, typ == xmpp.TypeSubscribed && f&fFrom != 0:
		return server.ErrDrop
	case typ == xmpp.TypeUnsubscribe && f&fTo != 0:
		return m.sharedOnly(a, contact)
	case typ == xmpp.TypeUnsubscribed && f&fFrom != 0:
		return xmpp.ErrNotAllowed.With("You are in everybody's list, in a group of the server's. Only its administrator can take you out. You may block this contact.")
	}
	return nil
}

// keep commits a change of which the contact is not told: a pre-approval (§3.4.2), or its end (§3.2.2).
func (m *Module) keep(ctx context.Context, c *Change, p *server.Passage) error {
	if err := m.host.Append(context.WithoutCancel(ctx), c); err != nil {
		return err
	}
	m.release(c)
	if _, route := c.Before.sent(p.Stanza.Type); route { // the contact has asked, or gone, between our look and the commit
		m.announceLost(ctx, c)
		m.host.Route(ctx, p.Stanza)
		m.announceGained(ctx, c)
	}
	return server.ErrDrop
}

func (m *Module) announceLost(ctx context.Context, c *Change) {
	if c.lost() && m.shared(c.Account).flags(c.Account, c.Contact)&fFrom == 0 {
		m.host.Announce(ctx, server.PresenceChange{Kind: server.Unsubscribed, Account: c.Account, Contact: c.Contact})
	}
}

func (m *Module) announceGained(ctx context.Context, c *Change) {
	if c.gained() && m.shared(c.Account).flags(c.Account, c.Contact)&fFrom == 0 {
		m.host.Announce(ctx, server.PresenceChange{Kind: server.Subscribed, Account: c.Account, Contact: c.Contact})
	}
}
