package xep

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsCaps   = "http://jabber.org/protocol/caps"
	nsCaps2  = "urn:xmpp:caps"
	nsHashes = "urn:xmpp:hashes:2"
	capsNode = "urn:palabre"

	mostFeatures = 16 << 10 // bytes of one client's features; Gajim's are 4 KiB
	mostSaid     = 4 << 10  // bytes of the capabilities in a presence
)

// Caps tells clients what the server can do, in a hash, and learns from their presence what they can do (XEP-0115, XEP-0390). A hash that nobody
// has vouched for yet is asked for from each session that names it, until one gives the answer that has this hash: only that counts
// for others. A session whose answer has another hash is believed about itself alone.
type Caps struct {
	host     *server.Host
	sessions server.SessionSlot[sessionCaps]

	answers capsCache
	own     ownCaps
}

// sessionCaps is what is known of one client.
type sessionCaps struct {
	mu       sync.Mutex // tier 4
	said     string     // what stood in its presence
	features []string   // sorted; shared
}

// Info is part of server.Module.
func (c *Caps) Info() server.Info {
	return server.Info{Name: "caps", Specs: []server.Spec{
		{Name: "XEP-0115", Version: "1.6.0", Note: "neither optimization nor the legacy format"},
		{Name: "XEP-0390", Version: "0.3.2", Note: "neither optimization nor gratuitous capabilities"},
	}}
}

// Register is part of server.Module.
func (c *Caps) Register(h *server.Host) {
	c.host = h
	c.sessions = server.NewSessionSlot[sessionCaps](h)
	h.Feature(server.ToDomain, nsCaps, nsCaps2)
	h.VirtualNode(func(domain, node string) bool {
		own := c.own.of(h, domain)
		return node == capsNode+"#"+own.sha1 || node == nsCaps2+"#sha-256."+own.sha256
	})
	h.StreamFeature(func(domain string) xmpp.Element {
		return xmpp.New(nsCaps, "c").With("hash", "sha-1").With("node", capsNode).With("ver", c.own.of(h, domain).sha1) // XEP-0115 §6.3
	})
	h.StreamFeature(func(domain string) xmpp.Element { // XEP-0390 §5.2
		return xmpp.New(nsCaps2, "c", xmpp.New(nsHashes, "hash", xmpp.Text(c.own.of(h, domain).sha256)).With("algo", "sha-256"))
	})
	hooks := h.Hooks()
	hooks.PresenceChanged = append(hooks.PresenceChanged, c.presence)
	hooks.SessionSaved = append(hooks.SessionSaved, c.save)
	hooks.SessionRestored = append(hooks.SessionRestored, c.restore)
}

// Features lists what a session's client can do, sorted; nil while it is not known. The slice is shared.
func (c *Caps) Features(s *server.Session) []string {
	k := c.sessions.Peek(s)
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.features
}

// Can tells whether a session's client is known to have a feature.
func (c *Caps) Can(s *server.Session, feature string) bool {
	_, ok := slices.BinarySearch(c.Features(s), feature)
	return ok
}

// A claim is one hash in a presence, and the node to ask for what it stands for.
type claim struct {
	legacy    bool
	algo, ver string
	node      string
}

// key is the claim's place in the cache; empty for what can't be verified.
func (k claim) key() string {
	if hashes[k.algo] == nil {
		return ""
	}
	if k.legacy {
		return k.algo + " " + k.ver
	}
	return k.node
}

