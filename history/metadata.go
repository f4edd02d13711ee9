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
	q := &question{query: Query{Owner: r.Account.JID}}
	return xmpp.Element{}, server.Later(func(ctx context.Context) (xmpp.Element, error) { return m.metadata(ctx, q) })
}

// bound tells a client as it binds what there is at that time (XEP-0386 §3.2): it has its place by now, and gets what comes later.
func (m *Module) bound(ctx context.Context, s *server.Session) (xmpp.Element, error) {
	if !m.has(s.JID.Domain()) {
		return xmpp.Element{}, nil
	}
	e, err := m.metadata(ctx, &question{query: Query{Owner: s.JID.Bare()}})
	if errors.Is(err, server.ErrAway) {
		return xmpp.Element{}, nil // it can ask later, and that the database is away is known
	}
	return e, err
}

// metadata tells the first and the last message that may be seen.
func (m *Module) metadata(ctx context.Context, q *question) (e xmpp.Element, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = q.steady(ctx, m.store, func(s *scope) error {
		first, last, ok, err := s.edges(ctx, q.query.Owner)
		if e = xmpp.New(ns, "metadata"); ok {
			e = e.Add(m.edge("start", first), m.edge("end", last))
		}
		return err
	})
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("history: metadata: %w", err)
	}
	return e, nil
}

func (m *Module) edge(name string, row Row) xmpp.Element {
	return xmpp.New(ns, name).With("id", m.names.name(row.ID)).With("timestamp", row.Time().Format(stampFormat))
}
