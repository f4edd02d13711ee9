package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"palabre/directory"
	"palabre/xmpp"
)

// Update is directory.Store's.
func (s *Store) Update(ctx context.Context, domain string, edits []directory.Edit, r directory.Rehearsal) ([]directory.Outcome, error) {
	j, err := xmpp.ParseJID(domain)
	if err != nil || j != j.DomainJID() {
		return nil, fmt.Errorf("store: directory: %q is not a domain", domain)
	}
	var all []decision
	if r {
		all, err = decide(ctx, s.db, domain, edits)
	} else {
		err = s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) (err error) {
			if all, err = decide(ctx, t, domain, edits); err == nil {
				err = t.carryOut(ctx, j, all)
			}
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("store: directory: %w", err)
	}
	out := make([]directory.Outcome, len(all))
	for i := range all {
		out[i] = all[i].Outcome
	}
	return out, nil
}

// A keptEntry is one that is stored.
type keptEntry struct {
	number int64
	directory.Entry
}

// A decision is what is to be done for an edit.
type decision struct {
	directory.Outcome
	old  *keptEntry
	next *directory.Entry
}

// decide finds out what edits come to.
func decide(ctx context.Context, q querier, domain string, edits []directory.Edit) ([]decision, error) {
	ids := make([]string, len(edits))
	for i, e := range edits {
		ids[i] = e.ID
	}
	stored, err := storedEntries(ctx, q, domain, ids)
	if err != nil {
		return nil, err
	}
	out := make([]decision, len(edits))
	var accounts, mails []string
	for i, e := range edits {
		d := decision{Outcome: directory.Outcome{ID: e.ID}, old: stored[e.ID]}
		if slices.Contains(ids[:i], e.ID) {
			d.Err = errors.New("this entry is edited twice at once")
		} else {
			d.change(domain, e)
		}
		if d.next != nil && !d.next.Account.IsZero() {
			accounts = append(accounts, d.next.Account.String())
		}
		if d.next != nil && d.next.Email != "" {
			mails = append(mails, directory.FoldEmail(d.next.Email))
		}
		out[i] = d
	}
	has, err := takers(ctx, q, domain, accounts, mails)
	if err != nil {
		return nil, err
	}
	for i := range out {
		has.settle(&out[i])
	}
	return out, nil
}

// change asks the edit what there is to be.
func (d *decision) change(domain string, e directory.Edit) {
	var before *directory.Entry
	if d.old != nil {
		kept := d.old.Entry
		before = &kept
	}
	next, err := e.Change(before)
	if d.Err = err; err == nil && next != nil {
		is := *next
		is.Domain, is.ID = domain, e.ID
		if d.old != nil && d.old.Kind != is.Kind {
			d.Err = &directory.KindError{ID: e.ID, Kind: d.old.Kind}
		}
		d.next = &is
	}
}

// takenBy knows the IDs of those who have addresses.
type takenBy struct{ accounts, mails map[string]string }

// settle says what becomes of an edit, after those before it.
func (has *takenBy) settle(d *decision) {
	if d.Err == nil && d.next != nil {
		d.Err = has.refuse(d.next)
	}
	switch {
	case d.old != nil:
		d.Kind = d.old.Kind
	case d.next != nil:
		d.Kind = d.next.Kind
	}
	switch {
	case d.Err != nil:
		d.Did = directory.Refused
		return
	case d.old == nil && d.next == nil, d.old != nil && d.next != nil && same(d.old.Entry, *d.next):
		d.Did = directory.Left
		return
	case d.next == nil:
		d.Did = directory.Deleted
	case d.old == nil:
		d.Did = directory.Added
	default:
		d.Did = directory.Changed
	}
	if d.old != nil {
		d.Before = d.old.Account
		delete(has.accounts, d.old.Account.String())
		delete(has.mails, directory.FoldEmail(d.old.Email))
	}
	if d.next != nil {
		d.After = d.next.Account
		has.accounts[d.next.Account.String()] = d.ID
		has.mails[directory.FoldEmail(d.next.Email)] = d.ID
	}
}

func (has *takenBy) refuse(e *directory.Entry) error {
	if by := has.accounts[e.Account.String()]; by != "" && by != e.ID && !e.Account.IsZero() {
		return &directory.TakenError{What: "the account " + e.Account.String(), By: by}
	}
	if by := has.mails[directory.FoldEmail(e.Email)]; by != "" && by != e.ID && e.Email != "" {
		return &directory.TakenError{What: "the address " + e.Email, By: by}
	}
	return nil
}

func same(a, b directory.Entry) bool {
	sha1 := a.Photo.SHA1 == b.Photo.SHA1
	a.Photo, b.Photo = directory.Photo{}, directory.Photo{}
	return sha1 && a.Domain == b.Domain && a.ID == b.ID && a.Kind == b.Kind && a.Account == b.Account && a.Name == b.Name && a.Email == b.Email &&
		a.Chat == b.Chat && a.Details == b.Details
}

var (
	selectStored = `SELECT ` + entryColumns + ` FROM directory d` + ofDomain + ` AND d.id IN (` + placeholders(2, many) + `)`
	// SQLite would rather look at all of the domain, but for the plus.
	byAccounts = `SELECT d.account, d.id FROM directory d WHERE +d.domain = (SELECT j.id FROM jid j WHERE j.bare = $1) AND d.account IN (` + placeholders(2, many) + `)`
	byMails    = `SELECT d.mail, d.id FROM directory d WHERE +d.domain = (SELECT j.id FROM jid j WHERE j.bare = $1) AND d.mail IN (` + placeholders(2, many) + `)`
)

// inLists asks a query with a list of many for all values, as often as it takes.
func inLists(ctx context.Context, q querier, query listQuery, row func(scanner) error) error {
	for values := query.values; len(values) > 0; values = values[min(many, len(values)):] {
		args := make([]any, 1, many+1)
		args[0] = query.domain
		for i := range many {
			args = append(args, values[min(i, len(values)-1)])
		}
		if err := q.Query(ctx, row, query.text, args...); err != nil {
			return err
		}
	}
	return nil
}

type listQuery struct {
	text, domain string
	values       []string
}

// storedEntries reads the entries of these IDs.
func storedEntries(ctx context.Context, q querier, domain string, ids []string) (map[string]*keptEntry, error) {
	out := map[string]*keptEntry{}
	err := inLists(ctx, q, listQuery{selectStored, domain, ids}, func(scan scanner) error {
		var row entryRow
		if err := scan(row.dest()...); err != nil {
			return err
		}
		e, err := row.entry(domain)
		out[row.id] = &keptEntry{row.number, e}
		return err
	})
	return out, err
}

func takers(ctx context.Context, q querier, domain string, accounts, mails []string) (*takenBy, error) {
	has := &takenBy{map[string]string{}, map[string]string{}}
	into := func(m map[string]string) func(scanner) error {
		return func(scan scanner) error {
			var what, by string
			err := scan(&what, &by)
			m[what] = by
			return err
		}
	}
	err := inLists(ctx, q, listQuery{byAccounts, domain, accounts}, into(has.accounts))
	if err == nil {
		err = inLists(ctx, q, listQuery{byMails, domain, mails}, into(has.mails))
	}
	return has, err
}
