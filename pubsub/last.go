package pubsub

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// served are the nodes of which a session has been sent the last items since it became available.
type served struct {
	mu    sync.Mutex // tier 4
	nodes []string
}

// fresh gives the nodes that a client is interested in and has not been served yet.
func (s *served) fresh(features []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, f := range features {
		node, ok := strings.CutSuffix(f, notifySuffix)
		if ok && isName(node, mostName) && len(s.nodes)+len(out) < mostWanted && !slices.Contains(s.nodes, node) {
			out = append(out, node)
		}
	}
	s.nodes = append(s.nodes, out...)
	return out
}

func (s *served) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes = nil
}

// presence shows a session what was published last, when it becomes available (XEP-0163 §4.3.4), and when it becomes known what it wants.
func (m *Module) presence(ctx context.Context, c server.PresenceChange) {
	switch c.Kind {
	case server.BecameAvailable, server.CapsChanged:
		if s := c.Session; s.Presence() != nil {
			if names := m.interest.Get(s).fresh(m.opts.Interests.Features(s)); len(names) > 0 {
				m.adoptFor(ctx, s, names)
				m.show(ctx, s, xmpp.JID{}, names)
			}
		}
	case server.BecameUnavailable:
		if s := m.interest.Peek(c.Session); s != nil {
			s.forget()
		}
	case server.Subscribed, server.Restored:
		m.showContact(ctx, c.Account, c.Contact)
	}
}

// showContact shows a contact who may see an account from now on what that has published.
func (m *Module) showContact(ctx context.Context, owner, contact xmpp.JID) {
	a := m.host.Online(contact.Bare())
	if a == nil {
		return
	}
	for _, s := range a.Available() {
		var all served
		if names := all.fresh(m.opts.Interests.Features(s)); len(names) > 0 {
			m.show(ctx, s, owner, names)
		}
	}
}

// show sends a session the last items of the nodes of these names: the account's own and its contacts', or, if owner is not zero, that one's. What is published
// meanwhile may have been told before the session is sent what was there before it; so whoever has told something since is looked at again.
func (m *Module) show(ctx context.Context, s *server.Session, owner xmpp.JID, names []string) {
	owners := []xmpp.JID{owner}
	if owner.IsZero() {
		owners = []xmpp.JID{s.Account.JID, {}}
	}
	g := &gallery{m: m, s: s, sent: map[string]int64{}, left: mostShown}
	for len(owners) > 0 {
		began := m.clock.Load()
		var all []Shown
		for _, o := range owners {
			some, err := m.shown(ctx, s.Account.JID, o, names)
			if err != nil {
				m.host.Log().Error("what was published last is not shown", "jid", s.JID.String(), "module", "pubsub", "err", err)
				return
			}
			all = append(all, some...)
		}
		m.host.Hand(ctx, s, g.stanzas(ctx, all))
		owners = m.changed(all, began)
	}
	g.goOn()
}

// changed lists the owners of items who have told something since.
func (m *Module) changed(all []Shown, began int64) []xmpp.JID {
	if m.clock.Load() == began {
		return nil
	}
	var out []xmpp.JID
	for _, x := range all {
		a := m.host.InUse(x.Owner)
		if a == nil || slices.Contains(out, x.Owner) {
			continue
		}
		if d := m.desks.Peek(a); d != nil && d.told.Load() > began {
			out = append(out, x.Owner)
		}
	}
	return out
}

func (m *Module) shown(ctx context.Context, watcher, owner xmpp.JID, names []string) ([]Shown, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return m.store.Shown(ctx, watcher, owner, names)
}

// late is the notification of something that was published before (XEP-0163 §4.3.4).
func (m *Module) late(owner xmpp.JID, n *Node, it Item) *xmpp.Stanza {
	items := xmpp.New(nsEvent, "items", itemElement(nsEvent, it, n.Config.Payloads)).With("node", n.Name)
	delay := xmpp.New("urn:xmpp:delay", "delay").With("stamp", it.At().Format(time.RFC3339))
	return m.message(owner, &n.Config, xmpp.New(nsEvent, "event", items), delay)
}

// showTo sends the last item of a node to somebody who has just subscribed.
func (m *Module) showTo(ctx context.Context, owner xmpp.JID, n *Node, to xmpp.JID) {
	items, err := m.fetch(ctx, Query{Owner: owner, Node: n.Name, After: n.Config.floor(m.host.Now()), Limit: 1, Backwards: true})
	if err != nil {
		m.fail(owner, n.Name, err)
		return
	}
	for _, it := range items {
		m.host.Multicast(ctx, m.late(owner, n, it), func(yield func(xmpp.JID) bool) { yield(to) })
	}
}
