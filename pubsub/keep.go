package pubsub

import (
	"context"
	"maps"
)

// next is the Seq of a publication: later than all of the account's.
func (b *batch) next(n *Node) int64 {
	b.seq = max(b.seq+1, n.Last+1, b.m.host.Now().UnixMicro())
	return b.seq
}

// item is that of an id as it will be; nil if there will be none. A bare one that is stored comes without its payload.
func (b *batch) item(ctx context.Context, n *Node, id string, bare bool) (*Item, error) {
	if it, ok := b.fresh[n.Name][id]; ok || b.emptied[n.Name] {
		return it, nil
	}
	items, err := b.m.fetch(ctx, Query{Owner: b.account.JID, Node: n.Name, IDs: []string{id}, Limit: 1, Bare: bare})
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
	old, err := b.item(ctx, n, it.ID, true)
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
		it, err := b.item(ctx, n, id, true)
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
