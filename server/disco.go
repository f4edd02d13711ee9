package server

import (
	"context"
	"slices"

	"palabre/xmpp"
)

// Namespaces of XEP-0030.
const (
	NSDiscoInfo  = "http://jabber.org/protocol/disco#info"
	NSDiscoItems = "http://jabber.org/protocol/disco#items"
)

// An Identity is what an entity says it is (XEP-0030 §3.1).
type Identity struct{ Category, Type, Name string }

// disco answers service discovery (XEP-0030) for domains and accounts.
type disco struct {
	host       *Host
	features   [2][]string // by Target: ToDomain, ToAccount
	identities [2][]Identity
	items      []xmpp.JID                                             // of the domains
	info       []func(ctx context.Context, r *Request) []xmpp.Element // more elements, such as forms
	nodes      map[string]IQHandler
	itemNodes  map[string]IQHandler
}

// Info says what disco implements.
func (d *disco) Info() Info {
	return Info{Name: "disco", Specs: []Spec{{Name: "XEP-0030", Version: "2.5.0"}}}
}

// Register is part of Module.
func (d *disco) Register(h *Host) {
	d.host = h
	d.nodes, d.itemNodes = map[string]IQHandler{}, map[string]IQHandler{}
	d.identities[ToDomain] = []Identity{{"server", "im", "Palabre"}}
	d.identities[ToAccount] = []Identity{{"account", "registered", ""}}
	h.Feature(ToDomain, NSDiscoInfo, NSDiscoItems)
	h.Feature(ToAccount, NSDiscoInfo, NSDiscoItems)
	for _, t := range []Target{ToDomain, ToAccount} {
		h.HandleIQ(t, NSDiscoInfo, "query", d.visible(d.answerInfo(t)))
		h.HandleIQ(t, NSDiscoItems, "query", d.visible(d.answerItems(t)))
	}
}

// Feature advertises namespaces in disco#info.
func (h *Host) Feature(t Target, ns ...string) {
	f := append(h.disco.features[t], ns...)
	slices.Sort(f)
	h.disco.features[t] = slices.Compact(f)
}

// Features lists what is advertised.
func (h *Host) Features(t Target) []string { return h.disco.features[t] }

// AddIdentity adds to what a target says it is.
func (h *Host) AddIdentity(t Target, id Identity) {
	h.disco.identities[t] = append(h.disco.identities[t], id)
}

// DomainItem lists an address among a domain's items, such as a room service.
func (h *Host) DomainItem(j xmpp.JID) { h.disco.items = append(h.disco.items, j) }

// DomainInfo adds elements, such as a form (XEP-0128), to a domain's disco#info.
func (h *Host) DomainInfo(fn func(ctx context.Context, r *Request) []xmpp.Element) {
	h.disco.info = append(h.disco.info, fn)
}

// DomainNode answers disco#info and, unless items is nil, disco#items for a node of a domain.
func (h *Host) DomainNode(node string, info, items IQHandler) {
	h.disco.nodes[node] = info
	if items != nil {
		h.disco.itemNodes[node] = items
	}
}

// visible hides accounts from those who may not see them (XEP-0030 §8): to them it is as if there were none.
func (d *disco) visible(fn IQHandler) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		if r.IsSet() {
			return xmpp.Element{}, xmpp.ErrNotAllowed
		}
		if r.Account != nil && !r.Own {
			ok, err := d.host.Sees(ctx, r.From, r.Account.JID)
			if err != nil || !ok {
				return xmpp.Element{}, firstError(err, xmpp.ErrServiceUnavailable)
			}
		}
		return fn(ctx, r)
	}
}

func firstError(err error, or *xmpp.Error) error {
	if err != nil {
		return err
	}
	return or
}

func (d *disco) answerInfo(t Target) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		if node := r.Payload.Attr("node"); node != "" {
			if fn := d.nodes[node]; fn != nil && t == ToDomain {
				return fn(ctx, r)
			}
			return xmpp.Element{}, xmpp.ErrItemNotFound
		}
		out := xmpp.New(NSDiscoInfo, "query", d.host.InfoElements(t)...)
		if t == ToDomain {
			for _, fn := range d.info {
				out = out.Add(fn(ctx, r)...)
			}
		}
		return out, nil
	}
}

// InfoElements are the identities and features of a target, as children of a disco#info answer.
func (h *Host) InfoElements(t Target) []xmpp.Element {
	var out []xmpp.Element
	for _, id := range h.disco.identities[t] {
		out = append(out, xmpp.New(NSDiscoInfo, "identity").With("category", id.Category).With("type", id.Type).With("name", id.Name))
	}
	for _, ns := range h.disco.features[t] {
		out = append(out, xmpp.New(NSDiscoInfo, "feature").With("var", ns))
	}
	return out
}

func (d *disco) answerItems(t Target) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		out := xmpp.New(NSDiscoItems, "query")
		if node := r.Payload.Attr("node"); node != "" {
			if fn := d.itemNodes[node]; fn != nil && t == ToDomain {
				return fn(ctx, r)
			}
			return xmpp.Element{}, xmpp.ErrItemNotFound
		}
		if t == ToDomain {
			for _, j := range d.items {
				out = out.Add(xmpp.New(NSDiscoItems, "item").With("jid", j.String()))
			}
		}
		return out, nil
	}
}
