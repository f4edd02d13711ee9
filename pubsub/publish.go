package pubsub

import (
	"context"
	"slices"

	"palabre/xmpp"
)

// publish is XEP-0060 §7.1. Only the account itself publishes (XEP-0163 §2.2).
func (m *Module) publish(ctx context.Context, q *request) (xmpp.Element, error) {
	if !q.Own {
		return xmpp.Element{}, errForbidden // §7.1.3.1
	}
	if q.node == "" {
		return xmpp.Element{}, errNodeNeeded
	}
	items := elementsOf(q.verb, "item")
	if len(items) > 1 {
		return xmpp.Element{}, xmpp.ErrBadRequest.With("One item at a time.") // §7.1.1
	}
	if err := m.adopt(ctx, q.Account, q.node); err != nil {
		return xmpp.Element{}, err
	}
	id := ""
	err := m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.prepared(ctx, q)
		if err != nil {
			return err
		}
		id, err = b.publishItem(ctx, n, items)
		return err
	})
	if err != nil {
		return xmpp.Element{}, err
	}
	answer := xmpp.New(NS, "publish").With("node", q.node)
	if id != "" {
		answer = answer.Add(xmpp.New(NS, "item").With("id", id)) // §7.1.2
	}
	return xmpp.New(NS, "pubsub", answer), nil
}

// prepared gives the node to publish to: it is made if it is not there (§7.1.4), and is as the publisher wants it, or the error says that it is not (§7.1.5).
func (b *batch) prepared(ctx context.Context, q *request) (*Node, error) {
	n, err := b.node(ctx, q.node)
	if err != nil {
		return nil, err
	}
	is := defaultOf(q.node)
	if n != nil {
		is = n.Config
	}
	var f xmpp.Form
	wanted := is
	if options, ok := q.Payload.Child(NS, "publish-options"); ok {
		x, _ := options.Child(xmpp.NSData, "x")
		if f, err = submitted(x, nsOptions, false); err != nil {
			return nil, err
		}
		if wanted, err = fill(is, f, true); err != nil {
			return nil, err
		}
	}
	if n == nil {
		return b.make(ctx, q.node, wanted)
	}
	if field := differs(f, is, wanted); field != "" {
		return nil, preconditionNotMet(field)
	}
	return n, nil
}

// defaultOf is how a node is made that nobody has configured. What only the owner's devices should see stays with them, though a client forgets to say so.
func defaultOf(node string) Config {
	switch node {
	case nodeBookmarks, nodeDisplayed:
		return private(Never, 0)
	case nodeStorage:
		return private(OnSubPresence, 1)
	}
	return Default()
}

// nodeDisplayed is where devices tell each other what has been read (XEP-0490 §4.1).
const nodeDisplayed = "urn:xmpp:mds:displayed:0"

// publishItem checks an item by §7.1.3.6 and §7.1.3.7, publishes it, and gives its id.
func (b *batch) publishItem(ctx context.Context, n *Node, items []xmpp.Element) (id string, err error) {
	c := &n.Config
	if len(items) == 0 {
		switch {
		case c.Persist:
			return "", errItemNeeded
		case c.Payloads:
			return "", with(xmpp.ErrBadRequest, "payload-required", "This node takes items with a payload.")
		}
		b.event(n, xmpp.New(nsEvent, "items").With("node", n.Name))
		return "", nil
	}
	payload := items[0].Elements()
	switch {
	case !c.Persist && !c.Payloads:
		return "", with(xmpp.ErrBadRequest, "item-forbidden", "This node takes no items.")
	case len(payload) > 1:
		return "", errPayload
	case len(payload) == 0 && c.Payloads:
		return "", with(xmpp.ErrBadRequest, "payload-required", "This node takes items with a payload.")
	}
	it := Item{ID: items[0].Attr("id")}
	if len(payload) == 1 {
		if payload[0].Name.Space == "" || c.Type != "" && payload[0].Name.Space != c.Type {
			return "", errPayload
		}
		if it.Payload = written(payload[0], c.payload()); it.Payload == "" {
			return "", payloadTooBig(c.payload()) // §7.1.3.5
		}
	}
	if it.ID == "" {
		it.ID = b.m.host.NewID()
	}
	if !isName(it.ID, mostID) {
		return "", errName
	}
	if err := b.put(ctx, n, it); err != nil {
		return "", err
	}
	b.noticed(n.Name, it.ID)
	return it.ID, nil
}

func elementsOf(parent xmpp.Element, local string) []xmpp.Element {
	return slices.DeleteFunc(parent.Elements(), func(e xmpp.Element) bool { return !e.Is(parent.Name.Space, local) })
}

// retract is XEP-0060 §7.2.
func (m *Module) retract(ctx context.Context, q *request) (xmpp.Element, error) {
	if !q.Own {
		return xmpp.Element{}, errForbidden // §7.2.3.1
	}
	var ids []string
	for _, e := range elementsOf(q.verb, "item") {
		ids = append(ids, e.Attr("id"))
	}
	if len(ids) == 0 || len(ids) > mostIDs || slices.Contains(ids, "") {
		return xmpp.Element{}, errItemNeeded // §7.2.3.4
	}
	if err := m.adopt(ctx, q.Account, q.node); err != nil {
		return xmpp.Element{}, err
	}
	notify := q.verb.Attr("notify")
	return xmpp.Element{}, m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.must(ctx, q.node)
		if err != nil {
			return err
		}
		if err := b.retract(ctx, n, ids, notify == "1" || notify == "true"); err != nil { // §7.2.2.1
			return err
		}
		b.noticed(n.Name, "")
		return nil
	})
}
