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
	stanza *xmpp.Stanza    // a result
	to     *server.Session // and who asked for it
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
		w.outbox = append(w.outbox, outgoing{change: c})
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
	it := o.change.After
	el := it.element()
	if !it.Listed {
		el = xmpp.New(ns, "item").With("jid", o.change.Contact.String()).With("subscription", "remove")
	}
	st := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, query(o.change.Ver, el)) // §2.1.6
	st.ID, st.From = m.host.NewID(), o.change.Account
	for _, s := range interested {
		s.Send(stream.Packet{Stanza: st, To: s.JID})
	}
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
func query(ver int64, items ...xmpp.Element) xmpp.Element {
	return xmpp.New(ns, "query", items...).With("ver", version(ver))
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
