package resumption

import (
	"sync"
	"sync/atomic"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

const ns = "urn:xmpp:sm:3"

// Options say how sessions wait for their clients.
type Options struct {
	Store    Store
	Time     time.Duration // how long a session waits for a connection; 0: none does
	Location string        // where clients shall reconnect, as HOST:PORT (XEP-0198 §3); usually empty
}

// A Module is XEP-0198 for clients.
type Module struct {
	Stats Stats

	opts    Options
	store   Store
	host    *server.Host
	streams server.SessionSlot[managed]
}

// New makes the module.
func New(o Options) *Module { return &Module{opts: o, store: o.Store} }

// A managed session is one whose client has asked for acknowledgements.
type managed struct {
	enabled bool          // of the session's reader
	wait    time.Duration // how long the session waits for a connection, 0 if it does not; fixed before it counts
	asked   atomic.Uint64 // 1 + how many stanzas had come when the client asked for our count; 0: it has been told

	mu    sync.Mutex // tier 4
	timer *time.Timer
	tally
}

// Info is part of server.Module.
func (m *Module) Info() server.Info {
	return server.Info{Name: "resumption", Specs: []server.Spec{{Name: "XEP-0198", Version: "1.6.3", Note: "for clients"}}}
}

// Register is part of server.Module.
func (m *Module) Register(h *server.Host) {
	m.host = h
	m.streams = server.NewSessionSlot[managed](h)
	h.StreamFeature(func(string) xmpp.Element { return xmpp.New(ns, "sm") })
	h.HandleNonza(ns, "enable", m.enable)
	h.HandleNonza(ns, "r", m.request)
	h.HandleNonza(ns, "a", m.acknowledge)
	h.HandleInline(ns, "enable", m.enableInline)
	if m.opts.Time > 0 {
		h.UseResumer(m)
	}
	hooks := h.Hooks()
	hooks.Committing = append(hooks.Committing, m.committing)
	hooks.Sending = append(hooks.Sending, m.sending)
	hooks.SessionClosed = append(hooks.SessionClosed, m.closed)
	hooks.SessionDetached = append(hooks.SessionDetached, m.detached)
	hooks.SessionResumed = append(hooks.SessionResumed, m.resumed)
	hooks.SessionSaved = append(hooks.SessionSaved, m.put)
	hooks.SessionRestored = append(hooks.SessionRestored, m.get)
}

// failed is the answer to a request that can't be met (XEP-0198 §6).
func failed(condition string) xmpp.Element {
	return xmpp.New(ns, "failed", xmpp.New(xmpp.NSStanzas, condition))
}
