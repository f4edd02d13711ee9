package server

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"palabre/xmpp"
)

// Options are what a Host is made of. All but Domains, Users and Store have defaults.
type Options struct {
	Domains []string // the domains whose accounts live here; the first is the default
	Users   Users
	Store   Committer
	Log     *slog.Logger
	Now     func() time.Time
	Rand    io.Reader

	// MaxSessions are an account's; 20 if zero. The one that is idle the longest gives way to a new one: refused as RFC 6120 §7.6.2.1 has it, the owner
	// of an account full of sessions that have been left behind could not get in.
	MaxSessions int
	Window      int // a stream's stanzas in flight. 64 if zero
}

// Users knows which accounts there are.
type Users interface {
	Exists(ctx context.Context, account xmpp.JID) (bool, error)
}

// Contacts knows who may see whom. The roster provides it.
type Contacts interface {
	// Sees tells whether watcher has a subscription to the presence of owner; both are bare.
	Sees(ctx context.Context, watcher, owner xmpp.JID) (bool, error)
}

// A Handler takes what is addressed to a domain that is not one of accounts: a room service, a component, a remote server.
type Handler func(ctx context.Context, p *Passage) error

// A Host is the kernel of one server. Everything is registered before the first stanza; after that only accounts change.
type Host struct {
	opts     Options
	domains  map[string]bool
	handlers map[string]Handler
	deciders map[string]Hook
	others   Handler
	hooks    Hooks
	iq       map[iqKey]IQHandler
	presence map[string]Handler
	nonzas   map[xmpp.Name]NonzaHandler
	inline   map[xmpp.Name]InlineHandler
	bound    []func(ctx context.Context, s *Session) (xmpp.Element, error)
	disco    disco
	commands commands
	contacts Contacts
	resumer  Resumer
	archive  Archive
	modules  []Info
	stages   []Stage
	features []func(domain string) xmpp.Element // of the stream after login

	accountSlots, sessionSlots int

	accounts [shards]shard
	gate     sync.RWMutex   // tier 0: guards stopping
	stopping bool           // nobody gets a session any more
	live     sync.WaitGroup // sessions
	later    sync.WaitGroup // goroutines of Later handlers
	asides   asides
	until    context.Context // ends when nobody waits for them any more
	giveUp   context.CancelFunc
	Stats    Stats
}

// New makes a Host of modules, registered in their order.
func New(o Options, modules ...Module) (*Host, error) {
	if len(o.Domains) == 0 {
		return nil, fmt.Errorf("server: no domain")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = 20
	}
	if o.Window == 0 {
		o.Window = 64
	}
	h := &Host{
		opts: o, domains: map[string]bool{}, handlers: map[string]Handler{}, deciders: map[string]Hook{},
		iq: map[iqKey]IQHandler{}, presence: map[string]Handler{},
		nonzas: map[xmpp.Name]NonzaHandler{}, inline: map[xmpp.Name]InlineHandler{},
	}
	h.until, h.giveUp = context.WithCancel(context.Background())
	for _, d := range o.Domains {
		j, err := xmpp.ParseJID(d)
		if err != nil || j.Local() != "" || j.Resource() != "" {
			return nil, fmt.Errorf("server: %q is not a domain", d)
		}
		h.domains[j.Domain()] = true
	}
	for i := range h.accounts {
		h.accounts[i].m = map[string]*Account{}
	}
	for _, m := range append([]Module{&h.disco, &h.commands}, modules...) {
		h.modules = append(h.modules, m.Info())
		m.Register(h)
		h.noteStages(m.Info().Name)
	}
	return h, nil
}

// Hooks gives the places for a module to add itself to, while it registers.
func (h *Host) Hooks() *Hooks { return &h.hooks }

// Modules lists what is registered, in its order.
func (h *Host) Modules() []Info { return h.modules }

// Log is the server's logger; keys are conn, jid, peer, kind, id, module, err.
func (h *Host) Log() *slog.Logger { return h.opts.Log }

// Now is the server's clock.
func (h *Host) Now() time.Time { return h.opts.Now() }

// Domains lists the domains whose accounts live here; the first is the default.
func (h *Host) Domains() []string { return h.opts.Domains }

// IsLocal tells whether accounts of this domain live here.
func (h *Host) IsLocal(domain string) bool { return h.domains[domain] }

// UseContacts says who knows the subscriptions.
func (h *Host) UseContacts(c Contacts) { h.contacts = c }

