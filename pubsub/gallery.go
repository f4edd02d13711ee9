package pubsub

import (
	"context"
	"iter"

	"palabre/server"
	"palabre/xmpp"
)

// A gallery is what one session is shown. All at once would be more than may wait for a client that has many contacts, so there is a part of it, then a ping
// (XEP-0199), and, when that has been answered, another part.
type gallery struct {
	m    *Module
	s    *server.Session
	sent map[string]int64 // the Seq of what has been sent, by owner and node
	left int              // bytes until the next ping
	rest []Shown
}

func (x *Shown) key() string { return x.Owner.String() + " " + x.Node.Name }

// stanzas are the notifications of what the session may see and has not been sent, as far as they fit.
func (g *gallery) stanzas(ctx context.Context, all []Shown) iter.Seq[*xmpp.Stanza] {
	return func(yield func(*xmpp.Stanza) bool) {
		for i := range all {
			x := &all[i]
			if !g.mayShow(ctx, x) {
				continue
			}
			if g.left <= 0 {
				g.rest = append(g.rest, *x)
				continue
			}
			if st := g.stanza(ctx, x); st != nil && !yield(st) {
				return
			}
		}
	}
}

func (g *gallery) mayShow(ctx context.Context, x *Shown) bool {
	if x.Item.Seq <= max(g.sent[x.key()], x.Node.Config.floor(g.m.host.Now())) || !x.Node.Config.shows() {
		return false
	}
	err := g.m.allows(ctx, reader{x.Owner, g.s.Account.JID, true}, &x.Node.Config, x.Affiliation)
	if err != nil && !isStanzaError(err) {
		g.m.fail(x.Owner, x.Node.Name, err)
	}
	return err == nil
}

// stanza is the notification of one item, read if it was too long to come with the others; nil if it has gone.
func (g *gallery) stanza(ctx context.Context, x *Shown) *xmpp.Stanza {
	it := x.Item
	if it.Payload == "" && it.Length > 0 {
		items, err := g.m.fetch(ctx, Query{Owner: x.Owner, Node: x.Node.Name, Limit: 1, Backwards: true})
		if err != nil {
			g.m.fail(x.Owner, x.Node.Name, err)
		}
		if len(items) == 0 {
			return nil
		}
		it = items[0]
	}
	g.sent[x.key()] = it.Seq
	g.left -= it.size() + 500
	return g.m.late(x.Owner, &x.Node, it)
}

// goOn shows the rest when the client has read what it was sent, whether it answers a ping by a result or by an error.
func (g *gallery) goOn() {
	if len(g.rest) == 0 || g.s.IsClosed() {
		return
	}
	g.m.host.Ask(g.s, xmpp.TypeGet, xmpp.New("urn:xmpp:ping", "ping"), func(ctx context.Context, _ *xmpp.Stanza, err error) {
		if err != nil || g.s.Presence() == nil {
			return
		}
		rest := g.rest
		g.rest, g.left = nil, mostShown
		for i := range rest {
			if g.left <= 0 {
				g.rest = append(g.rest, rest[i:]...)
				break
			}
			g.showAgain(ctx, &rest[i])
		}
		g.goOn()
	})
}

// showAgain shows a node as it is by now.
func (g *gallery) showAgain(ctx context.Context, x *Shown) {
	sees, err := g.m.host.Sees(ctx, g.s.Account.JID, x.Owner)
	if err != nil || !sees {
		return
	}
	for {
		began := g.m.clock.Load()
		n, err := g.m.node(ctx, x.Owner, x.Node.Name)
		if err != nil || n == nil || n.Last == 0 {
			return
		}
		now := Shown{Owner: x.Owner, Node: *n, Affiliation: n.affiliation(g.s.Account.JID), Item: Item{Seq: n.Last, Length: 1}} // its payload is read
		g.m.host.Hand(ctx, g.s, g.stanzas(ctx, []Shown{now}))
		if len(g.m.changed([]Shown{now}, began)) == 0 {
			return
		}
	}
}
