package account

import (
	"net/netip"
	"time"

	"palabre/xmpp"
)

// For the tests outside the package.

// NewLimits makes limits of their own.
func NewLimits(now func() time.Time) *limits { return newLimits(now, false) }

// Take pays for a guess.
func Take(l *limits, addr netip.Addr, jid xmpp.JID) bool {
	_, ok := l.take(addr, jid)
	return ok
}

// Sizes tells how much is remembered.
func Sizes(l *limits) (addresses, accounts, tickets int) {
	return l.addresses.len(), l.accounts.len(), len(l.tickets)
}
