package history

import (
	"sync"
	"sync/atomic"

	"palabre/xmpp"
)

// mostCached bounds the accounts whose preferences are remembered though they are not on-line.
const mostCached = 10_000

// loaded is an account's place for its preferences while it is on-line; nil until they are needed.
type loaded = atomic.Pointer[preferences]

// A cache remembers preferences, so that a message to somebody who is off-line costs no query for them.
type cache struct {
	mu      sync.Mutex // tier 4
	m       map[xmpp.JID]*preferences
	changes int // how often any have changed: what was read before does not count after
}

// get gives what is remembered, or nil; at is for put.
func (c *cache) get(owner xmpp.JID) (p *preferences, at int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m[owner], c.changes
}

// put remembers what was read, here and in the account's place if it has one, unless something has changed since get.
func (c *cache) put(owner xmpp.JID, slot *loaded, p *preferences, at int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != at {
		return
	}
	if slot != nil {
		slot.Store(p)
	}
	if c.m == nil {
		c.m = map[xmpp.JID]*preferences{}
	}
	for other := range c.m {
		if len(c.m) < mostCached {
			break
		}
		delete(c.m, other)
	}
	c.m[owner] = p
}

// forget has the preferences read anew, once a change is durable. Of two changes at the same time it does not matter which is forgotten last.
func (c *cache) forget(owner xmpp.JID, slot *loaded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	delete(c.m, owner)
	slot.Store(nil)
}

// drop has them read anew by the next who needs them.
func (c *cache) drop(owner xmpp.JID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, owner)
}
