package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrExists says that there is such an entry already.
var ErrExists = errors.New("there is such an entry already")

// Options are what a Book works with.
type Options struct {
	Store Store
	// Changed is told what became of entries of a domain, and of whoever came into a group or went, after it is durable; nil: nobody is told.
	Changed func(ctx context.Context, domain string, changed []Outcome)
}

// A Book is the directory for those who change it.
type Book struct {
	Store
	changed func(ctx context.Context, domain string, changed []Outcome)
}

// New makes a Book.
func New(o Options) *Book { return &Book{o.Store, o.Changed} }

// A Record says what is to become of an entry.
type Record struct {
	ID     string // may be empty for a person with an account or an address of the domain: it is what stands before the @
	Kind   Kind   // 0: as it is, or a person
	Fields Fields
	Photo  *Photo // nil: as it is; without a type, there is to be none
	Err    error  // why the record could not be read
}

// Add makes an entry. The error is ErrExists, a *ValueError or a *TakenError, or one of the Store.
func (b *Book) Add(ctx context.Context, domain string, r Record) (Entry, error) {
	return b.one(ctx, domain, r, func(old *Entry) error {
		if old != nil {
			return ErrExists
		}
		return nil
	})
}

// Set changes an entry. The error is ErrUnknown, a *ValueError, a *TakenError or a *KindError, or one of the Store.
func (b *Book) Set(ctx context.Context, domain string, r Record) (Entry, error) {
	return b.one(ctx, domain, r, func(old *Entry) error {
		if old == nil {
			return ErrUnknown
		}
		return nil
	})
}

func (b *Book) one(ctx context.Context, domain string, r Record, may func(old *Entry) error) (Entry, error) {
	edit, err := r.edit(domain, may)
	if err != nil {
		return Entry{}, err
	}
	if _, err := b.update(ctx, domain, edit); err != nil {
		return Entry{}, err
	}
	return b.Find(ctx, domain, edit.ID)
}

// Delete takes an entry away; it is in no group any more. The error is ErrUnknown, or one of the Store.
func (b *Book) Delete(ctx context.Context, domain, id string) error {
	o, err := b.update(ctx, domain, Edit{ID: id, Change: func(*Entry) (*Entry, error) { return nil, nil }})
	if err == nil && o.Did == Left {
		err = ErrUnknown
	}
	return err
}

// update carries out one edit.
func (b *Book) update(ctx context.Context, domain string, e Edit) (Outcome, error) {
	out, err := b.Update(ctx, domain, []Edit{e}, false)
	if err != nil {
		return Outcome{}, err
	}
	b.tell(ctx, domain, out)
	return out[0], out[0].Err
}

// Regroup changes the members of a group: see Store.ChangeMembers.
func (b *Book) Regroup(ctx context.Context, domain, group string, c MemberChange) (added, removed int, err error) {
	added, removed, err = b.ChangeMembers(ctx, domain, group, c)
	if err == nil && added+removed > 0 {
		out := []Outcome{{ID: group, Did: Regrouped, Kind: Group}}
		for _, id := range append(append([]string{}, c.Add...), c.Remove...) {
			out = append(out, Outcome{ID: id, Did: Changed, Kind: Person})
		}
		b.tell(ctx, domain, out)
	}
	return added, removed, err
}

func (b *Book) tell(ctx context.Context, domain string, out []Outcome) {
	var changed []Outcome
	for _, o := range out {
		if o.Did != Left && o.Did != Refused {
			changed = append(changed, o)
		}
	}
	if b.changed != nil && len(changed) > 0 {
		b.changed(ctx, domain, changed)
	}
}

// importStep is how many records go in one transaction: others who write wait no longer than that takes.
const importStep = 10

// Import makes or changes entries, and tells what became of each record, in their order. Fields that a record does not have stay as they are, so that
// to import the same a second time changes nothing. A record that is refused keeps no other from being taken. With an error, those before are done.
func (b *Book) Import(ctx context.Context, domain string, records []Record, r Rehearsal) ([]Outcome, error) {
	all := make([]Outcome, 0, len(records))
	for len(records) > 0 {
		step := records[:min(importStep, len(records))]
		records = records[len(step):]
		out, err := b.importStep(ctx, domain, step, r)
		if all = append(all, out...); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (b *Book) importStep(ctx context.Context, domain string, records []Record, r Rehearsal) ([]Outcome, error) {
	out := make([]Outcome, len(records))
	var edits []Edit
	var at []int
	for i, rec := range records {
		edit, err := rec.edit(domain, func(*Entry) error { return nil })
		if err != nil {
			out[i] = Outcome{ID: rec.ID, Did: Refused, Err: err, Kind: rec.Kind}
			continue
		}
		edits, at = append(edits, edit), append(at, i)
	}
	if len(edits) == 0 {
		return out, nil
	}
	done, err := b.Update(ctx, domain, edits, r)
	if err != nil {
		return nil, err
	}
	for i, o := range done {
		out[at[i]] = o
	}
	if !r {
		b.tell(ctx, domain, done)
	}
	return out, nil
}

// edit makes an edit of a record.
func (r Record) edit(domain string, may func(old *Entry) error) (Edit, error) {
	if r.Err != nil {
		return Edit{}, r.Err
	}
	id, err := r.id(domain)
	if err != nil {
		return Edit{}, err
	}
	return Edit{ID: id, Change: func(old *Entry) (*Entry, error) {
		if err := may(old); err != nil {
			return nil, err
		}
		e := Entry{Domain: domain, ID: id, Kind: Person}
		if old != nil {
			e = *old
		}
		if r.Kind != 0 {
			e.Kind = r.Kind
		}
		if err := r.Fields.apply(&e); err != nil {
			return nil, err
		}
		if r.Photo != nil {
			e.Photo = *r.Photo
		}
		if old != nil && old.Kind != e.Kind {
			return &e, nil // which the store refuses, whatever its fields are
		}
		return &e, check(&e)
	}}, nil
}

// id is that of the record, or what stands before the @ of its account, or of an address of the domain.
func (r Record) id(domain string) (string, error) {
	if r.ID != "" {
		return CleanID(domain, r.ID)
	}
	if account := strings.TrimSpace(r.Fields["account"]); account != "" {
		local, _, _ := strings.Cut(account, "@")
		return CleanID(domain, local)
	}
	local, of, _ := strings.Cut(strings.TrimSpace(r.Fields["email"]), "@")
	if local != "" && strings.EqualFold(of, domain) {
		return CleanID(domain, local)
	}
	return "", &ValueError{"the ID", fmt.Sprintf("is missing; it can only be left out where there is an account, or an e-mail address of %s", domain)}
}
