package resumption

import (
	"context"
	"strconv"

	"palabre/server"
	"palabre/xmpp"
)

// Resume is part of server.Resumer (XEP-0198 §5). Whatever the reason, who may not go on with a session is told the same: it is not found.
func (m *Module) Resume(ctx context.Context, user xmpp.JID, request xmpp.Element, conn server.Conn) (*server.Session, xmpp.Element) {
	id := request.Attr("previd")
	s := m.find(user, id)
	h, ok := count(request)
	if s == nil || !ok {
		return nil, m.refuse()
	}
	if err := s.Attach(ctx, conn, h); err != nil {
		return nil, m.refuse()
	}
	m.Stats.resumed.Add(1)
	return s, xmpp.New(ns, "resumed").With("previd", s.ID).With("h", strconv.FormatUint(uint64(s.Told()), 10))
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

func (m *Module) refuse() xmpp.Element {
	m.Stats.refused.Add(1)
	return failed("item-not-found")
}
