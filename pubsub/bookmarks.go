package pubsub

import (
	"context"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// The nodes with bookmarks, whose names are namespaces too.
const (
	nodeBookmarks = "urn:xmpp:bookmarks:1" // XEP-0402: an item for each, its id the room's address
	nodeStorage   = "storage:bookmarks"    // XEP-0048: one item with all of them
	itemStorage   = "current"              // its id (XEP-0048 §3.1)

	mostStorage = 256 << 10 // bytes of all bookmarks in one item; more are not kept in step
)

// Private is where clients kept their bookmarks before (XEP-0049). Package xep provides it.
type Private interface {
	// Kept gives what an account keeps under a name; ok tells whether there is something.
	Kept(ctx context.Context, owner xmpp.JID, name xmpp.Name) (e xmpp.Element, ok bool, err error)
}

// Storage gives an account's bookmarks as XEP-0048 has them. ok is false while they are not kept here.
func (m *Module) Storage(ctx context.Context, a *server.Account) (storage xmpp.Element, ok bool, err error) {
	n, err := m.node(ctx, a.JID, nodeStorage)
	if err != nil || n == nil {
		return xmpp.Element{}, false, err
	}
	items, err := m.fetch(ctx, Query{Owner: a.JID, Node: nodeStorage, Limit: 1, Backwards: true})
	if err != nil || len(items) == 0 {
		return xmpp.New(nodeStorage, "storage"), err == nil, err
	}
	storage, err = parsed(items[0].Payload)
	return storage, err == nil, err
}

// SetStorage keeps bookmarks that a client stores as XEP-0048 has them, and publishes what has changed.
func (m *Module) SetStorage(ctx context.Context, a *server.Account, storage xmpp.Element) error {
	return m.alter(ctx, a, func(ctx context.Context, b *batch) error { return b.setStorage(ctx, storage) })
}

func (b *batch) setStorage(ctx context.Context, storage xmpp.Element) error {
	payload := written(storage, mostStorage)
	if payload == "" {
		return payloadTooBig(mostStorage)
	}
	n, err := b.made(ctx, nodeStorage, defaultOf(nodeStorage))
	if err != nil {
		return err
	}
	if n.Config.Access != AccessWhitelist { // private storage is nobody else's (XEP-0411 §5)
		c := n.Config
		c.Access = AccessWhitelist
		if err := b.reconfigure(ctx, n, c); err != nil {
			return err
		}
	}
	if err := b.put(ctx, n, Item{ID: itemStorage, Payload: payload}); err != nil {
		return err
	}
	return b.toNative(ctx)
}

// adopt brings what an account keeps in private storage here, before its bookmarks are asked for or changed here for the first time (XEP-0411 §4).
func (m *Module) adopt(ctx context.Context, a *server.Account, node string) error {
	if node != nodeBookmarks && node != nodeStorage || m.opts.Private == nil {
		return nil
	}
	for _, name := range []string{nodeStorage, nodeBookmarks} {
		if n, err := m.node(ctx, a.JID, name); n != nil || err != nil {
			return err
		}
	}
	storage, ok, err := m.opts.Private.Kept(ctx, a.JID, xmpp.Name{Space: nodeStorage, Local: "storage"})
	if err != nil || !ok {
		return err
	}
	return m.alter(ctx, a, func(ctx context.Context, b *batch) error {
		for _, name := range []string{nodeStorage, nodeBookmarks} {
			if n, err := b.node(ctx, name); n != nil || err != nil {
				return err // another device was first
			}
		}
		return b.setStorage(ctx, storage)
	})
}

// adoptFor is adopt for a client that waits to be told of its bookmarks, and does not ask: some do, where the conversion of XEP-0411 is offered (§4).
func (m *Module) adoptFor(ctx context.Context, s *server.Session, names []string) {
	if !slices.Contains(names, nodeStorage) {
		return
	}
	if err := m.adopt(ctx, s.Account, nodeStorage); err != nil {
		m.fail(s.Account.JID, nodeStorage, err)
	}
}

// A bookmark is what both ways of keeping one can say.
type bookmark struct {
	name, nick, password string
	autojoin             bool
}

func bookmarkOf(e xmpp.Element) bookmark {
	space := e.Name.Space
	join := e.Attr("autojoin")
	return bookmark{e.Attr("name"), e.ContentOf(space, "nick"), e.ContentOf(space, "password"), join == "1" || join == "true"}
}

// element writes a bookmark in one of the two namespaces.
func (k bookmark) element(space string) xmpp.Element {
	e := xmpp.New(space, "conference").With("name", k.name)
	if k.autojoin {
		e = e.With("autojoin", "true")
	}
	for _, c := range []struct{ local, text string }{{"nick", k.nick}, {"password", k.password}} {
		if c.text != "" {
			e = e.Add(xmpp.New(space, c.local, xmpp.Text(c.text)))
		}
	}
	return e
}

// room is the address in an item's id, or in a jid attribute; ok tells whether it is one of a room.
func room(s string) (xmpp.JID, bool) {
	j, err := xmpp.ParseJID(s)
	return j, err == nil && j.IsBare()
}

// native lists the bookmarks that are published one by one, as they will be, in the order of their publication.
func (b *batch) native(ctx context.Context, n *Node) ([]Item, error) {
	if n == nil {
		return nil, nil
	}
	var out []Item
	if !b.emptied[n.Name] {
		stored, err := b.m.fetch(ctx, Query{Owner: b.account.JID, Node: n.Name, Limit: mostItems})
		if err != nil {
			return nil, err
		}
		for _, it := range stored {
			if _, changed := b.fresh[n.Name][it.ID]; !changed {
				out = append(out, it)
			}
		}
	}
	for _, it := range b.fresh[n.Name] {
		if it != nil {
			out = append(out, *it)
		}
	}
	slices.SortFunc(out, func(x, y Item) int { return int(min(max(x.Seq-y.Seq, -1), 1)) })
	return out, nil
}

// toStorage gathers the bookmarks into the one item of XEP-0048 (XEP-0402 §5.3.1). What that alone can hold, such as addresses of web pages, stays in it.
func (b *batch) toStorage(ctx context.Context) error {
	from, err := b.node(ctx, nodeBookmarks)
	if err != nil {
		return err
	}
	to, err := b.node(ctx, nodeStorage)
	if err != nil || from != nil && from.Config.Access != AccessWhitelist || to != nil && to.Config.Access != AccessWhitelist || from == nil && to == nil {
		return err // what is private in one place would not be in the other
	}
	items, err := b.native(ctx, from)
	if err != nil {
		return err
	}
	before, err := b.last(ctx, nodeStorage)
	if err != nil {
		return err
	}
	storage := xmpp.New(nodeStorage, "storage")
	for _, it := range items {
		e, err := parsed(it.Payload)
		if err != nil {
			return err
		}
		if j, ok := room(it.ID); ok && e.Is(nodeBookmarks, "conference") {
			storage = storage.Add(bookmarkOf(e).element(nodeStorage).With("jid", j.String()))
		}
	}
	for _, e := range before.Elements() {
		if !e.Is(nodeStorage, "conference") {
			storage = storage.Add(e)
		}
	}
	payload := storage.String()
	if payload == before.String() || len(payload) > mostStorage {
		return nil
	}
	if to, err = b.made(ctx, nodeStorage, defaultOf(nodeStorage)); err != nil {
		return err
	}
	return b.put(ctx, to, Item{ID: itemStorage, Payload: payload})
}

// toNative publishes what a client has changed in the one item of XEP-0048: an item for each bookmark that is another, a retraction for each that is not there
// any more, and nothing for the rest (XEP-0402 §5.3.2).
func (b *batch) toNative(ctx context.Context) error {
	storage, err := b.last(ctx, nodeStorage)
	if err != nil || !storage.Is(nodeStorage, "storage") {
		return err
	}
	from, err := b.node(ctx, nodeStorage)
	if err != nil || from.Config.Access != AccessWhitelist {
		return err
	}
	to, err := b.node(ctx, nodeBookmarks)
	if err != nil || to != nil && to.Config.Access != AccessWhitelist {
		return err
	}
	wanted, order := map[string]bookmark{}, []string(nil)
	for _, e := range storage.Elements() {
		if j, ok := room(e.Attr("jid")); ok && e.Is(nodeStorage, "conference") {
			if _, twice := wanted[j.String()]; !twice {
				order = append(order, j.String())
			}
			wanted[j.String()] = bookmarkOf(e)
		}
	}
	if to == nil && len(order) == 0 {
		return nil
	}
	if to, err = b.made(ctx, nodeBookmarks, defaultOf(nodeBookmarks)); err != nil {
		return err
	}
	return b.reconcile(ctx, to, wanted, order)
}

// reconcile makes the items of a node those that are wanted.
func (b *batch) reconcile(ctx context.Context, n *Node, wanted map[string]bookmark, order []string) error {
	items, err := b.native(ctx, n)
	if err != nil {
		return err
	}
	old := map[string]xmpp.Element{}
	var gone []string
	for _, it := range items {
		e, err := parsed(it.Payload)
		if err != nil {
			return err
		}
		j, ok := room(it.ID)
		if !ok || !e.Is(nodeBookmarks, "conference") {
			continue
		}
		if _, stays := wanted[j.String()]; !stays || it.ID != j.String() {
			gone = append(gone, it.ID)
			continue
		}
		old[it.ID] = e
	}
	if len(gone) > 0 {
		if err := b.retract(ctx, n, gone, true); err != nil {
			return err
		}
	}
	for _, id := range order {
		before, is := old[id]
		if is && bookmarkOf(before) == wanted[id] {
			continue
		}
		e := wanted[id].element(nodeBookmarks)
		for _, c := range before.Elements() {
			if !c.Is(nodeBookmarks, "nick") && !c.Is(nodeBookmarks, "password") {
				e = e.Add(c) // XEP-0402 §3.4
			}
		}
		if err := b.put(ctx, n, Item{ID: id, Payload: e.String()}); err != nil {
			return err
		}
	}
	return nil
}
