package xep

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"mellium.im/xmpp/stanza"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsBlocking       = "urn:xmpp:blocking"
	nsBlockingErrors = "urn:xmpp:blocking:errors"
	kindBlock        = "block" // of Store: each key is an address
	mostBlocked      = 1000
)

// Blocking lets nothing pass between a user and whom the user has blocked (XEP-0191), in either direction and whatever the kind of stanza.
// An account can't block itself, nor its server.
type Blocking struct {
	Store Store

	host       *server.Host
	lists      server.AccountSlot[blockList]
	interested server.SessionSlot[atomic.Bool] // it has asked for the list, so it gets the changes (§3.3)
}

// Info is part of server.Module.
func (b *Blocking) Info() server.Info {
	return server.Info{Name: "blocking", Specs: []server.Spec{{Name: "XEP-0191", Version: "1.3"}}}
}

// Register is part of server.Module.
func (b *Blocking) Register(h *server.Host) {
	b.host = h
	b.lists = server.NewAccountSlot[blockList](h)
	b.interested = server.NewSessionSlot[atomic.Bool](h)
	h.Feature(server.ToDomain, nsBlocking)
	h.HandleIQ(server.ToAccount, nsBlocking, "blocklist", server.OwnOnly(b.list))
	h.HandleIQ(server.ToAccount, nsBlocking, "block", server.OwnOnly(b.block))
	h.HandleIQ(server.ToAccount, nsBlocking, "unblock", server.OwnOnly(b.unblock))
	hooks := h.Hooks()
	hooks.Outbound = append(hooks.Outbound, b.outbound)
	hooks.Inbound = append(hooks.Inbound, b.inbound)
	hooks.Barred = append(hooks.Barred, b.blocks)
	hooks.SessionSaved = append(hooks.SessionSaved, func(s *server.Session, put func(string, []byte)) {
		if on := b.interested.Peek(s); on != nil && on.Load() {
			put("blocking", []byte("1"))
		}
	})
	hooks.SessionRestored = append(hooks.SessionRestored, func(s *server.Session, get func(string) []byte) {
		if len(get("blocking")) > 0 {
			b.interested.Get(s).Store(true)
		}
	})
}

// blocks tells whether owner has blocked peer.
func (b *Blocking) blocks(ctx context.Context, owner *server.Account, peer xmpp.JID) (bool, error) {
	list, err := b.lists.Get(owner).load(ctx, b.Store, owner.JID)
	if err != nil || len(list) == 0 || peer.IsZero() || peer.Bare() == owner.JID || peer == owner.JID.DomainJID() {
		return false, err
	}
	return list[peer] || list[peer.Bare()] || list[peer.DomainJID()], nil
}

// errBlocked tells a user why nothing goes out to that address (§3.3).
var errBlocked = &xmpp.Error{
	Type: stanza.Cancel, Condition: stanza.NotAcceptable, Text: "You have blocked this address.", App: xmpp.New(nsBlockingErrors, "blocked"),
}

func (b *Blocking) outbound(ctx context.Context, p *server.Passage) error {
	if blocked, err := b.blocks(ctx, p.Session.Account, p.Stanza.To); !blocked || err != nil {
		return err
	}
	return errBlocked
}

// inbound is the three rules of §3.3: to whom is blocked, the user is as one who is not there.
func (b *Blocking) inbound(ctx context.Context, p *server.Passage) error {
	if blocked, err := b.blocks(ctx, p.Recipient, p.Stanza.From); err != nil {
		return err
	} else if !blocked {
		return withoutPush(p.Stanza)
	}
	if p.Stanza.Kind == xmpp.Presence || p.Stanza.Kind == xmpp.Message && p.Stanza.Type == xmpp.TypeHeadline {
		return server.ErrDrop
	}
	return xmpp.ErrServiceUnavailable
}

// withoutPush keeps from a client what looks like a push of the list: only its own server sends those (§3.3), past all hooks.
func withoutPush(st *xmpp.Stanza) error {
	if st.Kind == xmpp.IQ && st.Type == xmpp.TypeSet && !st.To.IsBare() && (st.Has(nsBlocking, "block") || st.Has(nsBlocking, "unblock")) {
		return xmpp.ErrServiceUnavailable
	}
	return nil
}

