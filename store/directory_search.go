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

// Words are read in the order of the index, from behind one that was read before. The other word is looked at in the index. Where several places are
// looked at, PostgreSQL is spared a round trip for each.
const (
	fromWords = `SELECT w.place, w.word, w.other, ` + entryColumns + ` FROM directory_word w JOIN directory d ON d.entry = w.entry
		WHERE w.domain = (SELECT j.id FROM jid j WHERE j.bare = $1) AND w.initial = $2 AND (w.word, w.other, w.entry) > ($3, $4, $5)
		AND w.word < $6 AND w.other >= $7 AND w.other < $8 AND w.place = `
	inOrder      = ` ORDER BY w.domain, w.place, w.initial, w.word, w.other, w.entry LIMIT $9`
	selectWords  = fromWords + `$10` + inOrder
	selectPlaces = `SELECT * FROM (` + fromWords + `$10` + inOrder + `) a UNION ALL SELECT * FROM (` + fromWords + `$11` + inOrder + `) b
		UNION ALL SELECT * FROM (` + fromWords + `$12` + inOrder + `) c`
)

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
	f := search{store: s, domain: domain, plan: plan, limit: q.Limited(), seen: map[int64]bool{}}
	for _, k := range directory.Kinds {
		if q.Kinds == nil || slices.Contains(q.Kinds, k) {
			f.kinds = append(f.kinds, k)
		}
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

// A lane is what is read in a place.
type lane struct {
	place int64
	last  hit // that was read
	rows  int // of the last page
	out   []hit
	here  map[int64]bool
}

// class finds what is missing among the keys of a class that begin so.
func (f *search) class(ctx context.Context, begin directory.Key) error {
	need := f.limit - len(f.out)
	if need <= 0 || len(f.kinds) == 0 {
		return nil
	}
	lanes := map[int64]*lane{}
	places := []any{int64(0), int64(0), int64(0)} // where there is nothing
	for i, k := range f.kinds {
		place := placeOf(begin.Class, k)
		places[i], lanes[place] = place, &lane{place: place, last: hit{Key: begin}, here: map[int64]bool{}}
	}
	page := need + 8
	err := f.read(ctx, begin, lanes, pageOf{selectPlaces, page, places})
	for _, l := range lanes {
		for err == nil && l.rows == page && len(l.out) < need && f.looked < mostLooked {
			page = min(2*page, 256)
			err = f.read(ctx, begin, map[int64]*lane{l.place: l}, pageOf{selectWords, page, []any{l.place}})
		}
		page = need + 8
	}
	if err != nil {
		return err
	}
	var found []hit
	for _, l := range lanes {
		found = append(found, l.out...)
	}
	slices.SortFunc(found, compareHits)
	for _, h := range found[:min(need, len(found))] {
		f.seen[h.row.number] = true
		f.out = append(f.out, h.Entry)
	}
	return nil
}

func compareHits(a, b hit) int {
	return cmp.Or(cmp.Compare(a.Word, b.Word), cmp.Compare(a.Other, b.Other), cmp.Compare(a.row.number, b.row.number))
}

// pageOf is a query for so many rows in each of its places.
type pageOf struct {
	query  string
	rows   int
	places []any
}

// read reads a page of lanes, all from where the first has got to, and keeps the entries that are new and match.
func (f *search) read(ctx context.Context, begin directory.Key, lanes map[int64]*lane, p pageOf) error {
	from := hit{Key: begin}
	for _, l := range lanes {
		from, l.rows = l.last, 0
	}
	args := append([]any{f.domain, begin.Initial(), from.Word, from.Other, from.row.number, begin.Word + afterAll, begin.Other, begin.Other + afterAll, p.rows}, p.places...)
	return f.store.db.Query(ctx, func(scan scanner) (err error) {
		var h hit
		var place int64
		if err := scan(append([]any{&place, &h.Word, &h.Other}, h.row.dest()...)...); err != nil {
			return err
		}
		l := lanes[place]
		if f.looked++; l == nil {
			return nil
		}
		if l.rows++; l.rows == 1 || compareHits(h, l.last) > 0 {
			l.last = h
		}
		if f.seen[h.row.number] || l.here[h.row.number] {
			return nil
		}
		if h.Entry, err = h.row.entry(f.domain); err == nil && f.plan.Match(&h.Entry) {
			l.here[h.row.number] = true
			l.out = append(l.out, h)
		}
		return err
	}, p.query, args...)
}
