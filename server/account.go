package server

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"palabre/xmpp"
)

const shards = 64

// A shard is a part of the table of accounts that are in use.
type shard struct {
	mu sync.Mutex // tier 1
	m  map[string]*Account
}

var shardSeed = maphash.MakeSeed()

func (h *Host) shard(bare xmpp.JID) *shard {
	return &h.accounts[maphash.String(shardSeed, bare.String())%shards]
}

// An Account is everything that the process holds of one bare JID: its sessions, and what the modules keep in their slots.
// It is there while it has a session or somebody holds it, and is made anew, empty, when it is next needed.
type Account struct {
	JID  xmpp.JID // bare
	host *Host

	holds    int        // guarded by the shard's lock: sessions, and calls of Host.Account not released
	mu       sync.Mutex // tier 2: changes of sessions
	sessions atomic.Pointer[[]*Session]
	going    []*Session // have left sessions, and their end has not been told; guarded by mu

	takeovers []takeover // guarded by mu
	slots     slots
	turns     turns
}

// Account gives the object of a bare JID, whether or not there is such an account. It stays the same until release is called, which must be.
func (h *Host) Account(bare xmpp.JID) (a *Account, release func()) {
	a = h.hold(bare)
	return a, func() { h.release(a) }
}

func (h *Host) hold(bare xmpp.JID) *Account {
	sh := h.shard(bare)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a := sh.m[bare.String()]
	if a == nil {
		a = &Account{JID: bare, host: h}
		sh.m[bare.String()] = a
	}
	a.holds++
	return a
}

func (h *Host) release(a *Account) {
	sh := h.shard(a.JID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a.holds--
	if a.holds == 0 {
		delete(sh.m, a.JID.String())
	}
}

// Online gives the account of a bare JID if it has a session; nil otherwise. It may be let go at any time: who changes it takes Host.Account.
func (h *Host) Online(bare xmpp.JID) *Account {
	sh := h.shard(bare)
	sh.mu.Lock()
	a := sh.m[bare.String()]
	sh.mu.Unlock()
	if a == nil || len(a.Sessions()) == 0 {
		return nil
	}
	return a
}

// InUse gives the account of a bare JID if the process holds one, with or without sessions; nil otherwise. It may be let go at any time.
func (h *Host) InUse(bare xmpp.JID) *Account {
	sh := h.shard(bare)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.m[bare.String()]
}

// Exists tells whether there is such an account.
func (h *Host) Exists(ctx context.Context, bare xmpp.JID) (bool, error) {
	if h.Online(bare) != nil {
		return true, nil
	}
	return h.opts.Users.Exists(ctx, bare)
}

// Sessions lists the account's sessions, the oldest first. The slice is shared: do not change it.
func (a *Account) Sessions() []*Session {
	if p := a.sessions.Load(); p != nil {
		return *p
	}
	return nil
}

// Session is the one with this resource, or nil.
func (a *Account) Session(resource string) *Session {
	for _, s := range a.Sessions() {
		if s.JID.Resource() == resource {
			return s
		}
	}
	return nil
}

// Available lists the sessions that have sent available presence.
func (a *Account) Available() []*Session {
	all := a.Sessions()
	for i, s := range all {
		if s.Presence() == nil {
			out := append([]*Session(nil), all[:i]...)
			for _, s := range all[i+1:] {
				if s.Presence() != nil {
					out = append(out, s)
				}
			}
			return out
		}
	}
	return all
}

func (a *Account) setLocked(s []*Session) {
	if len(s) == 0 {
		a.sessions.Store(nil)
		return
	}
	a.sessions.Store(&s)
}

// Sessions lists every session of the server.
func (h *Host) Sessions() []*Session {
	var out []*Session
	for i := range h.accounts {
		sh := &h.accounts[i]
		sh.mu.Lock()
		for _, a := range sh.m {
			out = append(out, a.Sessions()...)
		}
		sh.mu.Unlock()
	}
	return out
}
