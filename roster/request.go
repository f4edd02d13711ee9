package roster

import (
	"cmp"
	"context"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// keepable is the request as it waits in the store: the complete stanza (RFC 6121 §3.1.3), unless it is very long.
func (m *Module) keepable(st *xmpp.Stanza) string {
	out := *st
	out.From, out.To = xmpp.JID{}, xmpp.JID{}
	if s := out.String(); len(s) <= m.limits.Request {
		return s
	}
	return ""
}

// fullOfRequests tells whether an account has so many requests waiting that another contact's is not kept.
func (m *Module) fullOfRequests(ctx context.Context, a *server.Account, contact xmpp.JID) (bool, error) {
	var l *list
	if m.host.Online(a.JID) != nil {
		var err error
		if l, err = m.contacts(ctx, a); err != nil {
			return false, err
		}
	} else {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		items, ver, err := m.store.Roster(ctx, a.JID)
		if err != nil {
			return false, err
		}
		l = newList(items, ver)
	}
	return l.of(contact) == 0 && l.count(fIn) >= m.limits.Requests, nil
}

// reminding marks, in a context, that stanzas are requests that came long ago.
type reminding struct{}

// presenceChanged deals with what waits, in both directions, when a resource becomes available.
func (m *Module) presenceChanged(ctx context.Context, change server.PresenceChange) {
	if change.Kind != server.BecameAvailable {
		return
	}
	s := change.Session
	l, err := m.contacts(ctx, s.Account)
	if err == nil && l.count(fIn) > 0 {
		err = m.remind(ctx, s)
	}
	if err != nil {
		m.host.Log().Error("requests not shown", "jid", s.JID.String(), "module", "roster", "err", err)
		return
	}
	if l.count(fAsk) > 0 && len(s.Account.Available()) == 1 {
		m.askAgain(ctx, s.Account.JID, l)
	}
}

// remind shows the requests that wait (§3.1.3), in the order in which they came.
func (m *Module) remind(ctx context.Context, s *server.Session) error {
	items, _, err := m.read(ctx, s.Account)
	if err != nil {
		return err
	}
	slices.SortFunc(items, func(x, y Item) int { return cmp.Compare(x.Ver, y.Ver) })
	m.host.Hand(context.WithValue(ctx, reminding{}, true), s, func(yield func(*xmpp.Stanza) bool) {
		for _, it := range items {
			if it.In && !yield(it.request(s.JID.Bare())) {
				return
			}
		}
	})
	return nil
}

// askAgain sends anew what contacts on other servers have not answered (§3.1.2): the first request may have been lost on its way.
func (m *Module) askAgain(ctx context.Context, account xmpp.JID, l *list) {
	m.host.Multicast(ctx, m.stanzas(account, xmpp.JID{}, []string{xmpp.TypeSubscribe})[0], func(yield func(xmpp.JID) bool) {
		for contact := range l.all(fAsk) {
			if !m.host.IsLocal(contact.Domain()) && !yield(contact) {
				return
			}
		}
	})
}

// request is the stanza that waits.
func (it Item) request(to xmpp.JID) *xmpp.Stanza {
	st, err := xmpp.ParseStanza(it.Request)
	if err != nil {
		st = &xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeSubscribe}
	}
	st.From, st.To = it.JID, to
	return st
}
