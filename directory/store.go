package directory

import (
	"context"
	"fmt"

	"palabre/xmpp"
)

// A Store keeps a directory. Errors that are not promised are wrapped ones of the database, and then nothing has changed.
type Store interface {
	Source
	// List gives a page of entries in the order of their IDs.
	List(ctx context.Context, domain string, q ListQuery) ([]Entry, error)
	// Update carries out edits, of which no two have the same ID, in one transaction, and returns once that is durable. An edit that is
	// refused changes nothing, and keeps no other from being carried out: its outcome says why. A rehearsal writes nothing, and tells what would become of each edit.
	Update(ctx context.Context, domain string, edits []Edit, r Rehearsal) ([]Outcome, error)
	// ChangeMembers adds persons to a group and removes others, and tells how many were not there, or were, before. The error is a MemberError
	// for one who can't be a member, or ErrUnknown if there is no such group; then nothing has changed. Who is removed need not be there.
	ChangeMembers(ctx context.Context, domain, group string, c MemberChange) (added, removed int, err error)
}

// A ListQuery says which entries to list.
type ListQuery struct {
	After string // an ID
	Kind  Kind   // 0: all
	Limit int
}

// A Rehearsal changes nothing.
type Rehearsal bool

// An Edit makes something else of an entry.
type Edit struct {
	ID string
	// Change makes of the entry that there is (nil: there is none) the one that there is to be, checked and in its normal form (nil: none), or refuses.
	// Domain and ID are those of the edit. A photo with another SHA1 than before has its bytes. It runs in the order of commits, perhaps more than once, and must not wait.
	Change func(old *Entry) (*Entry, error)
}

// An Outcome is what became of an edit.
type Outcome struct {
	ID   string
	Did  Did
	Err  error // why it was refused: a *TakenError, a *KindError, or what Change has said
	Kind Kind  // of the entry, as it is or was
	// Before and After are the person's account as it was and as it is; zero where there is none, and where nothing has changed.
	Before, After xmpp.JID
}

// Did says what became of an edit.
type Did string

// What can become of an edit.
const (
	Added     Did = "added"
	Changed   Did = "changed"
	Regrouped Did = "regrouped" // a group has other members than before, and is what it was
	Left      Did = "left"      // it is as it was to be
	Deleted   Did = "deleted"
	Refused   Did = "refused"
)

// A TakenError says that something belongs to another entry.
type TakenError struct{ What, By string } // an address, and the ID of the entry that has it

func (e *TakenError) Error() string { return fmt.Sprintf("%s belongs to the entry %s", e.What, e.By) }

// A KindError says that an entry can't become one of another kind.
type KindError struct {
	ID   string
	Kind Kind
}

func (e *KindError) Error() string {
	return fmt.Sprintf("the entry %s is a %s, and stays one; delete it first if that is wrong", e.ID, e.Kind)
}

// A MemberChange is who comes into a group, and who goes: IDs.
type MemberChange struct{ Add, Remove []string }

// A MemberError says that somebody can't be a member.
type MemberError struct {
	ID   string
	Kind Kind // 0: there is no such entry
}

func (e *MemberError) Error() string {
	if e.Kind == 0 {
		return fmt.Sprintf("there is no person %s in the directory", e.ID)
	}
	return fmt.Sprintf("the entry %s is a %s; only persons can be members of a group", e.ID, e.Kind)
}
