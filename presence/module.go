package presence

import (
	"context"
	"iter"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// Contacts knows the subscriptions of the accounts that are on-line. A list says how things are when it is gone through. An error is the store's.
type Contacts interface {
	// Subscribers are those who see the account.
	Subscribers(ctx context.Context, a *server.Account) (iter.Seq[xmpp.JID], error)
	// Subscriptions are those whom the account sees, as far as its own side knows.
	Subscriptions(ctx context.Context, a *server.Account) (iter.Seq[xmpp.JID], error)
}

// LastSeen knows when an account was last on-line and what status it left; the zero time if it never was.
type LastSeen interface {
	LastSeen(ctx context.Context, account xmpp.JID) (at time.Time, status string, err error)
}

// A Module is presence for every account.
type Module struct {
	contacts Contacts
	last     LastSeen
	host     *server.Host
	sent     server.SessionSlot[directed]
}

// New makes the module.
func New(contacts Contacts, last LastSeen) *Module { return &Module{contacts: contacts, last: last} }

// Info is part of server.Module.
func (m *Module) Info() server.Info {
	return server.Info{Name: "presence", Specs: []server.Spec{{Name: "RFC 6121", Note: "§4; a probe that is not authorised is met with silence"}}}
}

// Register is part of server.Module.
func (m *Module) Register(h *server.Host) {
	m.host = h
	m.sent = server.NewSessionSlot[directed](h)
	h.HandlePresence(server.Broadcast, m.broadcast)
	h.HandlePresence(xmpp.TypeProbe, m.probe)
	hooks := h.Hooks()
	hooks.Outbound = append(hooks.Outbound, m.outbound)
	hooks.Inbound = append(hooks.Inbound, m.private, m.inbound)
	hooks.SessionClosed = append(hooks.SessionClosed, m.closed)
	hooks.SessionSaved = append(hooks.SessionSaved, m.save)
	hooks.SessionRestored = append(hooks.SessionRestored, m.restore)
	hooks.PresenceChanged = append(hooks.PresenceChanged, m.changed)
}

// one is a list of one address.
func one(j xmpp.JID) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) { yield(j) }
}

// mere is presence that says no more than that a session, or an account, is there or not.
func mere(typ string, from xmpp.JID) *xmpp.Stanza {
	return &xmpp.Stanza{Kind: xmpp.Presence, Type: typ, From: from}
}
