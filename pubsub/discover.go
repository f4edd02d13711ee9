package pubsub

import (
	"context"
	"strconv"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// nodeInfo is XEP-0060 §5.3 and §5.4. The kernel has seen to it that whoever asks may know of the account.
func (m *Module) nodeInfo(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	n, err := m.open(ctx, &request{Request: r, node: r.Payload.Attr("node"), known: true})
	if err != nil {
		return xmpp.Element{}, err
	}
	out := xmpp.New(server.NSDiscoInfo, "query", xmpp.New(server.NSDiscoInfo, "identity").With("category", "pubsub").With("type", "leaf").With("name", n.Config.Title))
	for _, f := range []string{NS, server.NSDiscoInfo, server.NSDiscoItems} {
		out = out.Add(xmpp.New(server.NSDiscoInfo, "feature").With("var", f))
	}
	meta := form(xmpp.FormResult, nsMeta, n.Config)
	for _, f := range []struct{ name, value string }{
		{"creation_date", time.UnixMicro(n.Created).UTC().Format(time.RFC3339)},
		{"owner", r.Account.JID.String()},
		{"num_subscribers", strconv.Itoa(n.subscriptions())},
	} {
		meta.Fields = append(meta.Fields, xmpp.Field{Var: fieldPrefix + f.name, Type: xmpp.FieldTextSingle, Values: []string{f.value}})
	}
	return out.Add(meta.Element()), nil
}

func (n *Node) subscriptions() int {
	count := 0
	for _, p := range n.Peers {
		if p.Subscribed {
			count++
		}
	}
	return count
}

// nodeItems lists the nodes that whoever asks may see (XEP-0060 §5.2, XEP-0163 §6.2) or, of one of them, the items (XEP-0060 §5.5).
func (m *Module) nodeItems(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	out := xmpp.New(server.NSDiscoItems, "query")
	name := r.Payload.Attr("node")
	if name == "" {
		return m.nodeList(ctx, r, out)
	}
	n, err := m.open(ctx, &request{Request: r, node: name, known: true})
	if err != nil {
		return xmpp.Element{}, err
	}
	items, err := m.fetch(ctx, Query{Owner: r.Account.JID, Node: name, After: n.Config.floor(m.host.Now()), Limit: mostPage, Backwards: true, Bare: true})
	if err != nil {
		return xmpp.Element{}, err
	}
	l := list{out: out}
	for _, it := range items {
		l.add(xmpp.New(server.NSDiscoItems, "item").With("jid", r.Account.JID.String()).With("name", it.ID))
	}
	return l.out, nil
}

// A list is an answer that holds no more than an answer may.
type list struct {
	out  xmpp.Element
	size int
}

func (l *list) add(item xmpp.Element) {
	if l.size += len(item.String()); l.size <= mostAnswered {
		l.out.Children = append(l.out.Children, item)
	}
}

func (m *Module) nodeList(ctx context.Context, r *server.Request, out xmpp.Element) (xmpp.Element, error) {
	nodes, err := m.nodes(ctx, r.Account.JID)
	if err != nil {
		return xmpp.Element{}, err
	}
	bare, l := r.From.Bare(), list{out: out}
	for i := range nodes {
		n := &nodes[i]
		err := m.allows(ctx, reader{r.Account.JID, bare, true}, &n.Config, n.affiliation(bare))
		if err != nil && !isStanzaError(err) {
			return xmpp.Element{}, err
		}
		if err == nil {
			l.add(xmpp.New(server.NSDiscoItems, "item").With("jid", r.Account.JID.String()).With("node", n.Name).With("name", n.Config.Title))
		}
	}
	return l.out, nil
}
