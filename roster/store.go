package roster

import (
	"context"

	"palabre/xmpp"
)

// A Store keeps rosters. Its errors are wrapped ones of the database; a missing roster is an empty one, not an error.
type Store interface {
	// Roster loads everything kept for an account, and the roster's version.
	Roster(ctx context.Context, owner xmpp.JID) ([]Item, int64, error)
	// Item loads what is kept of one contact; the zero Item if nothing is.
	Item(ctx context.Context, owner, contact xmpp.JID) (Item, error)
}
