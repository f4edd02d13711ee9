package xep

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

const (
	nsClientState = "urn:xmpp:csi:0"
	mostHeld      = 1000
	mostHeldBytes = 256 << 10
)

// ClientState spares the batteries of clients that nobody looks at (XEP-0352 §3.2). While a client is inactive, presence and lone chat
// states wait, the latest of each sender. What waits goes out, in its order, before anything that matters, when it becomes too much,
// and when the client is active again. Nothing is lost by it and nothing is overtaken.
type ClientState struct {
	states server.SessionSlot[waiting]
}

// Info is part of server.Module.
func (c *ClientState) Info() server.Info {
	return server.Info{Name: "clientstate", Specs: []server.Spec{{Name: "XEP-0352", Version: "1.0.0"}}}
}

// Register is part of server.Module.
func (c *ClientState) Register(h *server.Host) {
	c.states = server.NewSessionSlot[waiting](h)
	h.StreamFeature(func(string) xmpp.Element { return xmpp.New(nsClientState, "csi") })
	h.HandleNonza(nsClientState, "inactive", func(_ context.Context, s *server.Session, _ xmpp.Element) error {
		c.states.Get(s).inactive.Store(true)
		return nil
	})
	h.HandleNonza(nsClientState, "active", func(_ context.Context, s *server.Session, _ xmpp.Element) error {
		c.wake(s)
		return nil
	})
	h.HandleInline(nsClientState, "inactive", func(_ context.Context, s *server.Session, _ xmpp.Element) (xmpp.Element, error) {
		c.states.Get(s).inactive.Store(true)
		return xmpp.Element{}, nil
	})
	hooks := h.Hooks()
	hooks.Sending = append(hooks.Sending, c.sending)
	// A client without a connection is looked at by nobody. A resumed stream begins active (§5.2), so what waits goes before all that the client gets then.
	hooks.SessionDetached = append(hooks.SessionDetached, func(s *server.Session) { c.states.Get(s).inactive.Store(true) })
	hooks.SessionResumed = append(hooks.SessionResumed, c.wake)
	hooks.SessionSaved = append(hooks.SessionSaved, func(s *server.Session, _ func(string, []byte)) { c.wake(s) })
}

// wake makes a session active.
func (c *ClientState) wake(s *server.Session) {
	w := c.states.Peek(s)
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushLocked(s)
	w.inactive.Store(false)
}

func (c *ClientState) sending(s *server.Session, p stream.Packet) (taken bool) {
	w := c.states.Peek(s)
	if w == nil || !w.inactive.Load() || p.Stanza == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.inactive.Load() {
		return false
	}
	key, canWait := waits(p.Stanza)
	if canWait && p.Mark == 0 && w.holdLocked(key, p) { // what is in the archive can't be replaced by what comes after it
		return true
	}
	w.flushLocked(s)
	s.Write(p) // under the lock, so that nothing that comes later passes it
	return true
}

// waiting is what an inactive session has not been sent.
type waiting struct {
	inactive atomic.Bool
	mu       sync.Mutex // tier 4
	held     map[held]stamped
	next     int
	size     int // in bytes
}

// held names what replaces what: the sender's earlier presence, the chat state of the same conversation.
type held struct {
	kind     xmpp.Kind
	from, to string
}

type stamped struct {
	stream.Packet
	at int
}

// holdLocked tells whether there was room.
func (w *waiting) holdLocked(key held, p stream.Packet) bool {
	old, replaced := w.held[key]
	size := w.size + p.Size()
	if replaced {
		size -= old.Size()
	} else if len(w.held) >= mostHeld {
		return false
	}
	if size > mostHeldBytes {
		return false
	}
	if w.held == nil {
		w.held = map[held]stamped{}
	}
	w.held[key], w.size = stamped{p, w.next}, size
	w.next++
	return true
}

func (w *waiting) flushLocked(s *server.Session) {
	for _, p := range slices.SortedFunc(maps.Values(w.held), func(a, b stamped) int { return cmp.Compare(a.at, b.at) }) {
		s.Write(p.Packet)
	}
	w.held, w.size = nil, 0
}

// waits tells whether a stanza may wait, and under which name.
func waits(st *xmpp.Stanza) (key held, ok bool) {
	switch st.Kind {
	case xmpp.Presence:
		if st.Type != "" && st.Type != xmpp.TypeUnavailable {
			return held{}, false
		}
		// A room's presence with a status says something that the client acts upon: that it is in, that it was thrown out (XEP-0045 §12).
		if x, in := st.Child(nsMUCUser, "x"); in {
			if _, told := x.Child(nsMUCUser, "status"); told {
				return held{}, false
			}
		}
		return held{xmpp.Presence, st.From.String(), ""}, true
	case xmpp.Message:
		if st.Type == xmpp.TypeError {
			return held{}, false
		}
		if len(st.Children) == 1 && st.Children[0].Name.Space == nsCarbons {
			return waitsCopied(st)
		}
		if !onlyChatState(childNames(st)) {
			return held{}, false
		}
		return held{xmpp.Message, st.From.String(), ""}, true
	}
	return held{}, false
}

// waitsCopied looks into a carbon.
func waitsCopied(st *xmpp.Stanza) (held, bool) {
	outer, _ := st.First()
	forwarded, _ := outer.Child(nsForward, "forwarded")
	m, ok := forwarded.Child(xmpp.NSClient, "message")
	var names []xmpp.Name
	for _, c := range m.Elements() {
		names = append(names, c.Name)
	}
	if !ok || !onlyChatState(names) {
		return held{}, false
	}
	return held{xmpp.Message, m.Attr("from"), m.Attr("to")}, true
}

func childNames(st *xmpp.Stanza) []xmpp.Name {
	out := make([]xmpp.Name, len(st.Children))
	for i, c := range st.Children {
		out[i] = c.Name
	}
	return out
}

// onlyChatState tells whether a message is a standalone notification (XEP-0085 §5.6), with nothing but marks that go with it.
func onlyChatState(names []xmpp.Name) bool {
	found := false
	for _, n := range names {
		switch {
		case n.Space == nsChatStates:
			found = true
		case n.Space == nsHints, n.Space == nsStanzaID, n == xmpp.Name{Space: xmpp.NSClient, Local: "thread"}:
		default:
			return false
		}
	}
	return found
}
