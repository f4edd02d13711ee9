package pubsub

import (
	"context"

	"palabre/xmpp"
)

// create is XEP-0060 §8.1.
func (m *Module) create(ctx context.Context, q *request) (xmpp.Element, error) {
	if !q.Own {
		return xmpp.Element{}, errForbidden
	}
	name := q.node
	if name == "" {
		name = m.host.NewID() // an instant node
	}
	c := defaultOf(name)
	if configure, ok := q.Payload.Child(NS, "configure"); ok {
		if configure.HasAttr("node") {
			return xmpp.Element{}, xmpp.ErrBadRequest.With("The node is named by <create/>.") // §8.1.3
		}
		var err error
		if c, err = filled(configure, c); err != nil {
			return xmpp.Element{}, err
		}
	}
	err := m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.node(ctx, name)
		if err != nil {
			return err
		}
		if n != nil {
			return xmpp.ErrConflict.With("There is such a node already.")
		}
		_, err = b.make(ctx, name, c)
		return err
	})
	if err != nil {
		return xmpp.Element{}, err
	}
	return xmpp.New(NS, "pubsub", xmpp.New(NS, "create").With("node", name)), nil
}

// filled is a configuration after what the form in an element says; without one, or with one that is called off, it stays what it is (§8.2.4).
func filled(parent xmpp.Element, c Config) (Config, error) {
	x, ok := parent.Child(xmpp.NSData, "x")
	if !ok {
		return c, nil
	}
	f, err := submitted(x, nsConfig, true)
	if err != nil || f.Type == xmpp.FormCancel {
		return c, err
	}
	return fill(c, f, false)
}

// configuration is XEP-0060 §8.2.1.
func (m *Module) configuration(ctx context.Context, q *request) (xmpp.Element, error) {
	n, err := m.open(ctx, q)
	if err != nil {
		return xmpp.Element{}, err
	}
	configure := xmpp.New(nsOwner, "configure", form(xmpp.FormForm, nsConfig, n.Config).Element()).With("node", n.Name)
	return xmpp.New(nsOwner, "pubsub", configure), nil
}

// defaults is XEP-0060 §8.3.
func (m *Module) defaults(context.Context, *request) (xmpp.Element, error) {
	return xmpp.New(nsOwner, "pubsub", xmpp.New(nsOwner, "default", form(xmpp.FormForm, nsConfig, Default()).Element())), nil
}

// configure is XEP-0060 §8.2.4.
func (m *Module) configure(ctx context.Context, q *request) (xmpp.Element, error) {
	return xmpp.Element{}, m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.must(ctx, q.node)
		if err != nil {
			return err
		}
		c, err := filled(q.verb, n.Config)
		if err != nil {
			return err
		}
		if c.Access != n.Config.Access {
			b.noticed(n.Name, "")
		}
		return b.reconfigure(ctx, n, c)
	})
}

// reconfigure has a node behave otherwise from now on. Items for which there is no place any more go.
func (b *batch) reconfigure(ctx context.Context, n *Node, c Config) error {
	n.Config = c
	if n.Items > 0 && c.most() < n.Items {
		if err := b.trim(ctx, n); err != nil {
			return err
		}
		if n.Items == 0 {
			n.Last = 0
		}
	}
	b.save(n)
	if c.NotifyConfig { // §8.2.5.3
		told := xmpp.New(nsEvent, "configuration").With("node", n.Name)
		if c.Payloads {
			told = told.Add(form(xmpp.FormResult, nsConfig, c).Element())
		}
		b.event(n, told)
	}
	return nil
}

// remove is XEP-0060 §8.4.
func (m *Module) remove(ctx context.Context, q *request) (xmpp.Element, error) {
	return xmpp.Element{}, m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.must(ctx, q.node)
		if err != nil {
			return err
		}
		if n.Config.NotifyDelete {
			b.event(n, xmpp.New(nsEvent, "delete").With("node", n.Name)) // §8.4.2
		}
		b.noticed(n.Name, "")
		return b.drop(ctx, n)
	})
}

// purge is XEP-0060 §8.5.
func (m *Module) purge(ctx context.Context, q *request) (xmpp.Element, error) {
	return xmpp.Element{}, m.alter(ctx, q.Account, func(ctx context.Context, b *batch) error {
		n, err := b.must(ctx, q.node)
		if err != nil {
			return err
		}
		if !n.Config.Persist {
			return unsupported("persistent-items", "This node keeps no items.") // §8.5.3.3
		}
		if n.Config.NotifyRetract {
			b.event(n, xmpp.New(nsEvent, "purge").With("node", n.Name)) // §8.5.2
		}
		b.noticed(n.Name, "")
		return b.empty(ctx, n)
	})
}
