package xep

import (
	"context"
	"time"

	"palabre/xmpp"
)

// A Store keeps small pieces of data for accounts: texts by kind ("vcard", "private", "block") and key. What is small and read
// as a whole belongs here; what grows or is searched has tables of its own. All addresses are bare. Keys and kinds are compared
// byte by byte; keys may be empty, and have up to 3,071 bytes. Errors are wrapped ones of the database, and then nothing has changed.
type Store interface {
	// Datum loads one text; empty if there is none.
	Datum(ctx context.Context, owner xmpp.JID, kind, key string) (string, error)
	// Data loads all texts of one kind, by key; an empty map or nil if there are none.
	Data(ctx context.Context, owner xmpp.JID, kind string) (map[string]string, error)
	// SetData changes texts of one kind by key, in one transaction, and returns once that is durable. An empty text deletes the key.
	SetData(ctx context.Context, owner xmpp.JID, kind string, change map[string]string) error
}

// LastSeen keeps when accounts were last on-line. The accounts' store provides it: see account.Store.
type LastSeen interface {
	SetLastSeen(ctx context.Context, owner xmpp.JID, at time.Time, status string) error
	LastSeen(ctx context.Context, owner xmpp.JID) (at time.Time, status string, err error)
}

// A DataChange is Store.SetData as a write, for what is to be stored together with something else.
type DataChange struct {
	Account xmpp.JID
	Kind    string
	Texts   map[string]string // by key; an empty one deletes the key
}

// Owner is part of server.Write.
func (c *DataChange) Owner() xmpp.JID { return c.Account }
