package pubsub

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"palabre/xmpp"
)

// items is XEP-0060 §6.5.
func (m *Module) items(ctx context.Context, q *request) (xmpp.Element, error) {
	if q.Own {
		if err := m.adopt(ctx, q.Account, q.node); err != nil {
			return xmpp.Element{}, err
		}
	}
	n, err := m.open(ctx, q)
	if answer, ok, failed := m.instead(ctx, q, n, err); ok || failed != nil {
		return answer, failed
	}
	if q.Own && q.node == nodeBookmarks && errors.Is(err, errNoNode) {
		// Who has no bookmarks yet has an empty list: Dino 0.4 takes XEP-0060 §6.5.9.11 to mean that there can be none, and never makes the first.
		return xmpp.New(NS, "pubsub", xmpp.New(NS, "items").With("node", q.node)), nil
	}
	if err != nil {
		return xmpp.Element{}, err
	}
	p, err := m.page(ctx, q, n)
	if err != nil {
		return xmpp.Element{}, err
	}
	items, err := m.collect(ctx, p)
	if err != nil {
		return xmpp.Element{}, err
	}
	list := xmpp.New(NS, "items").With("node", n.Name)
	for _, it := range items {
		list = list.Add(itemElement(NS, it, true))
	}
	answer := xmpp.New(NS, "pubsub", list)
	if p.asked || p.cut {
		info := xmpp.PageInfo{Index: -1, Count: n.Items}
		if len(items) > 0 {
			info.First, info.Last = items[0].ID, items[len(items)-1].ID
		}
		answer = answer.Add(info.Element()) // §6.5.4
	}
	return answer, nil
}

// itemElement is an item in an answer, or in a notification.
func itemElement(space string, it Item, payload bool) xmpp.Element {
	e := xmpp.New(space, "item").With("id", it.ID)
	if payload && it.Payload != "" {
		e = e.Add(xmpp.Raw(it.Payload))
	}
	return e
}

// A page is what is asked for, and what was given.
type page struct {
	Query
	asked bool // by XEP-0059
	cut   bool // there would have been more
}

// page reads what a request asks for. Whoever names no part gets the newest items, as many as fit into an answer.
func (m *Module) page(ctx context.Context, q *request, n *Node) (*page, error) {
	p := &page{Query: Query{Owner: q.Account.JID, Node: n.Name, After: n.Config.floor(m.host.Now()), Limit: mostItems, Backwards: true}}
	for _, e := range elementsOf(q.verb, "item") {
		p.IDs = append(p.IDs, e.Attr("id"))
	}
	if len(p.IDs) > mostIDs {
		return nil, xmpp.ErrBadRequest.With("Ask for " + strconv.Itoa(mostIDs) + " items at a time.")
	}
	if len(p.IDs) > 0 {
		return p, nil // §6.5.8
	}
	if most := q.verb.Attr("max_items"); most != "" { // §6.5.7
		v, err := strconv.Atoi(most)
		if err != nil || v < 1 {
			return nil, xmpp.ErrBadRequest.With("max_items is a number, from 1 on.")
		}
		p.Limit = min(v, mostItems)
	}
	return p, m.paged(ctx, p, q)
}

// paged reads the <set/> of XEP-0059, if there is one.
func (m *Module) paged(ctx context.Context, p *page, q *request) error {
	r, err := xmpp.ParsePageRequest(q.Payload)
	if err != nil || r == xmpp.AnyPage() {
		return err
	}
	if r.Index >= 0 {
		return xmpp.ErrFeatureNotImplemented.With("Pages can't be asked for by their index.")
	}
	p.asked, p.Backwards = true, r.Backwards
	if r.Max >= 0 {
		p.Limit = min(r.Max, p.Limit)
	}
	p.Limit = min(p.Limit, mostPage)
	for _, edge := range []struct {
		id string
		at *int64
	}{{r.After, &p.After}, {r.Before, &p.Before}} {
		if edge.id == "" {
			continue
		}
		found, err := m.fetch(ctx, Query{Owner: p.Owner, Node: p.Node, IDs: []string{edge.id}, Limit: 1, Bare: true})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errNoItem // XEP-0059 §2.2
		}
		*edge.at = max(*edge.at, found[0].Seq)
	}
	return nil
}

// stride is how many items are read at a time.
const stride = 100

// collect reads the items of a page, up to what an answer may hold; one at least.
func (m *Module) collect(ctx context.Context, p *page) ([]Item, error) {
	var out []Item
	size := 0
	q := p.Query
	if len(q.IDs) == 0 {
		q.Limit = stride
	}
	for left := p.Limit; left > 0; {
		q.Limit = min(q.Limit, left)
		part, err := m.fetch(ctx, q)
		if err != nil {
			return nil, err
		}
		if q.Backwards {
			slices.Reverse(part)
		}
		for _, it := range part {
			if size += it.size() + 50; size > mostAnswered && len(out) > 0 {
				p.cut = true
				break
			}
			out = append(out, it)
		}
		if p.cut || len(part) < q.Limit || len(q.IDs) > 0 {
			break
		}
		left -= len(part)
		if last := part[len(part)-1].Seq; q.Backwards {
			q.Before = last
		} else {
			q.After = last
		}
	}
	if q.Backwards {
		slices.Reverse(out)
	}
	return out, nil
}
