package pubsub

import (
	"context"
	"errors"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// Directory shows something of those who have published nothing. Package directory provides it.
type Directory interface {
	// Published is what asker may see at a node to which an account has published nothing: an item's id and payload; zero if that is nothing.
	Published(ctx context.Context, account, asker xmpp.JID, node string) (id string, payload xmpp.Element, err error)
	// Picture is the hash of the picture that is shown of an account, or empty.
	Picture(ctx context.Context, account xmpp.JID) (string, error)
}

// pictured is the hash of the picture that the directory has of an account, or empty.
func (m *Module) pictured(ctx context.Context, account xmpp.JID) (string, error) {
	if m.opts.Directory == nil {
		return "", nil
	}
	return m.opts.Directory.Picture(ctx, account)
}

// instead answers a request for the items of a node that is not there, or holds nothing, by what the directory has. n and err are what was found.
func (m *Module) instead(ctx context.Context, q *request, n *Node, err error) (answer xmpp.Element, ok bool, failed error) {
	if m.opts.Directory == nil || err != nil && !errors.Is(err, errNoNode) {
		return xmpp.Element{}, false, nil
	}
	if n != nil {
		if nothing, err := m.isEmpty(ctx, q.Account.JID, n); err != nil || !nothing {
			return xmpp.Element{}, false, err
		}
	}
	id, payload, err := m.opts.Directory.Published(ctx, q.Account.JID, q.From.Bare(), q.node)
	if err != nil || payload.IsZero() {
		return xmpp.Element{}, false, err
	}
	q.granted = true
	list := xmpp.New(NS, "items").With("node", q.node)
	wanted := elementsOf(q.verb, "item")
	if len(wanted) == 0 || slices.ContainsFunc(wanted, func(e xmpp.Element) bool { return e.Attr("id") == id }) {
		list = list.Add(itemElement(NS, Item{ID: id, Payload: payload.String()}, true))
	}
	return xmpp.New(NS, "pubsub", list), true, nil
}

// isEmpty tells whether there is nothing at a node. That there is to be no avatar (XEP-0084 §3.5) is nothing, too.
func (m *Module) isEmpty(ctx context.Context, owner xmpp.JID, n *Node) (bool, error) {
	if n.Last == 0 || n.Name != nodeMetadata {
		return n.Last == 0, nil
	}
	items, err := m.fetch(ctx, Query{Owner: owner, Node: n.Name, After: n.Last - 1, Limit: 1})
	if err != nil || len(items) == 0 {
		return err == nil, err
	}
	metadata, err := parsed(items[0].Payload)
	return len(metadata.Elements()) == 0, err
}

// notifyListed tells those who want to hear of a node what the directory has for it.
func (m *Module) notifyListed(ctx context.Context, a *server.Account, node string) {
	id, payload, err := m.opts.Directory.Published(ctx, a.JID, a.JID, node)
	if err != nil {
		m.fail(a.JID, node, err)
		return
	}
	if payload.IsZero() {
		return
	}
	n := Node{Name: node, Config: Default()}
	items := xmpp.New(nsEvent, "items", itemElement(nsEvent, Item{ID: id, Payload: payload.String()}, true)).With("node", node)
	m.notify(ctx, a, event{n, items})
}

// Relisted is called when the directory may show something else of an account than before. It waits for changes of the account's own that are under way.
func (m *Module) Relisted(ctx context.Context, account xmpp.JID) error {
	if m.host.Online(account) == nil {
		return nil // nothing of it is kept
	}
	a, release := m.host.Account(account)
	defer release()
	d := m.desks.Get(a)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := d.changes.Take(waiting); err != nil {
		return err
	}
	defer d.changes.Leave()
	hash, err := m.opts.Cards.Photo(waiting, account)
	if err != nil {
		return err
	}
	m.present(ctx, a, hash)
	return nil
}
