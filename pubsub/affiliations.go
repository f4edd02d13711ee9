package pubsub

import (
	"context"

	"palabre/xmpp"
)

// subscribers is XEP-0060 §8.8.1.
func (m *Module) subscribers(ctx context.Context, q *request) (xmpp.Element, error) {
	n, err := m.open(ctx, q)
	if err != nil {
		return xmpp.Element{}, err
	}
	list := xmpp.New(nsOwner, "subscriptions").With("node", n.Name)
	for _, p := range n.Peers {
		if p.Subscribed {
			list = list.Add(subscription(nsOwner, p.JID, "subscribed"))
		}
	}
	return xmpp.New(nsOwner, "pubsub", list), nil
}

// affiliates is XEP-0060 §8.9.1.
func (m *Module) affiliates(ctx context.Context, q *request) (xmpp.Element, error) {
	n, err := m.open(ctx, q)
	if err != nil {
		return xmpp.Element{}, err
	}
	list := xmpp.New(nsOwner, "affiliations", affiliation(q.Account.JID, "owner")).With("node", n.Name)
	for _, p := range n.Peers {
		if p.Affiliation != None {
			list = list.Add(affiliation(p.JID, p.Affiliation.String()))
		}
	}
	return xmpp.New(nsOwner, "pubsub", list), nil
}

func affiliation(jid xmpp.JID, is string) xmpp.Element {
	return xmpp.New(nsOwner, "affiliation").With("jid", jid.String()).With("affiliation", is)
}

// setSubscribers is XEP-0060 §8.8.2. All that is asked for is done, or nothing.
func (m *Module) setSubscribers(ctx context.Context, q *request) (xmpp.Element, error) {
	return m.setPeers(ctx, q, "subscription", func(p *Peer, is string) error {
		switch is {
		case "subscribed":
			p.Subscribed = true
		case "none":
			p.Subscribed = false
		default:
			return xmpp.ErrNotAcceptable.With("A subscription is subscribed or none.")
		}
		return nil
	})
}

// setAffiliates is XEP-0060 §8.9.2.
func (m *Module) setAffiliates(ctx context.Context, q *request) (xmpp.Element, error) {
	return m.setPeers(ctx, q, "affiliation", func(p *Peer, is string) error {
		switch is {
		case "none":
			p.Affiliation = None
		case "member":
			p.Affiliation = Member
		case "outcast":
			p.Affiliation = Outcast
		case "publisher", "publish-only":
			return unsupported(is+"-affiliation", "Only the owner of the account publishes.") // XEP-0163 §2.2
		default:
			return xmpp.ErrNotAcceptable.With("An affiliation is none, member or outcast.")
		}
		p.JID = p.JID.Bare() // XEP-0060 §4.1
		return nil
	})
}

// setPeers changes what is said of addresses, one element each.
func (m *Module) setPeers(ctx context.Context, q *request, local string, set func(p *Peer, is string) error) (xmpp.Element, error) {
	list := elementsOf(q.verb, local)
	if len(list) > mostPeers {
		return xmpp.Element{}, errManySubs
	}
	return xmpp.Element{}, m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.must(ctx, q.node)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := b.setOne(ctx, n, e, set); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *batch) setOne(ctx context.Context, n *Node, e xmpp.Element, set func(p *Peer, is string) error) error {
	if !e.HasAttr(e.Name.Local) {
		return nil // it is not to be changed
	}
	jid, err := xmpp.ParseJID(e.Attr("jid"))
	if err != nil {
		return xmpp.ErrJIDMalformed.With("An address in the list is none.")
	}
	is := e.Attr(e.Name.Local)
	if e.Name.Local == "affiliation" {
		if jid = jid.Bare(); jid == b.account.JID {
			if is == "owner" {
				return nil
			}
			return xmpp.ErrNotAcceptable.With("The account stays the owner of its nodes.") // §8.9.2.4
		}
	}
	p := n.peer(jid)
	before := p
	if err := set(&p, is); err != nil || p == before {
		return err
	}
	return b.setPeer(ctx, n, p)
}
