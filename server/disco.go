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
	partial    [2][]partialFeature
	identities [2][]Identity
	items      map[string][]xmpp.JID                // of each domain
	forms      []func(domain string) []xmpp.Element // of the domains
	info       [2]map[string]IQHandler              // by Target and node
	itemsAt    [2]map[string]IQHandler
	virtual    func(domain, node string) bool // nodes that answer as if none had been named
	others     [2]discoOthers
}

// discoOthers are the nodes of a target that come and go.
type discoOthers struct{ info, items IQHandler }

// A partialFeature is one of some domains.
type partialFeature struct {
	where func(domain string) bool
	ns    []string
}

// Info says what disco implements.
func (d *disco) Info() Info {
	return Info{Name: "disco", Specs: []Spec{{Name: "XEP-0030", Version: "2.5.0"}}}
}

// Register is part of Module.
func (d *disco) Register(h *Host) {
	d.host, d.items = h, map[string][]xmpp.JID{}
	for _, t := range []Target{ToDomain, ToAccount} {
		d.info[t], d.itemsAt[t] = map[string]IQHandler{}, map[string]IQHandler{}
	}
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

// FeatureWhere advertises namespaces in disco#info of some domains, or of their accounts.
func (h *Host) FeatureWhere(t Target, where func(domain string) bool, ns ...string) {
	h.disco.partial[t] = append(h.disco.partial[t], partialFeature{where, ns})
}

// Features lists what is advertised everywhere.
func (h *Host) Features(t Target) []string { return h.disco.features[t] }

// AddIdentity adds to what a target says it is.
func (h *Host) AddIdentity(t Target, id Identity) {
	h.disco.identities[t] = append(h.disco.identities[t], id)
}

// DomainItem lists an address among a domain's items, such as a room service.
func (h *Host) DomainItem(domain string, j xmpp.JID) {
	h.disco.items[domain] = append(h.disco.items[domain], j)
}

// DomainForm adds forms (XEP-0128) to a domain's disco#info. What fn gives for a domain is always the same.
func (h *Host) DomainForm(fn func(domain string) []xmpp.Element) {
	h.disco.forms = append(h.disco.forms, fn)
}

// DiscoNode says who answers disco#info and, unless items is nil, disco#items for a node of a target. The answer gets the node from the kernel.
func (h *Host) DiscoNode(t Target, node string, info, items IQHandler) {
	if h.disco.info[t][node] != nil {
		panic("server: node handled twice: " + node)
	}
	h.disco.info[t][node] = info
	if items != nil {
		h.disco.itemsAt[t][node] = items
	}
}

// DiscoNodes says who answers for the nodes of a target that DiscoNode was not called for, and who lists its items where no node is named.
func (h *Host) DiscoNodes(t Target, info, items IQHandler) {
	if h.disco.others[t].info != nil {
		panic("server: nodes handled twice")
	}
	h.disco.others[t] = discoOthers{info, items}
}

// VirtualNode says which nodes of a domain stand for the domain itself: those of capabilities (XEP-0115 §6.2).
func (h *Host) VirtualNode(fn func(domain, node string) bool) { h.disco.virtual = fn }

// visible hides accounts from those who may not see them (XEP-0030 §8): to them it is as if there were none.
func (d *disco) visible(fn IQHandler) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		if r.Account != nil && !r.Own {
			ok, err := d.host.Sees(ctx, r.From, r.Account.JID)
			if err != nil || !ok {
				return xmpp.Element{}, firstError(err, xmpp.ErrServiceUnavailable)
			}
		}
		if r.IsSet() {
			return xmpp.Element{}, xmpp.ErrNotAllowed
		}
		return fn(ctx, r)
	}
}

// firstError gives or where err is nil.
func firstError(err, or error) error {
	if err != nil {
		return err
	}
	return or
}

func (d *disco) answerInfo(t Target) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		node := r.Payload.Attr("node")
		if fn := d.info[t][node]; fn != nil {
			answer, err := fn(ctx, r)
			return answer.With("node", node), err
		}
		domain := r.To.Domain()
		if others := d.others[t].info; others != nil && node != "" {
			answer, err := others(ctx, r)
			return answer.With("node", node), err
		}
		if node != "" && (t != ToDomain || d.virtual == nil || !d.virtual(domain, node)) {
			return xmpp.Element{}, xmpp.ErrItemNotFound
		}
		out := xmpp.New(NSDiscoInfo, "query").With("node", node) // XEP-0030 §3.2
		if t == ToDomain {
			return out.Add(d.host.DomainInfo(domain)...), nil
		}
		return out.Add(d.elements(t, domain)...), nil
	}
}

// DomainInfo is what a domain's disco#info holds: identities, features, forms.
func (h *Host) DomainInfo(domain string) []xmpp.Element {
	out := h.disco.elements(ToDomain, domain)
	for _, fn := range h.disco.forms {
		out = append(out, fn(domain)...)
	}
	return out
}

// elements are the identities and features of a target.
func (d *disco) elements(t Target, domain string) []xmpp.Element {
	var out []xmpp.Element
	for _, id := range d.identities[t] {
		out = append(out, xmpp.New(NSDiscoInfo, "identity").With("category", id.Category).With("type", id.Type).With("name", id.Name))
	}
	for _, ns := range d.featuresOf(t, domain) {
		out = append(out, xmpp.New(NSDiscoInfo, "feature").With("var", ns))
	}
	return out
}

func (d *disco) featuresOf(t Target, domain string) []string {
	all := d.features[t]
	for _, f := range d.partial[t] {
		if f.where(domain) {
			all = append(all[:len(all):len(all)], f.ns...)
		}
	}
	if len(all) > len(d.features[t]) {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}

func (d *disco) answerItems(t Target) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		node := r.Payload.Attr("node")
		if fn := d.itemsAt[t][node]; fn != nil {
			answer, err := fn(ctx, r)
			return answer.With("node", node), err
		}
		if others := d.others[t].items; others != nil {
			answer, err := others(ctx, r)
			return answer.With("node", node), err
		}
		if node != "" {
			return xmpp.Element{}, xmpp.ErrItemNotFound
		}
		out := xmpp.New(NSDiscoItems, "query")
		if t == ToDomain {
			for _, j := range d.items[r.To.Domain()] {
				out = out.Add(xmpp.New(NSDiscoItems, "item").With("jid", j.String()))
			}
		}
		return out, nil
	}
}
