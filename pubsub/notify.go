package pubsub

import (
	"context"
	"iter"
	"slices"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

// An event is what is told of a node.
type event struct {
	node Node // as it was then
	what xmpp.Element
}

// event has something told when the batch is durable.
func (b *batch) event(n *Node, what xmpp.Element) {
	if n.Config.Deliver {
		b.events = append(b.events, event{*n, what})
	}
}

func (b *batch) publishEvent(n *Node, it Item) {
	b.event(n, xmpp.New(nsEvent, "items", itemElement(nsEvent, it, n.Config.Payloads)).With("node", n.Name))
}

// retractEvent tells of one item: clients look at the first one alone.
func (b *batch) retractEvent(n *Node, id string) {
	b.event(n, xmpp.New(nsEvent, "items", xmpp.New(nsEvent, "retract").With("id", id)).With("node", n.Name))
}

// tell tells what has become durable, in its order.
func (b *batch) tell(ctx context.Context) {
	for _, e := range b.events {
		b.m.notify(ctx, b.account, e)
	}
	for _, fn := range b.after {
		fn(ctx)
	}
}

// message is a notification (XEP-0163 §4.3.1): of a type that nobody stores, from the bare address.
func (m *Module) message(owner xmpp.JID, c *Config, inside ...xmpp.Element) *xmpp.Stanza {
	typ := c.MessageOf
	if typ == "normal" {
		typ = ""
	}
	st := xmpp.NewStanza(xmpp.Message, typ, inside...)
	st.ID, st.From = m.host.NewID(), owner
	return st
}

// notify tells everybody who is to know: one stanza that all share. Whom somebody has barred, in either direction, the kernel leaves out.
func (m *Module) notify(ctx context.Context, a *server.Account, e event) {
	st := m.message(a.JID, &e.node.Config, xmpp.New(nsEvent, "event", e.what))
	m.host.Multicast(ctx, st, m.recipients(ctx, a, &e.node))
}

// recipients are the sessions that are interested, of the account itself and of the contacts that may see the node, and those who have subscribed.
// Whether somebody may see it is asked anew each time: presence subscriptions, groups and lists may have changed (XEP-0163 §7.1).
func (m *Module) recipients(ctx context.Context, a *server.Account, n *Node) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) {
		if !m.interested(a, n.Name, yield) {
			return
		}
		contacts, err := m.opts.Contacts.Subscribers(ctx, a)
		if err != nil {
			m.fail(a.JID, n.Name, err)
			return
		}
		for c := range contacts {
			x := m.host.Online(c)
			if x == nil || c == a.JID || !m.mayHear(ctx, a.JID, c, n) {
				continue
			}
			if !m.interested(x, n.Name, yield) {
				return
			}
		}
		m.subscribed(ctx, a, n, yield)
	}
}

// mayHear is allows for one who sees the owner's presence.
func (m *Module) mayHear(ctx context.Context, owner, who xmpp.JID, n *Node) bool {
	err := m.allows(ctx, reader{owner, who, true}, &n.Config, n.affiliation(who))
	if err != nil && !isStanzaError(err) {
		m.fail(owner, n.Name, err)
	}
	return err == nil
}

func (m *Module) fail(owner xmpp.JID, node string, err error) {
	m.host.Log().Error("not everybody was notified", "jid", owner.String(), "id", node, "module", "pubsub", "err", err)
}

// interested yields the sessions of an account whose clients want to hear of a node. false: it is enough.
func (m *Module) interested(a *server.Account, node string, yield func(xmpp.JID) bool) bool {
	for _, s := range a.Sessions() {
		if s.Presence() != nil && m.wants(s, node) && !yield(s.JID) {
			return false
		}
	}
	return true
}

const notifySuffix = "+notify"

// wants tells whether a session's client has said that it wants to hear of a node (XEP-0060 §9.2).
func (m *Module) wants(s *server.Session, node string) bool {
	_, ok := slices.BinarySearchFunc(m.opts.Interests.Features(s), node, func(feature, node string) int {
		return compareSuffixed(feature, node, notifySuffix)
	})
	return ok
}

// compareSuffixed compares a with b+suffix.
func compareSuffixed(a, b, suffix string) int {
	if rest, ok := strings.CutPrefix(a, b); ok {
		return strings.Compare(rest, suffix)
	}
	return strings.Compare(a, b)
}

// subscribed yields those who have subscribed by themselves and still may (XEP-0163 §4.3.2): the full address, or the bare one, unless the contact's clients are
// known to be interested: then they have been told.
func (m *Module) subscribed(ctx context.Context, a *server.Account, n *Node, yield func(xmpp.JID) bool) {
	for _, p := range n.Peers {
		if !p.Subscribed || n.affiliation(p.JID.Bare()) == Outcast || m.toldByPresence(ctx, a, n, p.JID) {
			continue
		}
		bare := p.JID.Bare()
		sees, err := m.host.Sees(ctx, bare, a.JID)
		if err == nil {
			err = m.allows(ctx, reader{a.JID, bare, sees}, &n.Config, n.affiliation(bare))
		}
		if err != nil {
			if !isStanzaError(err) {
				m.fail(a.JID, n.Name, err)
			}
			continue
		}
		if !yield(p.JID) {
			return
		}
	}
}

// toldByPresence tells whether a subscriber has been told as a contact.
func (m *Module) toldByPresence(ctx context.Context, a *server.Account, n *Node, jid xmpp.JID) bool {
	x := m.host.Online(jid.Bare())
	if x == nil {
		return false
	}
	if sees, err := m.host.Sees(ctx, jid.Bare(), a.JID); err != nil || !sees {
		return false
	}
	if jid.IsBare() {
		return !m.interested(x, n.Name, func(xmpp.JID) bool { return false })
	}
	s := x.Session(jid.Resource())
	return s != nil && s.Presence() != nil && m.wants(s, n.Name)
}
