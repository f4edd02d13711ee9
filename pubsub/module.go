package pubsub

import (
	"context"
	"sync/atomic"

	"palabre/server"
	"palabre/xmpp"
)

// Options are what the module is made of. Cards and Private may be nil: then nothing is kept in step with them.
type Options struct {
	Store     Store
	Contacts  Contacts
	Interests Interests
	Cards     Cards
	Private   Private
	Directory Directory // nil: there is none
}

// A Module is the nodes of every account.
type Module struct {
	opts     Options
	store    Store
	host     *server.Host
	desks    server.AccountSlot[desk]
	interest server.SessionSlot[served]
	silent   server.SessionSlot[silence]
	clock    atomic.Int64 // counts what is told, to find out whether something was while something else was done
}

// New makes the module.
func New(o Options) *Module { return &Module{opts: o, store: o.Store} }

// Info is part of server.Module.
func (m *Module) Info() server.Info {
	return server.Info{Name: "pubsub", Specs: []server.Spec{
		{Name: "XEP-0060", Version: "1.30.0", Note: "for accounts; neither collections nor publishers but the owner, nor subscriptions that must be approved"},
		{Name: "XEP-0163", Version: "1.2.2", Note: "contacts elsewhere are notified if they have subscribed"},
		{Name: "XEP-0084", Version: "1.1.4"},
		{Name: "XEP-0153", Version: "1.1.1"},
		{Name: "XEP-0398", Version: "1.0.0"},
		{Name: "XEP-0402", Version: "1.2.0"},
		{Name: "XEP-0048", Version: "1.2"},
		{Name: "XEP-0411", Version: "1.1.0"},
	}}
}

// Register is part of server.Module.
func (m *Module) Register(h *server.Host) {
	m.host = h
	m.desks = server.NewAccountSlot[desk](h)
	m.interest = server.NewSessionSlot[served](h)
	m.silent = server.NewSessionSlot[silence](h)
	h.HandleIQ(server.ToAccount, NS, "pubsub", m.serve(entityVerbs))
	h.HandleIQ(server.ToAccount, nsOwner, "pubsub", m.serve(ownerVerbs))
	m.advertise(h)
	hooks := h.Hooks()
	if m.opts.Cards != nil {
		h.Feature(server.ToAccount, "urn:xmpp:pep-vcard-conversion:0") // XEP-0398 §2
		hooks.Outbound = append(hooks.Outbound, m.outbound)
	}
	if m.opts.Private != nil {
		h.Feature(server.ToAccount, nodeBookmarks+"#compat", nodeBookmarks+"#compat-pep", "urn:xmpp:bookmarks-conversion:0") // XEP-0402 §6, XEP-0411 §2
	}
	hooks.PresenceChanged = append(hooks.PresenceChanged, m.presence)
}

// features are those of XEP-0060 §10 that are here.
var features = []string{
	"access-presence", "auto-create", "auto-subscribe", "config-node", "config-node-max", "create-and-configure", "create-nodes", "delete-items", "delete-nodes",
	"filtered-notifications", "instant-nodes", "item-ids", "last-published", "manage-subscriptions", "member-affiliation", "meta-data", "modify-affiliations",
	"multi-items", "outcast-affiliation", "persistent-items", "presence-notifications", "presence-subscribe", "publish", "publish-node-full",
	"publish-options", "purge-nodes", "retract-items", "retrieve-affiliations", "retrieve-default", "retrieve-items", "retrieve-subscriptions", "rsm", "subscribe",
}

func (m *Module) advertise(h *server.Host) {
	pep := server.Identity{Category: "pubsub", Type: "pep"}
	h.AddIdentity(server.ToAccount, pep)
	h.Feature(server.ToAccount, NS)
	for _, f := range features {
		h.Feature(server.ToAccount, NS+"#"+f)
	}
	h.DiscoNodes(server.ToAccount, m.nodeInfo, m.nodeItems)
	h.AddIdentity(server.ToDomain, pep) // XEP-0223 §5 has clients ask the server
	h.Feature(server.ToDomain, nsOptions)
}

// A verb is what a request asks for: the one element inside <pubsub/> that says so.
type verb struct {
	get, set func(m *Module, ctx context.Context, q *request) (xmpp.Element, error)
}

// A request is one that has been read.
type request struct {
	*server.Request
	verb xmpp.Element
	node string

	known   bool // whoever asks is the owner, or sees the owner's presence
	granted bool // the node is open to whoever asks
}

var entityVerbs = map[string]verb{
	"publish":       {set: (*Module).publish},
	"retract":       {set: (*Module).retract},
	"create":        {set: (*Module).create},
	"items":         {get: (*Module).items},
	"subscribe":     {set: (*Module).subscribe},
	"unsubscribe":   {set: (*Module).unsubscribe},
	"subscriptions": {get: (*Module).ownSubscriptions},
	"affiliations":  {get: (*Module).ownAffiliations},
	"options":       {get: noOptions, set: noOptions},
}

var ownerVerbs = map[string]verb{
	"configure":     {get: ownerOnly((*Module).configuration), set: ownerOnly((*Module).configure)},
	"default":       {get: ownerOnly((*Module).defaults)},
	"delete":        {set: ownerOnly((*Module).remove)},
	"purge":         {set: ownerOnly((*Module).purge)},
	"subscriptions": {get: ownerOnly((*Module).subscribers), set: ownerOnly((*Module).setSubscribers)},
	"affiliations":  {get: ownerOnly((*Module).affiliates), set: ownerOnly((*Module).setAffiliates)},
}

func noOptions(*Module, context.Context, *request) (xmpp.Element, error) {
	return xmpp.Element{}, unsupported("subscription-options", "Subscriptions have no options here.")
}

// ownerOnly makes a verb one for the account itself.
func ownerOnly(fn func(*Module, context.Context, *request) (xmpp.Element, error)) func(*Module, context.Context, *request) (xmpp.Element, error) {
	return func(m *Module, ctx context.Context, q *request) (xmpp.Element, error) {
		if !q.Own {
			return xmpp.Element{}, errForbidden
		}
		return fn(m, ctx, q)
	}
}

// serve answers requests. Those of strangers that come to nothing are answered as if there were no such account: XEP-0060 has conditions for each
// case, which would tell that there is one (RFC 6121 §8.5.1).
func (m *Module) serve(verbs map[string]verb) server.IQHandler {
	return func(ctx context.Context, r *server.Request) (xmpp.Element, error) {
		q := &request{Request: r, known: r.Own}
		if !r.Own {
			var err error
			if q.known, err = m.host.Sees(ctx, r.From, r.Account.JID); err != nil {
				return xmpp.Element{}, err
			}
		}
		answer, err := m.answer(ctx, verbs, q)
		if isStanzaError(err) && !q.known && !q.granted {
			err = xmpp.ErrServiceUnavailable
		}
		return answer, err
	}
}

func (m *Module) answer(ctx context.Context, verbs map[string]verb, q *request) (xmpp.Element, error) {
	for _, e := range q.Payload.Elements() {
		v, ok := verbs[e.Name.Local]
		if !ok || e.Name.Space != q.Payload.Name.Space {
			continue
		}
		do := v.get
		if q.IsSet() {
			do = v.set
		}
		if do == nil {
			return xmpp.Element{}, xmpp.ErrBadRequest.With("The request is of the wrong type, get or set.")
		}
		q.verb, q.node = e, e.Attr("node")
		if q.node != "" && !isName(q.node, mostName) {
			return xmpp.Element{}, errName
		}
		return do(m, ctx, q)
	}
	return xmpp.Element{}, xmpp.ErrFeatureNotImplemented
}
