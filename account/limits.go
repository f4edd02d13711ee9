package account

import (
	"net/netip"
	"sync"
	"time"

	"palabre/xmpp"
)

// What guessing may cost. An address (an IPv4 address, an IPv6 /64) pays for all accounts that it tries, an account for all
// addresses that try it; only a wrong proof is paid for. An IPv6 /48 pays for its 65,536 addresses, too: anybody can have one for nothing.
const (
	addressBurst  = 30
	addressRefill = 2 * time.Second
	siteBurst     = 4 * addressBurst
	siteRefill    = addressRefill / 4
	accountBurst  = 10
	accountRefill = 10 * time.Second

	// longestLock is how long an address waits while others use up an account's guesses: less than the minute that it is told.
	longestLock = 50 * time.Second
	// dear is what an address pays where it can't be made to wait. It comes to the same: it is as much as is refilled meanwhile.
	dear = float64(longestLock / addressRefill)
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
	paid   [3]*bucket
	price  float64
}

// take asks to look at a proof, and pays for it in advance, so that many at once cannot pass together.
func (l *limits) take(addr netip.Addr, jid xmpp.JID) (guess, bool) {
	if l.off {
		return guess{}, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, from := l.now(), prefixOf(addr)
	g := guess{limits: l, paid: [3]*bucket{l.addressLocked(from, now, addressRefill, addressBurst)}, price: 1}
	if site, ok := siteOf(from); ok {
		g.paid[1] = l.addressLocked(site, now, siteRefill, siteBurst)
		from = site
	}
	if !g.affordable() {
		return guess{}, false
	}
	if account := l.accountLocked(jid, now); account.tokens >= 1 {
		g.paid[2] = account
	} else if g.price = l.admitLocked(visit{jid, from}, now); g.price == 0 || !g.affordable() {
		return guess{}, false
	}
	g.add(-g.price)
	return g, true
}

// affordable tells whether whoever is to pay can.
func (g guess) affordable() bool {
	for _, b := range g.paid {
		if b != nil && b.tokens < g.price {
			return false
		}
	}
	return true
}

// right gives back what was paid.
func (g guess) right() {
	if g.limits == nil {
		return
	}
	g.limits.mu.Lock()
	defer g.limits.mu.Unlock()
	g.add(g.price)
}

func (g guess) add(n float64) {
	for _, b := range g.paid {
		if b != nil {
			b.tokens += n
		}
	}
}

// admitLocked lets an address, or a /48, look at an account whose guesses others have used up, once its wait is over. With that, the
// right user gets in within a minute however many addresses attack, and each of those has one guess a minute. It gives the price; zero means to wait.
func (l *limits) admitLocked(v visit, now time.Time) float64 {
	if since, ok := l.tickets[v]; ok {
		if now.Sub(since) < longestLock {
			return 0
		}
		delete(l.tickets, v)
		return 1
	}
	if len(l.tickets) >= maxTickets && !l.sweepLocked(now) {
		return dear // no place is left to remember who waits
	}
	l.tickets[v] = now
	return 0
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

func (l *limits) addressLocked(from netip.Prefix, now time.Time, each time.Duration, burst float64) *bucket {
	b, ok := l.addresses.get(from)
	if !ok {
		b = &bucket{tokens: burst, at: now}
		l.addresses.put(from, b)
	}
	b.refill(now, each, burst)
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

// siteOf is the network that an IPv6 address most likely shares with others of the same hand.
func siteOf(from netip.Prefix) (site netip.Prefix, ok bool) {
	if !from.Addr().Is6() {
		return netip.Prefix{}, false
	}
	site, err := from.Addr().Prefix(48)
	return site, err == nil
}
