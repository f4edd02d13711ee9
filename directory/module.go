package directory

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// ModuleOptions are what the Module is made of.
type ModuleOptions struct {
	Source   Source
	Services map[string]string // the names of services that desktop clients search, each with the domain whose directory it is
	Rooms    map[string]string // by domain, the name of its service of rooms; nil: there are none
	Off      bool              // no limits on how often somebody asks, for measurements
}

// A Module answers who is who to the users of a domain, and to nobody else.
type Module struct {
	opts     ModuleOptions
	host     *server.Host
	requests map[xmpp.Name]server.IQHandler // of the services
	asked    server.Meter
}

// NewModule makes the module.
func NewModule(o ModuleOptions) *Module { return &Module{opts: o} }

// Info is part of server.Module.
func (m *Module) Info() server.Info {
	return server.Info{Name: "directory", Specs: []server.Spec{
		{Name: "XEP-0055", Version: "1.3"},
		{Name: "XEP-0292", Version: "0.12.0", Note: "shown of those who have published none; pictures by XEP-0084"},
	}}
}

// Register is part of server.Module.
func (m *Module) Register(h *server.Host) {
	m.host = h
	m.requests = map[xmpp.Name]server.IQHandler{
		{Space: server.NSDiscoInfo, Local: "query"}:  m.info,
		{Space: server.NSDiscoItems, Local: "query"}: m.items,
		{Space: nsSearch, Local: "query"}:            m.search,
	}
	for service, domain := range m.opts.Services {
		h.HandleDomain(service, m.take)
		h.DomainItem(domain, xmpp.MustParseJID(service))
	}
	h.Feature(server.ToDomain, NS)
	h.Feature(server.ToAccount, nsVCard4) // XEP-0292 §7
	for local, fn := range map[string]server.IQHandler{"search": m.find, "members": m.members, "photo": m.photo} {
		h.HandleIQ(server.ToDomain, NS, local, fn)
	}
}

// take is for what is sent to a service.
func (m *Module) take(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	switch {
	case st.Kind == xmpp.Presence:
		return nil
	case st.Kind == xmpp.Message:
		return xmpp.ErrServiceUnavailable.With("Nobody reads messages to the directory.")
	case !st.IsRequest():
		return server.ErrDrop
	}
	fn := m.requests[st.Children[0].Name]
	if fn == nil || st.To != st.To.DomainJID() {
		return xmpp.ErrServiceUnavailable // RFC 6120 §8.3.3.19
	}
	return m.host.ServeBy(ctx, fn, p)
}

// info says what a service is (XEP-0030 §3.1).
func (m *Module) info(_ context.Context, r *server.Request) (xmpp.Element, error) {
	if err := getOfService(r); err != nil {
		return xmpp.Element{}, err
	}
	out := xmpp.New(server.NSDiscoInfo, "query",
		xmpp.New(server.NSDiscoInfo, "identity").With("category", "directory").With("type", "user").With("name", "Directory"))
	for _, f := range []string{server.NSDiscoInfo, server.NSDiscoItems, nsSearch, xmpp.NSData} {
		out = out.Add(xmpp.New(server.NSDiscoInfo, "feature").With("var", f))
	}
	return out, nil
}

func (m *Module) items(_ context.Context, r *server.Request) (xmpp.Element, error) {
	return xmpp.New(server.NSDiscoItems, "query"), getOfService(r)
}

func getOfService(r *server.Request) error {
	switch {
	case r.IsSet():
		return xmpp.ErrNotAllowed
	case r.Payload.Attr("node") != "":
		return xmpp.ErrItemNotFound
	}
	return nil
}

// admit tells whose directory somebody asks about, or refuses. cost is what the question counts.
func (m *Module) admit(r *server.Request, cost int) (domain string, err error) {
	domain = r.To.Domain()
	if of, ok := m.opts.Services[domain]; ok {
		domain = of
	}
	if r.Session == nil || r.Session.JID.Domain() != domain {
		return "", xmpp.ErrForbidden.With("Only the users of " + domain + " may look into its directory.")
	}
	if !m.opts.Off && !m.asked.Take(m.host.Now(), r.Session.JID.Bare(), cost, asking) {
		return "", xmpp.ErrResourceConstraint.With("Too many questions to the directory. Wait a few seconds.")
	}
	return domain, nil
}

// patience is how long an answer of the store may take.
const patience = 5 * time.Second
