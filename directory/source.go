package directory

import (
	"context"
	"errors"

	"palabre/xmpp"
)

// ErrUnknown says that there is no such entry.
var ErrUnknown = errors.New("there is no such entry in the directory")

// A Source answers who is who. Entries come without the bytes of their photos. Domains and addresses are normalised, as in a JID; an address of
// mail is found whatever its case is. Other errors than ErrUnknown are wrapped ones of where the directory is kept.
type Source interface {
	// Search finds entries by what somebody types, best matches first; none is no error.
	Search(ctx context.Context, domain string, q Query) ([]Entry, error)
	// Find gives the entry of this ID: ErrUnknown.
	Find(ctx context.Context, domain, id string) (Entry, error)
	// ByAccount gives the person whose account this is: ErrUnknown.
	ByAccount(ctx context.Context, account xmpp.JID) (Entry, error)
	// ByEmail gives the entry of this address: ErrUnknown.
	ByEmail(ctx context.Context, domain, email string) (Entry, error)
	// Members are those of a group, in the order of their names: ErrUnknown if there is no such group.
	Members(ctx context.Context, domain, id string) ([]Entry, error)
	// GroupsOf are the groups that the person with this account is a member of, in the order of their names; none is no error.
	GroupsOf(ctx context.Context, account xmpp.JID) ([]Entry, error)
	// GroupsOfEntry is GroupsOf for a person who may have no account.
	GroupsOfEntry(ctx context.Context, domain, id string) ([]Entry, error)
	// Photo gives an entry's photo with its bytes: ErrUnknown if there is no such entry, or it has no photo.
	Photo(ctx context.Context, domain, id string) (Photo, error)
}

// A Query is what to search for.
type Query struct {
	Text  string // words, or their beginnings: each must be the beginning of a word of the entry. Empty: everything, by name
	Kinds []Kind // nil: all
	Limit int    // at most MaxFound; 0: 20
}

// MaxFound is how many entries a search finds at most.
const MaxFound = 100

// Limited is the limit as it counts.
func (q Query) Limited() int {
	switch {
	case q.Limit <= 0:
		return 20
	case q.Limit > MaxFound:
		return MaxFound
	}
	return q.Limit
}

// Granted tells whether an account may use chat, by its own entry or by that of a group which its person is a member of.
func Granted(ctx context.Context, s Source, account xmpp.JID) (bool, error) {
	e, err := s.ByAccount(ctx, account)
	switch {
	case errors.Is(err, ErrUnknown):
		return false, nil
	case err != nil || e.Chat:
		return err == nil, err
	}
	groups, err := s.GroupsOf(ctx, account)
	for _, g := range groups {
		if g.Chat {
			return true, nil
		}
	}
	return false, err
}