// claimOf reads a presence. said is all of what stands there, to notice changes; ok tells whether anything does.
func claimOf(st *xmpp.Stanza) (k claim, said string, ok bool) {
	for _, child := range st.Children {
		if child.Name == (xmpp.Name{Space: nsCaps, Local: "c"}) || child.Name == (xmpp.Name{Space: nsCaps2, Local: "c"}) {
			if said += st.RawChild(child); len(said) > mostSaid { // at once: thousands of them would be copied over and over
				return claim{}, "", false
			}
		}
	}
	if said == "" {
		return claim{}, "", false
	}
	if c, there := st.Child(nsCaps2, "c"); there {
		best := ""
		for _, h := range c.Elements() {
			algo := h.Attr("algo")
			if h.Is(nsHashes, "hash") && hashes[algo] != nil && algo != "sha-1" && (best == "" || algo < best) {
				best = algo // whichever, but the same for all
				k = claim{algo: algo, ver: strings.TrimSpace(h.Content())}
			}
		}
		if best != "" {
			k.node = nsCaps2 + "#" + k.algo + "." + k.ver // XEP-0390 §4.3
			return k, said, true
		}
	}
	c, _ := st.Child(nsCaps, "c")
	k = claim{legacy: true, algo: strings.ToLower(c.Attr("hash")), ver: c.Attr("ver")}
	k.node = c.Attr("node") + "#" + k.ver // XEP-0115 §6.2
	return k, said, k.ver != ""
}

// presence looks at what a session says of itself. Presence without capabilities changes nothing (XEP-0115 §8.4).
func (c *Caps) presence(ctx context.Context, change server.PresenceChange) {
	if change.Kind != server.BecameAvailable && change.Kind != server.PresenceUpdated {
		return
	}
	s := change.Session
	st := s.Presence()
	if st == nil {
		return
	}
	k, said, ok := claimOf(st)
	if !ok {
		return
	}
	known := c.sessions.Get(s)
	known.mu.Lock()
	same := known.said == said
	known.said = strings.Clone(said)
	known.mu.Unlock()
	if same {
		return
	}
	if features, ok := c.answers.get(k.key()); ok {
		c.learn(ctx, s, said, features)
		return
	}
	query := xmpp.New(server.NSDiscoInfo, "query").With("node", k.node)
	c.host.Ask(s, xmpp.TypeGet, query, func(ctx context.Context, reply *xmpp.Stanza, err error) {
		var features []string
		if err == nil && reply.Type == xmpp.TypeResult {
			features = c.verify(k, reply)
		}
		c.learn(ctx, s, said, features)
	})
}

// learn notes what a session can do, unless it has said something else since.
func (c *Caps) learn(ctx context.Context, s *server.Session, said string, features []string) {
	known := c.sessions.Get(s)
	known.mu.Lock()
	current := known.said == said
	changed := current && !slices.Equal(known.features, features)
	if current {
		known.features = features
	}
	known.mu.Unlock()
	if changed && !s.IsClosed() {
		c.host.Announce(ctx, server.PresenceChange{Kind: server.CapsChanged, Account: s.JID.Bare(), Session: s})
	}
}

// verify takes the features out of an answer. They go into the cache if the answer has the hash that the session named.
func (c *Caps) verify(k claim, reply *xmpp.Stanza) []string {
	query, _ := reply.Child(server.NSDiscoInfo, "query")
	a, err := readAnswer(query, reply.Lang)
	if err != nil {
		return nil
	}
	features, size := slices.Clone(a.features), 0
	slices.Sort(features)
	features = slices.Compact(features)
	for _, f := range features {
		size += len(f)
	}
	if size > mostFeatures {
		return nil
	}
	if key := k.key(); key != "" && a.has(k) {
		c.answers.put(key, features)
	}
	return features
}

// has tells whether an answer has the hash that was named, and may count for everybody who names it.
func (a answer) has(k claim) bool {
	if !k.legacy {
		input, err := a.input()
		return err == nil && hashed(k.algo, input) == k.ver
	}
	input, safe, err := a.legacyInput()
	return err == nil && safe && hashed(k.algo, input) == k.ver
}

// savedCaps is sessionCaps as it is kept.
type savedCaps struct {
	Said     string
	Features []string
}

func (c *Caps) save(s *server.Session, put func(module string, state []byte)) {
	known := c.sessions.Peek(s)
	if known == nil {
		return
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if b, err := json.Marshal(savedCaps{known.said, known.features}); err == nil {
		put("caps", b)
	}
}

func (c *Caps) restore(s *server.Session, get func(module string) []byte) {
	var saved savedCaps
	if b := get("caps"); len(b) == 0 || json.Unmarshal(b, &saved) != nil {
		return
	}
	known := c.sessions.Get(s)
	known.mu.Lock()
	defer known.mu.Unlock()
	known.said, known.features = saved.Said, saved.Features
}
