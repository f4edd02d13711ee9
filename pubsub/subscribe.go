package pubsub

import (
	"context"

	"palabre/xmpp"
)

// subscriber reads whose subscription a request is about: the address is that of whoever asks (XEP-0060 §6.1.3.1).
func subscriber(q *request, mismatch *xmpp.Error) (xmpp.JID, error) {
	jid, err := xmpp.ParseJID(q.verb.Attr("jid"))
	if err != nil || jid.Bare() != q.From.Bare() {
		return jid, mismatch
	}
	return jid, nil
}

// subscribe is XEP-0060 §6.1.
func (m *Module) subscribe(ctx context.Context, q *request) (xmpp.Element, error) {
	if _, err := m.open(ctx, q); err != nil { // before anything that would tell that there is such an account
		return xmpp.Element{}, err
	}
	jid, err := subscriber(q, errNotTheirs)
	if err != nil {
		return xmpp.Element{}, err
	}
	err = m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.must(ctx, q.node)
		if err != nil {
			return err
		}
		bare := jid.Bare()
		if err := m.allows(ctx, reader{q.Account.JID, bare, q.known}, &n.Config, n.affiliation(bare)); err != nil {
			return err
		}
		if !n.Config.Subscribe {
			return unsupported("subscribe", "This node takes no subscriptions.") // §6.1.3.10
		}
		p := n.peer(jid)
		if p.Subscribed {
			return nil
		}
		if n.subscribedBy(bare) >= mostPeersOf {
			return errManySubs
		}
		p.Subscribed = true
		if err := b.setPeer(ctx, n, p); err != nil {
			return err
		}
		if n.Config.SendLast != Never && n.Config.Deliver {
			shown := *n
			b.after = append(b.after, func(ctx context.Context) { m.showTo(ctx, q.Account.JID, &shown, jid) }) // §6.1.7
		}
		return nil
	})
	if err != nil {
		return xmpp.Element{}, err
	}
	return xmpp.New(NS, "pubsub", subscription(NS, jid, "subscribed").With("node", q.node)), nil
}

// subscribedBy counts the subscriptions of an account.
func (n *Node) subscribedBy(bare xmpp.JID) int {
	count := 0
	for _, p := range n.Peers {
		if p.Subscribed && p.JID.Bare() == bare {
			count++
		}
	}
	return count
}

func subscription(space string, jid xmpp.JID, state string) xmpp.Element {
	return xmpp.New(space, "subscription").With("jid", jid.String()).With("subscription", state)
}

// unsubscribe is XEP-0060 §6.2.
func (m *Module) unsubscribe(ctx context.Context, q *request) (xmpp.Element, error) {
	jid, err := subscriber(q, xmpp.ErrForbidden.With("This is not your subscription.")) // §6.2.3.3
	if err != nil {
		return xmpp.Element{}, err
	}
	err = m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.must(ctx, q.node)
		if err != nil {
			return err
		}
		p := n.peer(jid)
		if !p.Subscribed {
			return errNotSubscribe // §6.2.3.2
		}
		p.Subscribed = false
		return b.setPeer(ctx, n, p)
	})
	if err != nil {
		return xmpp.Element{}, err
	}
	return xmpp.New(NS, "pubsub", subscription(NS, jid, "none").With("node", q.node)), nil
}

func (m *Module) nodes(ctx context.Context, owner xmpp.JID) ([]Node, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return m.store.Nodes(ctx, owner)
}

// asked lists the nodes that a request about all of them, or about one, is about.
func (m *Module) asked(ctx context.Context, q *request) ([]Node, error) {
	if q.node == "" {
		return m.nodes(ctx, q.Account.JID)
	}
	n, err := m.node(ctx, q.Account.JID, q.node)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errNoNode
	}
	return []Node{*n}, nil
}

// ownSubscriptions is XEP-0060 §5.6.
func (m *Module) ownSubscriptions(ctx context.Context, q *request) (xmpp.Element, error) {
	nodes, err := m.asked(ctx, q)
	if err != nil {
		return xmpp.Element{}, err
	}
	list := xmpp.New(NS, "subscriptions").With("node", q.node)
	for _, n := range nodes {
		for _, p := range n.Peers {
			if p.Subscribed && p.JID.Bare() == q.From.Bare() {
				list = list.Add(subscription(NS, p.JID, "subscribed").With("node", n.Name))
			}
		}
	}
	return m.listed(q, list)
}

// ownAffiliations is XEP-0060 §5.7.
func (m *Module) ownAffiliations(ctx context.Context, q *request) (xmpp.Element, error) {
	nodes, err := m.asked(ctx, q)
	if err != nil {
		return xmpp.Element{}, err
	}
	list := xmpp.New(NS, "affiliations").With("node", q.node)
	for _, n := range nodes {
		is := n.affiliation(q.From.Bare()).String()
		if q.Own {
			is = "owner"
		}
		if is != None.String() {
			list = list.Add(xmpp.New(NS, "affiliation").With("node", n.Name).With("affiliation", is))
		}
	}
	return m.listed(q, list)
}

// listed is the answer with a list. A stranger who is on none learns no more than where there is no account.
func (m *Module) listed(q *request, list xmpp.Element) (xmpp.Element, error) {
	if len(list.Children) == 0 && !q.known {
		return xmpp.Element{}, xmpp.ErrServiceUnavailable
	}
	return xmpp.New(NS, "pubsub", list), nil
}
