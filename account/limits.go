package account

import (
	"net/netip"
	"sync"
	"time"

	"palabre/xmpp"
)

// What guessing may cost. An address (an IPv4 address, an IPv6 /64) pays for all accounts that it tries, an account for all
// addresses that try it; only a wrong proof is paid for.
const (
	addressBurst  = 30
	addressRefill = 2 * time.Second
	accountBurst  = 10
	accountRefill = 10 * time.Second

	// longestLock is how long an address waits while others use up an account's guesses: less than the minute that it is told.
	longestLock = 50 * time.Second
	// ticketLife is how long a place in the queue is kept for an address that does not come back.
	ticketLife = 5 * time.Minute

	maxAddresses = 1 << 15
	maxAccounts  = 1 << 14
	maxTickets   = 1 << 13
)

// limits holds back those who guess passwords. It knows names, not accounts: one that does not exist is guarded like any other.
type limits struct {
	now func() time.Time
	off bool

	mu        sync.Mutex // leaf
	addresses recent[netip.Prefix, *bucket]
	accounts  recent[xmpp.JID, *bucket]
	tickets   map[visit]time.Time // when an address was first refused for an account's sake
	swept     time.Time
}

type visit struct {
	jid  xmpp.JID
	from netip.Prefix
}

func newLimits(now func() time.Time, off bool) *limits {
	return &limits{
		now:       now,
		off:       off,
		addresses: recent[netip.Prefix, *bucket]{max: maxAddresses},
		accounts:  recent[xmpp.JID, *bucket]{max: maxAccounts},
		tickets:   make(map[visit]time.Time),
	}
}

// A guess is a proof that may be looked at. Whoever got it says how it ended, if it was right.
type guess struct {
	limits *limits
	paid   [2]*bucket
}

// take asks to look at a proof, and pays for it in advance, so that many at once cannot pass together.
func (l *limits) take(addr netip.Addr, jid xmpp.JID) (guess, bool) {
	if l.off {
		return guess{}, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, from := l.now(), prefixOf(addr)
	address := l.bucketLocked(from, now)
	if address.tokens < 1 {
		return guess{}, false
	}
	account := l.accountLocked(jid, now)
	if account.tokens < 1 {
		if !l.admitLocked(visit{jid, from}, now) {
			return guess{}, false
		}
		account = nil
	}
	g := guess{limits: l, paid: [2]*bucket{address, account}}
	g.add(-1)
	return g, true
}

// right gives back what was paid.
func (g guess) right() {
	if g.limits == nil {
		return
	}
	g.limits.mu.Lock()
	defer g.limits.mu.Unlock()
	g.add(1)
}

func (g guess) add(n float64) {
	for _, b := range g.paid {
		if b != nil {
			b.tokens += n
		}
	}
}

// admitLocked lets an address look at an account whose guesses others have used up, once its wait is over. With that, the right
// user gets in within a minute however many addresses attack, and each of those has one guess a minute.
func (l *limits) admitLocked(v visit, now time.Time) bool {
	if since, ok := l.tickets[v]; ok {
		if now.Sub(since) < longestLock {
			return false
		}
		delete(l.tickets, v)
		return true
	}
	if len(l.tickets) >= maxTickets && !l.sweepLocked(now) {
		// No place is left to remember who waits, so nobody new is made to wait: the addresses' own limits stay.
		return true
	}
	l.tickets[v] = now
	return false
}

// sweepLocked drops the tickets that nobody came back for, and tells whether there is room again.
func (l *limits) sweepLocked(now time.Time) bool {
	if now.Sub(l.swept) >= time.Second {
		l.swept = now
		for v, since := range l.tickets {
			if now.Sub(since) > ticketLife {
				delete(l.tickets, v)
			}
		}
	}
	return len(l.tickets) < maxTickets
}

func (l *limits) bucketLocked(from netip.Prefix, now time.Time) *bucket {
	b, ok := l.addresses.get(from)
	if !ok {
		b = &bucket{tokens: addressBurst, at: now}
		l.addresses.put(from, b)
	}
	b.refill(now, addressRefill, addressBurst)
	return b
}

func (l *limits) accountLocked(jid xmpp.JID, now time.Time) *bucket {
	b, ok := l.accounts.get(jid)
	if !ok {
		b = &bucket{tokens: accountBurst, at: now}
		l.accounts.put(jid, b)
	}
	b.refill(now, accountRefill, accountBurst)
	return b
}

// A bucket holds the guesses that are left.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) refill(now time.Time, each time.Duration, burst float64) {
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(burst, b.tokens+d.Seconds()/each.Seconds())
		b.at = now
	}
}

// prefixOf is what counts as one address: whoever has an IPv6 address has the whole /64.
func prefixOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: a pipe, a Unix socket
	}
	return p
}
