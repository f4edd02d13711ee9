package account

import (
	"context"
	"errors"
	"time"

	"palabre/xmpp"
)

var (
	// ErrUnknown says that there is no such account.
	ErrUnknown = errors.New("no such account")
	// ErrExists says that the account is there already.
	ErrExists = errors.New("the account exists already")
)

// A Store keeps the accounts. All addresses are bare. Errors other than those promised are wrapped ones of the database,
// and then nothing has changed.
type Store interface {
	// Account loads an account and its keys, in one query: it is on the path of every login. The error is ErrUnknown, and it takes
	// the same work to find that as to load an account: the time does not tell who has one.
	Account(ctx context.Context, jid xmpp.JID) (Account, error)
	// Exists tells whether there is such an account, disabled or not.
	Exists(ctx context.Context, jid xmpp.JID) (bool, error)
	// Missing tells which of these (at most a thousand) are no accounts, in any order.
	Missing(ctx context.Context, jids []xmpp.JID) ([]xmpp.JID, error)
	// Accounts lists a domain's accounts without their keys, by the bytes of their local parts; those that come after the
	// local part after (empty: from the first), at most limit.
	Accounts(ctx context.Context, domain, after string, limit int) ([]Account, error)

	// Create adds an account with its keys. The error is ErrExists.
	Create(ctx context.Context, a Account) error
	// CreateMany adds accounts (at most a thousand) with their keys in one transaction. Those that exist are left as they are;
	// created tells how many do not.
	CreateMany(ctx context.Context, as []Account) (created int, err error)
	// SetKeys puts these keys in the place of all that the account has. The error is ErrUnknown.
	SetKeys(ctx context.Context, jid xmpp.JID, keys []Key) error
	// SetDisabled forbids or allows logging in. The error is ErrUnknown.
	SetDisabled(ctx context.Context, jid xmpp.JID, disabled bool) error
	// Delete removes the account and everything in the database that it owns, in one transaction. The error is ErrUnknown.
	Delete(ctx context.Context, jid xmpp.JID) error

	// SetLastSeen keeps when an account was last on-line and the last status text that it left (XEP-0012 §3).
	// An account that is not there is passed over.
	SetLastSeen(ctx context.Context, jid xmpp.JID, at time.Time, status string) error
	// LastSeen loads them; the zero time if it was never on-line. The error is ErrUnknown.
	LastSeen(ctx context.Context, jid xmpp.JID) (at time.Time, status string, err error)

	// Secret is a secret of the server's own: 32 random bytes, made when the name is first asked for and the same ever after.
	Secret(ctx context.Context, name string) ([]byte, error)
}

// An Account is someone who may log in.
type Account struct {
	JID      xmpp.JID // bare
	Disabled bool
	Created  time.Time // to the microsecond, UTC
	LastSeen time.Time // when it was last on-line; zero: never
	Keys     []Key     // one for each hash; not in lists
}

// A Key is what is kept of a password for one hash function (RFC 5802 §3): it checks a proof and proves the server, and does
// not let anyone log in.
type Key struct {
	Hash       string // SHA-1, SHA-256 or SHA-512
	Iterations int
	Salt       []byte // 16 bytes
	StoredKey  []byte // as long as the hash
	ServerKey  []byte // as long as the hash
}
