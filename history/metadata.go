package history

import (
	"context"
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

func (m *Module) metadata(ctx context.Context, owner xmpp.JID) (xmpp.Element, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, last, ok, err := m.store.Edges(ctx, owner)
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("history: metadata: %w", err)
	}
	e := xmpp.New(ns, "metadata")
	if ok {
		e = e.Add(m.edge("start", first), m.edge("end", last))
	}
	return e, nil
}

func (m *Module) edge(name string, row Row) xmpp.Element {
	return xmpp.New(ns, name).With("id", m.names.name(row.ID)).With("timestamp", row.Time().Format(stampFormat))
}
