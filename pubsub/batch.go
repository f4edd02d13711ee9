package pubsub

import (
	"context"
	"maps"

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

// next is the Seq of a publication: later than all of the account's.
func (b *batch) next(n *Node) int64 {
	b.seq = max(b.seq+1, n.Last+1, b.m.host.Now().UnixMicro())
	return b.seq
}

// old is the item of an id as it will be, without its payload; nil if there will be none.
func (b *batch) old(ctx context.Context, n *Node, id string) (*Item, error) {
	if it, ok := b.fresh[n.Name][id]; ok || b.emptied[n.Name] {
		return it, nil
	}
	items, err := b.m.fetch(ctx, Query{Owner: b.account.JID, Node: n.Name, IDs: []string{id}, Limit: 1, Bare: true})
	if err != nil || len(items) == 0 {
		return nil, err
	}
	return &items[0], nil
}

// note remembers that an item comes, or goes.
func (b *batch) note(n *Node, id string, it *Item) {
	if b.fresh == nil {
		b.fresh = map[string]map[string]*Item{}
	}
	if b.fresh[n.Name] == nil {
		b.fresh[n.Name] = map[string]*Item{}
	}
	b.fresh[n.Name][id] = it
}

// edge lists the items at one end of a node that this batch has not touched, the oldest or the newest of them, without their payloads.
func (b *batch) edge(ctx context.Context, n *Node, many int, backwards bool) ([]Item, error) {
	if b.emptied[n.Name] {
		return nil, nil
	}
	q := Query{Owner: b.account.JID, Node: n.Name, Limit: many + len(b.fresh[n.Name]), Backwards: backwards, Bare: true}
	items, err := b.m.fetch(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, it := range items {
		if _, changed := b.fresh[n.Name][it.ID]; !changed {
			out = append(out, it)
		}
	}
	return out, nil
}

// put publishes an item.
func (b *batch) put(ctx context.Context, n *Node, it Item) error {
	old, err := b.old(ctx, n, it.ID)
	if err != nil {
		return err
	}
	most := n.Config.most()
	if old == nil && n.Config.Full == Reject && most > 0 && n.Items >= most {
		return errFull
	}
	it.Seq, it.Length = b.next(n), len(it.Payload)
	if most > 0 {
		if err := b.keep(ctx, n, old, it); err != nil {
			return err
		}
	}
	b.publishEvent(n, it)
	return nil
}

// keep puts an item in, and those out for which there is no place any more.
func (b *batch) keep(ctx context.Context, n *Node, old *Item, it Item) error {
	growth := it.size()
	if old != nil {
		growth -= old.size()
	} else {
		n.Items++
	}
	n.Last = it.Seq
	b.note(n, it.ID, &it)
	if err := b.trim(ctx, n); err != nil {
		return err
	}
	if err := b.grow(ctx, n, growth); err != nil {
		return err
	}
	b.edit(Edit{Node: n.Name, Item: &it})
	b.save(n)
	return nil
}

// trim takes out the oldest items of a node that has too many (XEP-0060 §7.1.2.5), and those whose time is over.
func (b *batch) trim(ctx context.Context, n *Node) error {
	excess, floor := n.Items-n.Config.most(), n.Config.floor(b.m.host.Now())
	if excess <= 0 && floor == 0 {
		return nil
	}
	many := max(excess, 0)
	if floor > 0 {
		many += 100
	}
	items, err := b.edge(ctx, n, many, false)
	if err != nil {
		return err
	}
	for i, it := range items {
		if i >= excess && it.Seq > floor {
			break
		}
		if err := b.lose(ctx, n, it); err != nil {
			return err
		}
		if n.Config.Full == RetractOldest && n.Config.NotifyRetract {
			b.retractEvent(n, it.ID)
		}
	}
	return nil
}

// lose takes an item out; the node is still to be saved.
func (b *batch) lose(ctx context.Context, n *Node, it Item) error {
	n.Items--
	b.note(n, it.ID, nil)
	b.edit(Edit{Node: n.Name, Gone: []string{it.ID}})
	return b.grow(ctx, n, -it.size())
}

// retract takes items out. The error is errNoItem if none of them is there.
func (b *batch) retract(ctx context.Context, n *Node, ids []string, notify bool) error {
	found := false
	for _, id := range ids {
		it, err := b.old(ctx, n, id)
		if err != nil {
			return err
		}
		if it == nil {
			continue
		}
		found = true
		if err := b.lose(ctx, n, *it); err != nil {
			return err
		}
		if it.Seq == n.Last {
			n.Last = 0
		}
		if notify || n.Config.NotifyRetract {
			b.retractEvent(n, id)
		}
	}
	if !found {
		return errNoItem
	}
	if err := b.findLast(ctx, n); err != nil {
		return err
	}
	b.save(n)
	return nil
}

// findLast finds what was published last, if that has gone.
func (b *batch) findLast(ctx context.Context, n *Node) error {
	if n.Last != 0 || n.Items == 0 {
		return nil
	}
	items, err := b.edge(ctx, n, 1, true)
	if err != nil {
		return err
	}
	for _, it := range items {
		n.Last = max(n.Last, it.Seq)
	}
	for it := range maps.Values(b.fresh[n.Name]) {
		if it != nil {
			n.Last = max(n.Last, it.Seq)
		}
	}
	return nil
}

// empty takes all items out.
func (b *batch) empty(ctx context.Context, n *Node) error {
	kept := nodeBytes + len(n.Name)
	for _, p := range n.Peers {
		kept += peerBytes + len(p.JID.String())
	}
	if err := b.grow(ctx, n, kept-n.Bytes); err != nil {
		return err
	}
	n.Items, n.Last = 0, 0
	b.forget(n.Name)
	b.edit(Edit{Node: n.Name, All: true})
	b.save(n)
	return nil
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
