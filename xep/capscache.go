package xep

import (
	"sync"

	"palabre/server"
	"palabre/xmpp"
)

// mostCached is how many clients' answers are remembered.
const mostCached = 1000

// A capsCache remembers what clients can do by a hash that somebody has vouched for. It forgets, in halves, what was not asked for of late.
type capsCache struct {
	mu         sync.Mutex // tier 4
	young, old map[string][]string
}

func (c *capsCache) get(key string) ([]string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.young[key]; ok {
		return f, true
	}
	f, ok := c.old[key]
	if ok {
		c.putLocked(key, f)
	}
	return f, ok
}

func (c *capsCache) put(key string, features []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putLocked(key, features)
}

func (c *capsCache) putLocked(key string, features []string) {
	if c.young == nil || len(c.young) >= mostCached/2 {
		c.young, c.old = map[string][]string{}, c.young
	}
	c.young[key] = features
}

// ownCaps are the hashes of the server's own answers, by domain. They are made when first asked for: every module has registered by then.
type ownCaps struct {
	mu sync.Mutex // tier 4
	m  map[string]ownHashes
}

type ownHashes struct{ sha1, sha256 string }

func (o *ownCaps) of(h *server.Host, domain string) ownHashes {
	o.mu.Lock()
	own, ok := o.m[domain]
	o.mu.Unlock()
	if ok || !h.IsLocal(domain) {
		return own
	}
	own, err := makeOwn(h.DomainInfo(domain))
	if err != nil {
		h.Log().Error("the server's own capabilities have no hash", "module", "caps", "err", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.m == nil {
		o.m = map[string]ownHashes{}
	}
	o.m[domain] = own
	return own
}

func makeOwn(info []xmpp.Element) (ownHashes, error) {
	a, err := readAnswer(xmpp.New(server.NSDiscoInfo, "query", info...), "")
	if err != nil {
		return ownHashes{}, err
	}
	legacy, _, err := a.legacyInput()
	if err != nil {
		return ownHashes{}, err
	}
	input, err := a.input()
	if err != nil {
		return ownHashes{}, err
	}
	return ownHashes{hashed("sha-1", legacy), hashed("sha-256", input)}, nil
}
