package roster

import (
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

// presenceChanged shows the requests that wait to each resource that becomes available (§3.1.3), in the order in which they came.
func (m *Module) presenceChanged(ctx context.Context, change server.PresenceChange) {
	if change.Kind != server.BecameAvailable {
		return
	}
	a := change.Session.Account
	l, err := m.contacts(ctx, a)
	if err == nil && l.count(fIn) == 0 {
		return
	}
	var items []Item
	if err == nil {
		items, _, err = m.read(ctx, a)
	}
	if err != nil {
		m.host.Log().Error("requests not shown", "jid", change.Session.JID.String(), "module", "roster", "err", err)
		return
	}
	slices.SortFunc(items, func(x, y Item) int { return int(x.Ver - y.Ver) })
	m.host.Hand(context.WithValue(ctx, reminding{}, true), change.Session, func(yield func(*xmpp.Stanza) bool) {
		for _, it := range items {
			if it.In && !yield(it.request(a.JID)) {
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
