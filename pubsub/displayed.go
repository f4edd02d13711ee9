package pubsub

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// Displayed lets a client tell its other devices what has been displayed in the message that tells the sender (XEP-0490 §4.5). It is a module of its own,
// and comes before those that copy and keep messages: they are not to see what it cuts out.
type Displayed struct{ Nodes *Module }

// Info is part of server.Module.
func (Displayed) Info() server.Info {
	return server.Info{Name: "displayed", Specs: []server.Spec{{Name: "XEP-0490", Version: "1.0.1"}}}
}

// Register is part of server.Module.
func (d Displayed) Register(h *server.Host) {
	h.Feature(server.ToAccount, "urn:xmpp:mds:server-assist:0") // §4.5.2
	h.Hooks().Outbound = append(h.Hooks().Outbound, d.outbound)
}

// outbound cuts the element out, and publishes it when the message has been told; its acknowledgement covers that too.
func (d Displayed) outbound(_ context.Context, p *server.Passage) error {
	st := p.Stanza
	if st.Kind != xmpp.Message || st.Type == xmpp.TypeError || !st.Has(nodeDisplayed, "displayed") {
		return nil
	}
	e, _ := st.Child(nodeDisplayed, "displayed")
	p.Stanza = st.Without(func(c xmpp.Child) bool { return c.Name == xmpp.Name{Space: nodeDisplayed, Local: "displayed"} })
	inside := e.Elements()
	payload := written(e, mostPayload)
	if len(inside) != 1 || !inside[0].Is("urn:xmpp:sid:0", "stanza-id") || payload == "" {
		return nil // §4.1: one stanza-id
	}
	it, passed := Item{ID: st.To.String(), Payload: payload}, false
	p.Then(func(context.Context, *server.Passage) error { passed = true; return nil })
	p.After(func(ctx context.Context) {
		if passed {
			d.publish(ctx, p.Session, it)
		}
	})
	return nil
}

// publish is for the account's own devices. A node that others may see is left alone.
func (d Displayed) publish(ctx context.Context, s *server.Session, it Item) {
	if !isName(it.ID, mostID) {
		return
	}
	err := d.Nodes.alter(ctx, s.Account, func(ctx context.Context, b *batch) error {
		n, err := b.made(ctx, nodeDisplayed, defaultOf(nodeDisplayed))
		if err != nil || n.Config.Access != AccessWhitelist {
			return err
		}
		return b.put(ctx, n, it)
	})
	if err != nil {
		d.Nodes.host.Log().Warn("what was displayed is not published", "jid", s.JID.String(), "id", it.ID, "module", "displayed", "err", err)
	}
}