func (b *Blocking) list(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	if r.IsSet() {
		return xmpp.Element{}, xmpp.ErrBadRequest
	}
	if r.Session != nil { // before the list is read, so that no change is missed
		b.interested.Get(r.Session).Store(true)
	}
	list, err := b.lists.Get(r.Account).load(ctx, b.Store, r.Account.JID)
	if err != nil {
		return xmpp.Element{}, err
	}
	all := make([]xmpp.JID, 0, len(list))
	for j := range list {
		all = append(all, j)
	}
	slices.SortFunc(all, func(x, y xmpp.JID) int { return strings.Compare(x.String(), y.String()) })
	return blockElement("blocklist", all), nil
}

func blockElement(local string, jids []xmpp.JID) xmpp.Element {
	items := make([]xmpp.Element, len(jids))
	for i, j := range jids {
		items[i] = xmpp.New(nsBlocking, "item").With("jid", j.String())
	}
	return xmpp.New(nsBlocking, local, items...)
}

func (b *Blocking) block(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	jids, err := named(r)
	if err == nil && len(jids) == 0 {
		err = xmpp.ErrBadRequest.With("Name whom to block.") // §3.3
	}
	if err != nil {
		return xmpp.Element{}, err
	}
	list, err := b.lists.Get(r.Account).load(ctx, b.Store, r.Account.JID)
	if err != nil {
		return xmpp.Element{}, err
	}
	change, added := map[string]string{}, []xmpp.JID(nil)
	for _, j := range jids {
		if !list[j] {
			change[j.String()] = "1"
			added = append(added, j)
		}
	}
	if len(list)+len(change) > mostBlocked {
		return xmpp.Element{}, xmpp.ErrPolicyViolation.With("The block list holds at most " + strconv.Itoa(mostBlocked) + " addresses. Unblock some first.")
	}
	// Who is blocked sees the user leave, which the new list would not let pass.
	before := func() { b.announce(ctx, server.Withheld, r.Account, added) }
	return xmpp.Element{}, b.change(ctx, r, change, before, jids)
}

func (b *Blocking) unblock(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	jids, err := named(r)
	if err != nil {
		return xmpp.Element{}, err
	}
	list, err := b.lists.Get(r.Account).load(ctx, b.Store, r.Account.JID)
	if err != nil {
		return xmpp.Element{}, err
	}
	change, removed := map[string]string{}, []xmpp.JID(nil)
	for j := range list {
		if len(jids) == 0 || slices.Contains(jids, j) { // §3.5: nobody named means all
			change[j.String()] = ""
			removed = append(removed, j)
		}
	}
	if err := b.change(ctx, r, change, func() {}, jids); err != nil {
		return xmpp.Element{}, err
	}
	b.announce(ctx, server.Restored, r.Account, removed)
	return xmpp.Element{}, nil
}

// named lists the addresses of a request, each once.
func named(r *server.Request) ([]xmpp.JID, error) {
	if !r.IsSet() {
		return nil, xmpp.ErrBadRequest
	}
	var out []xmpp.JID
	for _, c := range r.Payload.Elements() {
		if !c.Is(nsBlocking, "item") {
			continue
		}
		j, err := xmpp.ParseJID(c.Attr("jid"))
		if err != nil {
			return nil, xmpp.ErrJIDMalformed.With("An item's address is none.")
		}
		if !slices.Contains(out, j) {
			out = append(out, j)
		}
		if len(out) > mostBlocked {
			return nil, xmpp.ErrPolicyViolation.With("Too many addresses at once.")
		}
	}
	return out, nil
}

// change makes a change durable, then lets it have effect, then tells the user's clients.
func (b *Blocking) change(ctx context.Context, r *server.Request, change map[string]string, before func(), jids []xmpp.JID) error {
	if len(change) > 0 {
		if err := b.Store.SetData(ctx, r.Account.JID, kindBlock, change); err != nil {
			return err
		}
		before()
		b.lists.Get(r.Account).forget()
	}
	push := blockElement(r.Payload.Name.Local, jids)
	for _, s := range r.Account.Sessions() {
		if on := b.interested.Peek(s); on != nil && on.Load() {
			st := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, push)
			st.ID, st.To = b.host.NewID(), s.JID
			s.SendStanza(st)
		}
	}
	return nil
}

func (b *Blocking) announce(ctx context.Context, kind server.PresenceKind, a *server.Account, jids []xmpp.JID) {
	for _, j := range jids {
		b.host.Announce(ctx, server.PresenceChange{Kind: kind, Account: a.JID, Contact: j})
	}
}
