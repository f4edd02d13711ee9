package history

import (
	"context"
	"errors"
	"fmt"

	"palabre/server"
	"palabre/xmpp"
)

// serveMetadata tells the first and the last message of the account's archive (XEP-0313 §5).
func (m *Module) serveMetadata(_ context.Context, r *server.Request) (xmpp.Element, error) {
	if r.IsSet() {
		return xmpp.Element{}, xmpp.ErrBadRequest
	}
	owner := r.Account.JID
	return xmpp.Element{}, server.Later(func(ctx context.Context) (xmpp.Element, error) { return m.metadata(ctx, owner) })
}

// bound tells a client as it binds what there is at that time (XEP-0386 §3.2): it has its place by now, and gets what comes later.
func (m *Module) bound(ctx context.Context, s *server.Session) (xmpp.Element, error) {
	if !m.has(s.JID.Domain()) {
		return xmpp.Element{}, nil
	}
	e, err := m.metadata(ctx, s.JID.Bare())
	if errors.Is(err, server.ErrAway) {
		return xmpp.Element{}, nil // it can ask later, and that the database is away is known
	}
	return e, err
}

func (m *Module) metadata(ctx context.Context, owner xmpp.JID) (xmpp.Element, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, last, ok, err := m.store.Edges(ctx, owner)
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("history: metadata: %w", err)
	}
	return m.edges(first, last, ok), nil
}

// edges is what an archive tells of itself; ok is false for one that is empty.
func (m *Module) edges(first, last Row, ok bool) xmpp.Element {
	e := xmpp.New(ns, "metadata")
	if ok {
		e = e.Add(m.edge("start", first), m.edge("end", last))
	}
	return e
}

func (m *Module) edge(name string, row Row) xmpp.Element {
	return xmpp.New(ns, name).With("id", m.names.name(row.ID)).With("timestamp", row.Time().Format(stampFormat))
}
