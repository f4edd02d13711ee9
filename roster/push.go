package roster

import (
	"slices"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// An outgoing is a roster push, or a roster result, which must keep its place between them (RFC 6121 §2.6.3): it leaves
// when it is ready and all before it have left.
type outgoing struct {
	change *Change         // a push to those who are interested
	shared *shared         // beside which it stands
	stanza *xmpp.Stanza    // a result, or a push that has been made already
	to     *server.Session // who asked for the result
	ready  bool
}

// change makes a write that the books follow.
func (m *Module) change(account, contact xmpp.JID, next func(Item) Item) *Change {
	return &Change{Account: account, Contact: contact, Next: next, committed: m.committed}
}

// committed is called on the store's writer, in the order of commits. The push waits for release.
func (m *Module) committed(c *Change) {
	a := m.host.InUse(c.Account)
	if a == nil {
		return
	}
	b := m.books.Peek(a)
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.applyLocked(c)
	if len(b.interested) > 0 && c.visible() {
		w := b.busyLocked()
		w.outbox = append(w.outbox, outgoing{change: c, shared: b.shared})
	}
}

// release lets the push of a change go, if there is one that waits.
func (m *Module) release(c *Change) {
	a := m.host.InUse(c.Account)
	if a == nil {
		return
	}
	b := m.books.Peek(a)
	if b == nil {
		return
	}
	b.mu.Lock()
	if b.busy != nil {
		for i := range b.busy.outbox {
			if b.busy.outbox[i].change == c {
				b.busy.outbox[i].ready = true
			}
		}
	}
	b.mu.Unlock()
	m.send(b)
}

// send sends what is ready at the head. Whoever is sending already does it for all.
func (m *Module) send(b *book) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.busy
	if w == nil || w.sending {
		return
	}
	w.sending = true
	for len(w.outbox) > 0 && w.outbox[0].ready {
		o, interested := w.outbox[0], b.interested
		w.outbox = slices.Delete(w.outbox, 0, 1)
		b.mu.Unlock()
		m.sendOne(o, interested)
		b.mu.Lock()
	}
	w.sending = false
	b.restLocked()
}

func (m *Module) sendOne(o outgoing, interested []*server.Session) {
	if o.to != nil {
		o.to.SendStanza(o.stanza)
		return
	}
	st := o.stanza
	if c := o.change; c != nil {
		it := c.After
		it.JID = c.Contact
		st = push(c.Account, version(c.Ver, o.shared), itemOrEnd(o.shared.with(c.Account, it)))
	}
	st.ID = m.host.NewID()
	for _, s := range interested {
		s.Send(stream.Packet{Stanza: st, To: s.JID})
	}
}

// push is a roster push without an id (§2.1.6).
func push(account xmpp.JID, ver string, item xmpp.Element) *xmpp.Stanza {
	st := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, query(ver, item))
	st.From = account
	return st
}

// itemOrEnd is an item as it is pushed: one that is not in the roster any more is removed.
func itemOrEnd(it Item) xmpp.Element {
	if it.Listed {
		return it.element()
	}
	return xmpp.New(ns, "item").With("jid", it.JID.String()).With("subscription", "remove")
}

// interest notes that a session wants pushes.
func (b *book) interestLocked(s *server.Session) {
	if !slices.Contains(b.interested, s) {
		b.interested = append(b.interested[:len(b.interested):len(b.interested)], s)
	}
}

func (b *book) lose(s *server.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.interested, s); i >= 0 {
		b.interested = slices.Delete(slices.Clone(b.interested), i, i+1)
	}
}

// query is the element of results and pushes.
func query(ver string, items ...xmpp.Element) xmpp.Element {
	return xmpp.New(ns, "query", items...).With("ver", ver)
}

var subscriptionNames = [...]string{None: "none", To: "to", From: "from", Both: "both"}

// element is the item as clients see it (RFC 6121 §2.1.2).
func (it Item) element() xmpp.Element {
	e := xmpp.New(ns, "item").With("jid", it.JID.String()).With("name", it.Name).With("subscription", subscriptionNames[it.Subscription])
	if it.Ask {
		e = e.With("ask", "subscribe")
	}
	if it.Approved {
		e = e.With("approved", "true")
	}
	for _, g := range it.Groups {
		e.Children = append(e.Children, xmpp.New(ns, "group", xmpp.Text(g)))
	}
	return e
}
