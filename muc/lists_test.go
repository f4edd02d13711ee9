package muc

import (
	"fmt"
	"slices"
	"testing"

	"palabre/xmpp"
)

// pagesOf reads a list to its end, and gives the addresses in it, in the order in which they came.
func pagesOf(t *testing.T, rows []row, page xmpp.PageRequest) (out []string, sizes []int) {
	t.Helper()
	for {
		e, err := answerPage(rows, page, listBytes)
		if err != nil {
			t.Fatal(err)
		}
		var jids []string
		for _, i := range childrenOf(e, nsAdmin, "item") {
			jids = append(jids, i.Attr("jid"))
		}
		sizes = append(sizes, len(e.String()))
		set, more := e.Child(xmpp.NSRSM, "set")
		if page.Backwards {
			out, page.Before = append(jids, out...), set.ContentOf(xmpp.NSRSM, "first")
		} else {
			out, page.After = append(out, jids...), set.ContentOf(xmpp.NSRSM, "last")
		}
		if !more || len(jids) == 0 || len(out) >= len(rows) {
			return out, sizes
		}
	}
}

func TestLongLists(t *testing.T) {
	t.Parallel()
	var rows []row
	var want []string
	for i := range 10_000 {
		j := xmpp.MustParseJID(fmt.Sprintf("somebody%05d@example.org", i))
		rows = append(rows, row{id: j.String(), affiliation: Member, jid: j})
		want = append(want, j.String())
	}
	for name, c := range map[string]struct {
		page  xmpp.PageRequest
		wide  bool // each row says a lot
		pages int  // at least
	}{
		"10,000 members come at once":           {page: xmpp.AnyPage(), pages: 1},
		"more than fits comes in parts":         {page: xmpp.AnyPage(), wide: true, pages: 2},
		"page by page":                          {page: xmpp.PageRequest{Max: 100, Index: -1}, pages: 100},
		"from the end":                          {page: xmpp.PageRequest{Max: 999, Index: -1, Backwards: true}, pages: 11},
		"pages that are too long, from the end": {page: xmpp.PageRequest{Max: -1, Index: -1, Backwards: true}, wide: true, pages: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := rows
			if c.wide {
				rows = slices.Clone(rows)
				for i := range rows {
					rows[i].reason = "because of something that takes some words to say, and then some more, so that it adds up to a lot in the end"
				}
			}
			got, sizes := pagesOf(t, rows, c.page)
			if !slices.Equal(got, want) {
				t.Errorf("%d rows, not %d, or not in order", len(got), len(want))
			}
			if len(sizes) < c.pages || len(sizes) > c.pages+1 && c.wide || slices.Max(sizes) > listBytes+1000 {
				t.Errorf("%d pages, the longest of %d bytes", len(sizes), slices.Max(sizes))
			}
		})
	}
}
