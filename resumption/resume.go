package resumption

import (
	"context"
	"errors"
	"strconv"

	"palabre/server"
	"palabre/xmpp"
)

// Resume is part of server.Resumer (XEP-0198 §5). Whatever the reason, who may not go on with a session is told the same: it is not found.
func (m *Module) Resume(ctx context.Context, user xmpp.JID, request xmpp.Element, conn server.Conn) (*server.Session, xmpp.Element) {
	id := request.Attr("previd")
	s := m.find(user, id)
	if s == nil {
		return nil, m.notFound(ctx, user, id)
	}
	h, ok := count(request)
	if !ok {
		return nil, m.refuse()
	}
	if err := s.Attach(ctx, conn, h); err != nil {
		return nil, m.refuse()
	}
	m.Stats.resumed.Add(1)
	return s, withCount(xmpp.New(ns, "resumed").With("previd", s.ID), m.settled(ctx, s, m.streams.Get(s)))
}

// find looks among the sessions of the user's own.
func (m *Module) find(user xmpp.JID, id string) *server.Session {
	a := m.host.Online(user.Bare())
	if a == nil {
		return nil
	}
	for _, s := range a.Sessions() {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// notFound says how far a stream of the user's own had got, if that is known: the session has been waited for in vain, or the server has been killed.
func (m *Module) notFound(ctx context.Context, user xmpp.JID, id string) xmpp.Element {
	h, ok, err := m.store.Handled(ctx, user.Bare(), id)
	if err != nil && !errors.Is(err, server.ErrAway) {
		m.host.Log().Error("a stream's count can't be read", "jid", user.String(), "err", err)
	}
	if err != nil || !ok {
		return m.refuse()
	}
	return withCount(m.refuse(), h)
}

func withCount(e xmpp.Element, h uint32) xmpp.Element {
	return e.With("h", strconv.FormatUint(uint64(h), 10))
}

func (m *Module) refuse() xmpp.Element {
	m.Stats.refused.Add(1)
	return failed("item-not-found")
}
