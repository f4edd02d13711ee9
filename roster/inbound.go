package roster

import (
	"context"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// inbound decides on subscription stanzas to an account (RFC 6121 §3.1.3, §3.1.6, §3.2.3, §3.3.3).
func (m *Module) inbound(ctx context.Context, p *server.Passage) error {
	typ := p.Stanza.Type
	if p.Stanza.Kind == xmpp.IQ && typ == xmpp.TypeSet && !p.Stanza.To.IsBare() && p.Stanza.Has(ns, "query") {
		return xmpp.ErrServiceUnavailable // §2.1.6: a push comes from one's own server alone, and clients have believed others (CVE-2015-8688)
	}
	if p.Stanza.Kind != xmpp.Presence || inbound[typ] == nil || ctx.Value(reminding{}) != nil {
		return nil
	}
	to, contact := p.Stanza.To, p.Stanza.From.Bare()
	if contact == p.Recipient.JID {
		return server.ErrDrop
	}
	if typ != xmpp.TypeSubscribe && !to.IsBare() && p.Recipient.Session(to.Resource()) == nil {
		return server.ErrDrop // §8.5.3.2.2
	}
	st := *p.Stanza
	st.From, st.To = contact, to.Bare()
	p.Stanza = &st
	request := ""
	if typ == xmpp.TypeSubscribe {
		full, err := m.fullOfRequests(ctx, p.Recipient, contact)
		if err != nil {
			return err
		}
		if full {
			return server.ErrDrop
		}
		request = m.keepable(&st)
	}
	c := m.change(p.Recipient.JID, contact, func(it Item) Item {
		next, _ := it.received(typ, request)
		return next
	})
	p.Write(c)
	p.Then(func(ctx context.Context, p *server.Passage) error {
		m.deliver(ctx, p, c)
		return nil
	})
	p.After(func(context.Context) { m.release(c) })
	return nil
}

// deliver tells the account's clients, in the order that §3.1.6, §3.2.3 and §3.3.3 ask for: the stanza, then the push.
func (m *Module) deliver(ctx context.Context, p *server.Passage, c *Change) {
	st := p.Stanza
	_, r := c.Before.received(st.Type, "")
	switch {
	case !r.deliver:
	case st.Type == xmpp.TypeSubscribe:
		p.Deliver()
	default:
		for _, s := range m.interested(p.Recipient) {
			s.Send(stream.Packet{Stanza: st, To: st.To, Tail: p.Tail})
		}
	}
	m.release(c)
	m.announceLost(ctx, c)
	if m.mustAnswer(st, r) {
		m.host.Route(ctx, &xmpp.Stanza{Kind: xmpp.Presence, Type: r.answer, ID: st.ID, From: c.Account, To: c.Contact})
	}
	if r.answer == xmpp.TypeSubscribed && !m.host.IsLocal(st.From.Domain()) { // another server asks for what it does not have: §3.1.6
		m.host.Announce(ctx, server.PresenceChange{Kind: server.Subscribed, Account: c.Account, Contact: c.Contact})
		return
	}
	m.announceGained(ctx, c)
}

// mustAnswer: §3.1.3, §A.3.2. A contact here who has unsubscribed knows already: both sides have changed in one append.
func (m *Module) mustAnswer(st *xmpp.Stanza, r reaction) bool {
	return r.answer != "" && (r.answer == xmpp.TypeSubscribed || !m.host.IsLocal(st.From.Domain()))
}

// interested are the sessions that asked for the roster (§2.2).
func (m *Module) interested(a *server.Account) []*server.Session {
	b := m.books.Peek(a)
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.interested
}
