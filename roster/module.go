package roster

import (
	"context"
	"iter"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

const ns = "jabber:iq:roster"

// patience is how long the store may take to answer.
const patience = 5 * time.Second

// Limits bound what an account may keep. Zero stands for the default.
type Limits struct {
	Items    int // contacts in a roster: 1,000
	Requests int // requests that wait for an answer: 200
	Name     int // bytes of a contact's name, and of a group's: 1,023
	Groups   int // groups of one contact: 50
	Text     int // bytes of a contact's name and groups together: 2,048. What a client asks for in a few bytes, we hold whole
	Request  int // bytes of a request that waits: 4,096; of a longer one nothing is kept but that it came
}

func (l *Limits) fill() {
	for _, x := range []struct {
		n  *int
		by int
	}{{&l.Items, 1000}, {&l.Requests, 200}, {&l.Name, 1023}, {&l.Groups, 50}, {&l.Text, 2048}, {&l.Request, 4096}} {
		if *x.n == 0 {
			*x.n = x.by
		}
	}
}

// A Module is the roster of every account. It is the server's Contacts.
type Module struct {
	store  Store
	limits Limits
	host   *server.Host
	books  server.AccountSlot[book]

	sharing sharing
}

// New makes the module.
func New(store Store, limits Limits) *Module {
	limits.fill()
	return &Module{store: store, limits: limits}
}

// Info is part of server.Module.
func (m *Module) Info() server.Info {
	return server.Info{Name: "roster", Specs: []server.Spec{{Name: "RFC 6121", Note: "§2 and §3"}}}
}

// Register is part of server.Module.
func (m *Module) Register(h *server.Host) {
	m.host = h
	m.books = server.NewAccountSlot[book](h)
	h.UseContacts(m)
	h.Feature(server.ToDomain, ns)
	for _, e := range []xmpp.Element{
		xmpp.New("urn:xmpp:features:rosterver", "ver"),    // §2.6.1
		xmpp.New("urn:xmpp:features:pre-approval", "sub"), // §3.4
	} {
		h.StreamFeature(func(string) xmpp.Element { return e })
	}
	h.HandleIQ(server.ToAccount, ns, "query", m.serve)
	for typ := range inbound {
		h.HandlePresence(typ, told)
	}
	hooks := h.Hooks()
	hooks.Outbound = append(hooks.Outbound, m.outbound)
	hooks.Inbound = append(hooks.Inbound, m.inbound)
	hooks.PresenceChanged = append(hooks.PresenceChanged, m.presenceChanged)
	hooks.SessionClosed = append(hooks.SessionClosed, m.closed)
	hooks.SessionSaved = append(hooks.SessionSaved, m.save)
	hooks.SessionRestored = append(hooks.SessionRestored, m.restore)
	hooks.AccountErased = append(hooks.AccountErased, m.erased)
}

// told takes subscription stanzas, which what the hooks attach has delivered by then.
func told(context.Context, *server.Passage) error { return nil }

// Sees is part of server.Contacts: it asks the roster of owner, not that of watcher.
func (m *Module) Sees(ctx context.Context, watcher, owner xmpp.JID) (bool, error) {
	if m.shared(owner).flags(owner, watcher)&fFrom != 0 {
		return true, nil
	}
	if a := m.host.Online(owner); a != nil {
		l, err := m.contacts(ctx, a)
		return err == nil && l.of(watcher)&fFrom != 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	it, err := m.store.Item(ctx, owner, watcher)
	return err == nil && it.Subscription&From != 0, err
}

// Lists tells whether the roster of owner holds contact; both are bare.
func (m *Module) Lists(ctx context.Context, owner, contact xmpp.JID) (bool, error) {
	if m.shared(owner).item(owner, contact) != nil {
		return true, nil
	}
	if a := m.host.Online(owner); a != nil {
		l, err := m.contacts(ctx, a)
		return err == nil && l.of(contact)&fListed != 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	it, err := m.store.Item(ctx, owner, contact)
	return err == nil && it.Listed, err
}

// Groups are those that the roster of owner has contact in; both are bare.
func (m *Module) Groups(ctx context.Context, owner, contact xmpp.JID) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	it, err := m.store.Item(ctx, owner, contact)
	it.JID = contact
	return m.shared(owner).with(owner, it).Groups, err
}

// Subscribers are those who see the account, which is on-line, at the time when the list is gone through: the contacts with a subscription
// from or both.
func (m *Module) Subscribers(ctx context.Context, a *server.Account) (iter.Seq[xmpp.JID], error) {
	own, err := m.those(ctx, a, fFrom)
	if err != nil || !m.shared(a.JID).has(a.JID) {
		return own, err
	}
	return both(own, m.strangers(ctx, a)), nil
}

// Subscriptions are those whom the account, which is on-line, sees by its own roster: to or both.
func (m *Module) Subscriptions(ctx context.Context, a *server.Account) (iter.Seq[xmpp.JID], error) {
	own, err := m.those(ctx, a, fTo)
	s := m.shared(a.JID)
	if err != nil || s == nil {
		return own, err
	}
	return func(yield func(xmpp.JID) bool) {
		seen := map[xmpp.JID]bool{}
		for j := range both(own, s.contacts(a.JID)) {
			if !seen[j] && !yield(j) {
				return
			}
			seen[j] = true
		}
	}, nil
}

func both(first, second iter.Seq[xmpp.JID]) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) {
		for j := range first {
			if !yield(j) {
				return
			}
		}
		second(yield)
	}
}

func (m *Module) those(ctx context.Context, a *server.Account, any flags) (iter.Seq[xmpp.JID], error) {
	if _, err := m.contacts(ctx, a); err != nil {
		return nil, err
	}
	b := m.books.Get(a)
	return func(yield func(xmpp.JID) bool) { b.loaded().all(any)(yield) }, nil
}

func (m *Module) closed(_ context.Context, s *server.Session) {
	if b := m.books.Peek(s.Account); b != nil {
		b.lose(s)
	}
}

func (m *Module) save(s *server.Session, put func(module string, state []byte)) {
	if m.isInterested(s) {
		put("roster", []byte("1"))
	}
}

func (m *Module) restore(s *server.Session, get func(module string) []byte) {
	if len(get("roster")) > 0 {
		b := m.books.Get(s.Account)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.interestLocked(s)
		b.shared = m.shared(s.Account.JID)
	}
}
