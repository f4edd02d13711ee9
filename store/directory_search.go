package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"palabre/directory"
)

// mostLooked is how many rows one search looks at: those of a long word come by the index, and only of others that it has to look at one by one can
// there be as many.
const mostLooked = 2000

// afterAll comes after every word that begins with what it is put behind.
const afterAll = "\U0010FFFF"

// selectWords reads words in the order of the index, from behind one that was read before. The other word is looked at in the index.
const selectWords = `SELECT w.word, w.other, ` + entryColumns + ` FROM directory_word w JOIN directory d ON d.entry = w.entry
	WHERE w.domain = (SELECT j.id FROM jid j WHERE j.bare = $1) AND w.place = $2 AND w.initial = $3
	AND (w.word, w.other, w.entry) > ($4, $5, $6) AND w.word < $7 AND w.other >= $8 AND w.other < $9
	ORDER BY w.domain, w.place, w.initial, w.word, w.other, w.entry LIMIT $10`

// A search is one that is under way.
type search struct {
	store  *Store
	domain string
	kinds  []directory.Kind
	plan   directory.Plan
	limit  int
	looked int
	seen   map[int64]bool
	out    []directory.Entry
}

// A hit is an entry with the word that it was found by.
type hit struct {
	directory.Key
	row entryRow
	directory.Entry
}

// placeOf is where the words of a class and a kind stand.
func placeOf(c directory.Class, k directory.Kind) int64 { return int64(c)*4 + int64(k) }

// Search is directory.Source's.
func (s *Store) Search(ctx context.Context, domain string, q directory.Query) ([]directory.Entry, error) {
	plan, ok := directory.NewPlan(q.Text)
	if !ok {
		return nil, nil
	}
	f := search{store: s, domain: domain, kinds: q.Kinds, plan: plan, limit: q.Limited(), seen: map[int64]bool{}}
	if f.kinds == nil {
		f.kinds = directory.Kinds
	}
	var err error
	if plan.Whole != "" {
		err = f.class(ctx, directory.Key{Class: directory.WholeName, Word: plan.Whole})
	}
	classes := directory.Classes
	if plan.Prefix == "" {
		classes = 1
	}
	for c := 0; err == nil && c < classes; c++ {
		err = f.class(ctx, directory.Key{Class: directory.Class(c), Word: plan.Prefix, Other: plan.Other})
	}
	if err != nil {
		return nil, fmt.Errorf("store: search: %w", err)
	}
	return f.out, nil
}

// class finds what is missing among the keys of a class that begin so.
func (f *search) class(ctx context.Context, begin directory.Key) error {
	need := f.limit - len(f.out)
	if need <= 0 {
		return nil
	}
	var found []hit
	for _, k := range f.kinds {
		hits, err := f.scan(ctx, begin, k, need)
		if err != nil {
			return err
		}
		found = append(found, hits...)
	}
	slices.SortStableFunc(found, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.Word, b.Word), cmp.Compare(a.row.number, b.row.number))
	})
	for _, h := range found[:min(need, len(found))] {
		f.seen[h.row.number] = true
		f.out = append(f.out, h.Entry)
	}
	return nil
}

// scan reads on until it has so many entries of a kind that are new and match.
func (f *search) scan(ctx context.Context, begin directory.Key, k directory.Kind, need int) (out []hit, err error) {
	here := map[int64]bool{}
	last := hit{Key: begin}
	for page := need + 8; len(out) < need && f.looked < mostLooked; page = min(2*page, 256) {
		n := 0
		err = f.store.db.Query(ctx, func(scan scanner) (err error) {
			n++
			var h hit
			if err := scan(append([]any{&h.Word, &h.Other}, h.row.dest()...)...); err != nil {
				return err
			}
			last = h
			if len(out) == need || f.seen[h.row.number] || here[h.row.number] {
				return nil
			}
			if h.Entry, err = h.row.entry(f.domain); err == nil && f.plan.Match(&h.Entry) {
				here[h.row.number] = true
				out = append(out, h)
			}
			return err
		}, selectWords, f.domain, placeOf(begin.Class, k), begin.Initial(), last.Word, last.Other, last.row.number,
			begin.Word+afterAll, begin.Other, begin.Other+afterAll, page)
		if f.looked += n; err != nil || n < page {
			break
		}
	}
	return out, err
}
