package roster

import (
	"slices"

	"palabre/xmpp"
)

// A Subscription tells who sees whose presence (RFC 6121 §2.1.2.5).
type Subscription uint8

// The subscription states. To: the owner sees the contact. From: the contact sees the owner.
const (
	None Subscription = 0
	To   Subscription = 1
	From Subscription = 2
	Both Subscription = To | From
)

// An Item is what an account keeps of one contact.
type Item struct {
	JID          xmpp.JID
	Name         string
	Groups       []string
	Subscription Subscription
	Ask          bool   // "pending out": the owner asked to see the contact
	Approved     bool   // pre-approved (RFC 6121 §3.4)
	In           bool   // "pending in": the contact waits for the owner's approval
	Request      string // the request that waits, as XML without addresses
	Listed       bool   // it is in the roster that clients see; a request alone is not
	Ver          int64  // the roster's version at its last change; set by the store
}

// IsZero tells whether nothing is kept of this contact.
func (it Item) IsZero() bool {
	return !it.Listed && !it.In && !it.Approved && it.Subscription == None && !it.Ask
}

// A Change is a change to one item, decided inside the store's transaction so that no two can cross. It is a server.Write.
type Change struct {
	Account xmpp.JID // whose roster, bare
	Contact xmpp.JID
	// Next is pure: the item as it is (zero but for JID, if there is none) to the item as it shall be. An IsZero result deletes the row.
	// It may be called more than once. When it changes nothing, nothing is written and the version stays.
	Next func(Item) Item

	// Set by the store, and to be read after the commit:
	Before, After Item
	Ver           int64 // the roster's version after the change

	committed func(*Change)
	durable   bool // what was set above has been committed: an attempt that failed may have set it too
}

// Owner is the account whose roster changes.
func (c *Change) Owner() xmpp.JID { return c.Account }

// Committed is part of server.Noted.
func (c *Change) Committed() {
	c.durable = true
	if c.committed != nil {
		c.committed(c)
	}
}

// visible tells whether clients can see what has changed (RFC 6121 §2.6.3): a request that waits is no part of the roster.
func (c *Change) visible() bool {
	a, b := c.Before, c.After
	if !a.Listed || !b.Listed {
		return a.Listed != b.Listed
	}
	return a.Name != b.Name || a.Subscription != b.Subscription || a.Ask != b.Ask || a.Approved != b.Approved || !slices.Equal(a.Groups, b.Groups)
}

// gained and lost tell whether the contact sees the owner only since the change, or no longer.
func (c *Change) gained() bool {
	return c.durable && c.After.Subscription&^c.Before.Subscription&From != 0
}

func (c *Change) lost() bool {
	return c.durable && c.Before.Subscription&^c.After.Subscription&From != 0
}
