package roster

import (
	"context"
	"fmt"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// set carries out a roster set: it adds or changes an item (RFC 6121 §2.3, §2.4) or removes one (§2.5).
func (m *Module) set(ctx context.Context, r *server.Request) error {
	els := r.Payload.Elements()
	if len(els) != 1 || !els[0].Is(ns, "item") {
		return xmpp.ErrBadRequest.With("A roster set holds one item.") // §2.3.3
	}
	contact, err := contactOf(els[0], r.Account)
	if err != nil {
		return err
	}
	if els[0].Attr("subscription") == "remove" { // other values are ignored: §2.1.2.5
		return m.remove(ctx, r.Account, contact)
	}
	groups, err := m.check(els[0])
	if err != nil {
		return err
	}
	name, groups, none := m.shared(r.Account.JID).without(r.Account.JID, contact, els[0].Attr("name"), groups)
	l, err := m.contacts(ctx, r.Account)
	if err != nil {
		return err
	}
	if none && l.of(contact)&fListed == 0 {
		return m.again(ctx, r.Account, contact)
	}
	if err := m.room(ctx, r.Account, contact); err != nil {
		return err
	}
	c := m.change(r.Account.JID, contact, func(it Item) Item {
		it.Name, it.Groups, it.Listed = name, groups, true // §2.4.1: exactly as provided
		return it
	})
	err = m.host.Append(context.WithoutCancel(ctx), c)
	m.release(c)
	return err
}

func contactOf(item xmpp.Element, own *server.Account) (xmpp.JID, error) {
	if !item.HasAttr("jid") {
		return xmpp.JID{}, xmpp.ErrBadRequest.With("The item has no address.")
	}
	contact, err := xmpp.ParseJID(item.Attr("jid"))
	switch {
	case err != nil:
		return contact, xmpp.ErrJIDMalformed.With("The contact's address is not one.")
	case !contact.IsBare():
		return contact, xmpp.ErrBadRequest.With("A contact is an address without a resource.")
	case contact == own.JID:
		return contact, xmpp.ErrNotAllowed.With("You can't be your own contact.") // §2.3.3
	}
	return contact, nil
}

// check is §2.3.3: what may stand in an item.
func (m *Module) check(item xmpp.Element) (groups []string, err error) {
	if len(item.Attr("name")) > m.limits.Name {
		return nil, xmpp.ErrNotAcceptable.With(fmt.Sprintf("The contact's name is too long: %d bytes are allowed.", m.limits.Name))
	}
	size := len(item.Attr("name"))
	for _, e := range item.Elements() {
		if !e.Is(ns, "group") {
			continue
		}
		g := e.Content()
		size += len(g)
		switch {
		case g == "":
			return nil, xmpp.ErrNotAcceptable.With("A group has no name.")
		case len(g) > m.limits.Name:
			return nil, xmpp.ErrNotAcceptable.With(fmt.Sprintf("A group's name is too long: %d bytes are allowed.", m.limits.Name))
		case slices.Contains(groups, g):
			return nil, xmpp.ErrBadRequest.With("A group is named twice.")
		case len(groups) == m.limits.Groups:
			return nil, xmpp.ErrNotAcceptable.With(fmt.Sprintf("A contact can be in %d groups at most.", m.limits.Groups))
		}
		groups = append(groups, g)
	}
	if size > m.limits.Text {
		return nil, xmpp.ErrNotAcceptable.With(fmt.Sprintf("The contact's name and groups are too long: %d bytes are allowed for all of them.", m.limits.Text))
	}
	return groups, nil
}

// again pushes an item that is shared as it is: a client that has sent another one learns that nothing has changed.
func (m *Module) again(ctx context.Context, a *server.Account, contact xmpp.JID) error {
	if err := m.follow(ctx, a); err != nil {
		return err
	}
	b := m.books.Get(a)
	b.mu.Lock()
	if b.list != nil {
		it := b.shared.with(a.JID, b.list.of(contact).item(contact))
		w := b.busyLocked()
		w.outbox = append(w.outbox, outgoing{stanza: push(a.JID, version(b.list.ver, b.shared), itemOrEnd(it)), ready: true})
	}
	b.mu.Unlock()
	m.send(b)
	return nil
}

// room tells, by an error, that the roster is full and this contact is not in it.
func (m *Module) room(ctx context.Context, a *server.Account, contact xmpp.JID) error {
	l, err := m.contacts(ctx, a)
	if err != nil {
		return err
	}
	if l.of(contact)&fListed == 0 && l.count(fListed) >= m.limits.Items {
		return xmpp.ErrPolicyViolation.With(fmt.Sprintf("You have %d contacts, the most that this server keeps. Remove one first.", m.limits.Items))
	}
	return nil
}

// remove takes an item out of the roster and ends the subscriptions both ways (§2.5.2).
func (m *Module) remove(ctx context.Context, a *server.Account, contact xmpp.JID) error {
	l, err := m.contacts(ctx, a)
	if err != nil {
		return err
	}
	f := l.of(contact)
	if err := m.sharedOnly(a, contact); err != nil {
		return err
	}
	if f&fListed == 0 {
		return xmpp.ErrItemNotFound // §2.5.3
	}
	c := m.change(a.JID, contact, Item.removed)
	said := f.item(contact).farewells()
	err = m.host.RouteTogether(context.WithoutCancel(ctx), []server.Write{c}, func() {
		m.announceLost(ctx, c)
		m.release(c)
	}, m.stanzas(a.JID, contact, said)...)
	if err != nil {
		return err
	}
	if !c.Before.Listed {
		return xmpp.ErrItemNotFound // another client was faster
	}
	for _, typ := range c.Before.farewells() { // what the contact did meanwhile
		if !slices.Contains(said, typ) {
			m.host.Route(ctx, m.stanzas(a.JID, contact, []string{typ})[0])
		}
	}
	return nil
}

// removed is what stays of an item: a request that waits for an answer goes on waiting (§3.1.3).
func (it Item) removed() Item {
	if it.In && it.Subscription&From == 0 {
		return Item{JID: it.JID, In: true, Request: it.Request}
	}
	return Item{JID: it.JID}
}

// farewells are the stanzas that end what there is between an account and its contact (§2.5.2).
func (it Item) farewells() []string {
	var out []string
	if it.Subscription&To != 0 || it.Ask {
		out = append(out, xmpp.TypeUnsubscribe)
	}
	if it.Subscription&From != 0 {
		out = append(out, xmpp.TypeUnsubscribed)
	}
	return out
}

func (m *Module) stanzas(from, to xmpp.JID, types []string) []*xmpp.Stanza {
	out := make([]*xmpp.Stanza, len(types))
	for i, typ := range types {
		out[i] = &xmpp.Stanza{Kind: xmpp.Presence, Type: typ, ID: m.host.NewID(), From: from, To: to}
	}
	return out
}

// erased ends all that an account has with others, before it goes.
func (m *Module) erased(ctx context.Context, account xmpp.JID) error {
	reading, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	items, _, err := m.store.Roster(reading, account)
	if err != nil {
		return fmt.Errorf("roster: %w", err)
	}
	for batch := range slices.Chunk(items, 100) {
		var sts []*xmpp.Stanza
		for _, it := range batch {
			sts = append(sts, m.stanzas(account, it.JID, it.farewells())...)
		}
		if err := m.host.RouteTogether(ctx, nil, nil, sts...); err != nil {
			return fmt.Errorf("roster: %w", err)
		}
	}
	return nil
}
