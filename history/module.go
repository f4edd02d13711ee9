package history

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// ns is XEP-0313's, and XEP-0441's.
const ns = "urn:xmpp:mam:2"

// patience is how long the store may take to answer.
const patience = 5 * time.Second

// Contacts knows who is in whose roster. Package roster provides it.
type Contacts interface {
	// Lists tells whether owner's roster holds contact; both are bare. Its errors are wrapped ones of the database.
	Lists(ctx context.Context, owner, contact xmpp.JID) (bool, error)
}

// Options are what the module is made of.
type Options struct {
	Store    Store
	Contacts Contacts
	Key      []byte                   // of 32 bytes, always the same: what ids are shown by. See account.Store.Secret
	Off      func(domain string) bool // domains without archives
}

// A Module is the archive of every account.
type Module struct {
	opts  Options
	store Store
	names names
	host  *server.Host
	prefs cache
	known server.AccountSlot[loaded]
	turns server.SessionSlot[server.Turnstile] // queries are answered one after the other: many pages at once would not fit into what may wait for a session

	offline offline
}

// New makes the module. The error says that the key is none.
func New(o Options) (*Module, error) {
	n, err := newNames(o.Key)
	if err != nil {
		return nil, err
	}
	return &Module{opts: o, store: o.Store, names: n}, nil
}

// Info is part of server.Module.
func (m *Module) Info() server.Info {
	return server.Info{Name: "history", Specs: []server.Spec{
		{Name: "XEP-0160", Version: "1.0.1"},
		{Name: "XEP-0313", Version: "1.1.3", Note: "messages of rooms are in the archives of rooms, not of accounts; those of rooms answer users of this server only"},
		{Name: "XEP-0059", Version: "1.0", Note: "in archives; no pages by index"},
		{Name: "XEP-0334", Version: "1.0.0"},
		{Name: "XEP-0359", Version: "0.7.0"},
		{Name: "XEP-0424", Version: "0.4.2", Note: "tombstones in archives"},
		{Name: "XEP-0441", Version: "0.2.0"},
	}}
}

// Register is part of server.Module.
func (m *Module) Register(h *server.Host) {
	m.host = h
	m.known = server.NewAccountSlot[loaded](h)
	m.turns = server.NewSessionSlot[server.Turnstile](h)
	m.advertise(h)
	m.serve(h)
	m.offline.m = m
	m.offline.register(h)
	hooks := h.Hooks()
	hooks.Outbound = append(hooks.Outbound, m.outbound)
	hooks.Inbound = append(hooks.Inbound, m.inbound)
	hooks.SessionOpened = append(hooks.SessionOpened, m.opened)
	hooks.AccountErased = append(hooks.AccountErased, m.erased)
}

// has tells whether accounts of a domain have archives.
func (m *Module) has(domain string) bool { return m.opts.Off == nil || !m.opts.Off(domain) }
