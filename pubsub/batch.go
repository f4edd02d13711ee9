package pubsub

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// A batch is what one request changes, before it is committed: nodes as they will be, the edits that make them so, and what is to be told.
type batch struct {
	m       *Module
	account *server.Account
	nodes   map[string]*Node            // as they will be; nil: there is none
	fresh   map[string]map[string]*Item // by node: items that come (nil: go) with this batch
	totals  *Totals
	change  Change
	more    []server.Write // of others, in the same commit
	events  []event
	after   []func(ctx context.Context) // when it is durable and told
	seq     int64

	emptied   map[string]bool                           // nodes of which nothing is left that was there before
	following func(b *batch, ctx context.Context) error // what follows what the client has changed: see noticed
}

func (b *batch) writes() []server.Write {
	if len(b.change.Edits) == 0 {
		return b.more
	}
	return append([]server.Write{&b.change}, b.more...)
}

func (b *batch) edit(e Edit) { b.change.Edits = append(b.change.Edits, e) }

// save notes that a node's row has changed.
func (b *batch) save(n *Node) {
	row := *n
	row.Peers = nil
	b.edit(Edit{Node: n.Name, Put: &row})
}

// node gives a node as it will be; nil if there will be none.
func (b *batch) node(ctx context.Context, name string) (*Node, error) {
	if n, ok := b.nodes[name]; ok {
		return n, nil
	}
	n, err := b.m.node(ctx, b.account.JID, name)
	if err != nil {
		return nil, err
	}
	b.nodes[name] = n
	return n, nil
}

// must is node for one that has to be there.
func (b *batch) must(ctx context.Context, name string) (*Node, error) {
	if name == "" {
		return nil, errNodeNeeded
	}
	n, err := b.node(ctx, name)
	if err == nil && n == nil {
		err = errNoNode
	}
	return n, err
}

func (b *batch) load(ctx context.Context) (*Totals, error) {
	if b.totals != nil {
		return b.totals, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t, err := b.m.store.Totals(ctx, b.account.JID)
	if err != nil {
		return nil, err
	}
	b.totals = &t
	return b.totals, nil
}

// grow counts what is kept from now on.
func (b *batch) grow(ctx context.Context, n *Node, bytes int) error {
	t, err := b.load(ctx)
	if err != nil {
		return err
	}
	n.Bytes += bytes
	t.Bytes += bytes
	if bytes > 0 && t.Bytes > mostBytes {
		return errSpace
	}
	return nil
}

// make makes a node. There is none of that name.
func (b *batch) make(ctx context.Context, name string, c Config) (*Node, error) {
	t, err := b.load(ctx)
	if err != nil {
		return nil, err
	}
	if t.Nodes++; t.Nodes > mostNodes {
		return nil, errNodes
	}
	n := &Node{Name: name, Config: c, Created: b.m.host.Now().UnixMicro()}
	if err := b.grow(ctx, n, nodeBytes+len(name)); err != nil {
		return nil, err
	}
	b.nodes[name] = n
	b.save(n)
	return n, nil
}

// made is node, or makes one.
func (b *batch) made(ctx context.Context, name string, c Config) (*Node, error) {
	if n, err := b.node(ctx, name); n != nil || err != nil {
		return n, err
	}
	return b.make(ctx, name, c)
}

// drop deletes a node.
func (b *batch) drop(ctx context.Context, n *Node) error {
	t, err := b.load(ctx)
	if err != nil {
		return err
	}
	t.Nodes--
	t.Bytes -= n.Bytes
	b.nodes[n.Name] = nil
	b.forget(n.Name)
	b.edit(Edit{Node: n.Name, Drop: true})
	return nil
}

func (b *batch) forget(node string) {
	delete(b.fresh, node)
	if b.emptied == nil {
		b.emptied = map[string]bool{}
	}
	b.emptied[node] = true
}

// setPeer says what somebody is from now on. A full address is one that was subscribed, and has no affiliation.
func (b *batch) setPeer(ctx context.Context, n *Node, p Peer) error {
	growth, rest := peerBytes+len(p.JID.String()), make([]Peer, 0, len(n.Peers)+1)
	for _, x := range n.Peers {
		if x.JID == p.JID {
			growth -= peerBytes + len(x.JID.String())
			continue
		}
		rest = append(rest, x)
	}
	n.Peers = rest
	if p.Affiliation == None && !p.Subscribed {
		growth -= peerBytes + len(p.JID.String())
	} else {
		n.Peers = append(n.Peers, p)
	}
	if len(n.Peers) > mostPeers {
		return errManySubs
	}
	if err := b.grow(ctx, n, growth); err != nil {
		return err
	}
	b.edit(Edit{Node: n.Name, Peer: &p})
	b.save(n)
	return nil
}

// peer is what is kept of an address.
func (n *Node) peer(jid xmpp.JID) Peer {
	for _, p := range n.Peers {
		if p.JID == jid {
			return p
		}
	}
	return Peer{JID: jid}
}
