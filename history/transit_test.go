package history

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever sessions get and miss: the edge never passes what has not reached anybody, and reaches the end when everything has.
func TestTransit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tr transit
		type row struct {
			with    int // sessions that have been sent it
			reached bool
			hidden  bool
		}
		rows := map[int64]*row{}
		var last, edge int64
		var gone []int64
		pick := func(t *rapid.T, ok func(*row) bool) (int64, *row) {
			var ids []int64
			for id, r := range rows {
				if ok(r) {
					ids = append(ids, id)
				}
			}
			if len(ids) == 0 {
				t.Skip("nothing to do this with")
			}
			slices.Sort(ids)
			id := rapid.SampledFrom(ids).Draw(t, "id")
			return id, rows[id]
		}
		whole := rapid.Bool().Draw(t, "whole")
		if whole {
			tr.completed()
		}
		var known int64
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				last += rapid.Int64Range(1, 3).Draw(t, "step")
				rows[last] = &row{hidden: rapid.Bool().Draw(t, "hidden")}
				tr.add(last, rows[last].hidden)
			},
			"send": func(t *rapid.T) {
				id, r := pick(t, func(r *row) bool { return !r.reached })
				r.with++
				tr.sent(id)
			},
			"bring": func(t *rapid.T) {
				id, r := pick(t, func(r *row) bool { return true })
				var kind Kind
				if r.hidden {
					kind = Hidden
				}
				claimed := len(tr.claim([]Row{{ID: id, Kind: kind}}, nil)) == 1
				if want := r.with == 0 && !r.reached; claimed != want {
					t.Fatalf("claimed %d: %v, but %d sessions have been sent it", id, claimed, r.with)
				}
				if claimed {
					r.with++
				}
			},
			"cover": func(t *rapid.T) {
				known = last
				tr.covered(last)
			},
			"reach": func(t *rapid.T) {
				id, r := pick(t, func(r *row) bool { return r.with > 0 })
				r.with--
				r.reached = true
				tr.reached([]int64{id}, time.Time{})
			},
			"miss": func(t *rapid.T) {
				id, r := pick(t, func(r *row) bool { return r.with > 0 })
				r.with--
				if waits, want := tr.missed(id), r.with == 0 && !r.reached; waits != want {
					t.Fatalf("missed %d: it waits %v, want %v", id, waits, want)
				}
			},
			"store": func(t *rapid.T) {
				e, g, due := tr.take(time.Time{})
				if due && rapid.Bool().Draw(t, "fails") {
					tr.giveBack(g)
					return
				}
				edge, gone = max(edge, e), append(gone, g...)
			},
			"": func(t *rapid.T) {
				for id, r := range rows {
					if id <= edge && !r.reached {
						t.Fatalf("the edge is at %d, and %d has reached nobody", edge, id)
					}
					if !whole && edge > known {
						t.Fatalf("the edge is at %d, and what waits is known up to %d", edge, known)
					}
				}
				for _, id := range gone {
					if r := rows[id]; !r.reached || !r.hidden {
						t.Fatalf("%d is to go, but is reached %v, hidden %v", id, r.reached, r.hidden)
					}
				}
			},
		})
		tr.completed()
		for id, r := range rows {
			if !r.reached {
				tr.claim([]Row{{ID: id}}, nil)
				tr.reached([]int64{id}, time.Time{})
			}
		}
		if e, _, _ := tr.take(time.Time{}); len(rows) > 0 && max(e, edge) != last {
			t.Fatalf("everything has been reached up to %d, and the edge is at %d", last, e)
		}
	})
}