// Sees tells whether watcher may know of owner's presence: it is the same account, or subscribed and not barred. Both are taken bare.
func (h *Host) Sees(ctx context.Context, watcher, owner xmpp.JID) (bool, error) {
	watcher, owner = watcher.Bare(), owner.Bare()
	if watcher == owner {
		return true, nil
	}
	if h.contacts == nil {
		return false, nil
	}
	sees, err := h.contacts.Sees(ctx, watcher, owner)
	if !sees || err != nil {
		return false, err
	}
	barred, err := h.Barred(ctx, owner, watcher)
	return !barred && err == nil, err
}

// HandleDomain says who takes what is addressed to another domain and its addresses, in the last stage.
func (h *Host) HandleDomain(domain string, fn Handler) {
	if _, taken := h.handlers[domain]; taken || h.domains[domain] {
		panic("server: domain handled twice: " + domain)
	}
	h.handlers[domain] = fn
}

// DecideDomain says who decides on what is addressed to a domain that HandleDomain was called for, in the first stage, after the Outbound hooks of a local
// sender. This is the place for what has an order of its own: see Sequence.
func (h *Host) DecideDomain(domain string, fn Hook) {
	if h.handlers[domain] == nil || h.deciders[domain] != nil {
		panic("server: domain decided twice, or not handled: " + domain)
	}
	h.deciders[domain] = fn
}

// HandleOthers says who takes what is addressed to any domain that nobody else handles: other servers are behind it.
func (h *Host) HandleOthers(fn Handler) {
	if h.others != nil {
		panic("server: other domains handled twice")
	}
	h.others = fn
}

// handler is who takes what is addressed to a domain that is not one of accounts, or nil.
func (h *Host) handler(domain string) Handler {
	if fn := h.handlers[domain]; fn != nil {
		return fn
	}
	return h.others
}

// HandlePresence says who takes presence of this type that is addressed to a local account, after its commit.
// Without a handler, available and unavailable presence is delivered, and the rest is dropped. The type "broadcast" stands for presence that a
// session sends to nobody in particular.
func (h *Host) HandlePresence(typ string, fn Handler) {
	if _, taken := h.presence[typ]; taken {
		panic("server: presence handled twice: " + typ)
	}
	h.presence[typ] = fn
}

// Broadcast stands, in HandlePresence, for presence without an address.
const Broadcast = "broadcast"

// A NonzaHandler takes a top-level element that is no stanza, on a stream that has a session.
type NonzaHandler func(ctx context.Context, s *Session, e xmpp.Element) error

// HandleNonza says who takes a top-level element of this name.
func (h *Host) HandleNonza(space, local string, fn NonzaHandler) {
	h.nonzas[xmpp.Name{Space: space, Local: local}] = fn
}

// An InlineHandler takes what a client asks for while it binds (XEP-0386 §3.2), and gives what stands in the answer.
type InlineHandler func(ctx context.Context, s *Session, e xmpp.Element) (xmpp.Element, error)

// HandleInline says who takes this element in a Bind 2 request; its namespace is offered to clients.
func (h *Host) HandleInline(space, local string, fn InlineHandler) {
	h.inline[xmpp.Name{Space: space, Local: local}] = fn
}

// TellBound says what every client is told that binds by Bind 2, though it has not asked (XEP-0386 §3.2).
func (h *Host) TellBound(fn func(ctx context.Context, s *Session) (xmpp.Element, error)) {
	h.bound = append(h.bound, fn)
}

// StreamFeature offers something in the stream features after login. fn is asked at each login, and gives nothing where nothing is to be offered.
func (h *Host) StreamFeature(fn func(domain string) xmpp.Element) {
	h.features = append(h.features, fn)
}

// StreamFeatures are what to offer after login to an account of this domain, beside what the transport offers.
func (h *Host) StreamFeatures(domain string) []xmpp.Element {
	var out []xmpp.Element
	for _, fn := range h.features {
		if e := fn(domain); !e.IsZero() {
			out = append(out, e)
		}
	}
	return out
}

// NewID makes an identifier of 128 random bits.
func (h *Host) NewID() string {
	var b [16]byte
	if _, err := io.ReadFull(h.opts.Rand, b[:]); err != nil {
		panic("server: no randomness: " + err.Error())
	}
	return strings.ToLower(idEncoding.EncodeToString(b[:]))
}

var idEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)
