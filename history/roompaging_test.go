package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"palabre/history"
)

// TestRoomPaging compares what somebody sees of a room with a model, for any spans and any query.
func TestRoomPaging(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	all, ids, others := h.fill(t, 130)
	romeo := h.enter(t, "romeo@example.org/laptop")
	rapid.Check(t, func(r *rapid.T) {
		spans := drawSpans(r, ids)
		h.see(spans...)
		lines := slices.Clone(all)
		for i := range lines {
			lines[i].unseen = !within(spans, ids[i])
		}
		w := drawWish(r, lines)
		if rapid.IntRange(0, 19).Draw(r, "foreign?") == 0 {
			lines = append(lines, line{id: rapid.SampledFrom(others).Draw(r, "foreign"), unseen: true})
			w.ids = append(w.ids, len(lines)-1)
		}
		if named := w.named(); slices.ContainsFunc(named, func(at int) bool { return lines[at].unseen }) {
			rows, answer := romeo.query(w.xml(lines))
			if len(rows) > 0 || !strings.Contains(answer.String(), "<item-not-found") {
				r.Fatalf("%+v names what is not to be seen, and gets %d rows and %s", w, len(rows), answer)
			}
			return
		}
		compare(r, romeo, lines, &w)
	})
}

// drawSpans draws the spans of somebody who comes and goes, with edges beside messages and at them, in any order.
func drawSpans(r *rapid.T, ids []int64) []history.Span {
	edge := func(name string) int64 {
		return rapid.SampledFrom(ids).Draw(r, name) + rapid.SampledFrom([]int64{-1, 0, 0, 1}).Draw(r, name+" beside")
	}
	var spans []history.Span
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 2, 3, 5, 50}).Draw(r, "spans") {
		s := history.Span{Since: edge("since"), Until: edge("until")}
		switch rapid.IntRange(0, 9).Draw(r, "open") {
		case 0:
			s.Since = 0
		case 1:
			s.Until = 0
		case 2, 3:
			if n := len(spans); n > 0 && spans[n-1].Until != 0 {
				s.Since = spans[n-1].Until // back at once
			}
		}
		spans = append(spans, s)
	}
	return spans
}

// within is what spans mean.
func within(spans []history.Span, id int64) bool {
	return slices.ContainsFunc(spans, func(s history.Span) bool { return id > s.Since && (s.Until == 0 || id < s.Until) })
}

// named are the places that a wish names.
func (w *wish) named() []int {
	return slices.DeleteFunc(append([]int{w.afterID, w.beforeID, w.after, w.before}, w.ids...), func(at int) bool { return at < 0 })
}

func drawWish(r *rapid.T, all []line) wish {
	var seen []int
	for at, l := range all {
		if !l.unseen {
			seen = append(seen, at)
		}
	}
	seldom := func(name string) bool { return rapid.IntRange(0, 4).Draw(r, name+"?") == 4 }
	place := func(name string) int { // mostly one that may be seen
		if len(seen) == 0 || rapid.IntRange(0, 9).Draw(r, name+" anywhere") == 0 {
			return rapid.IntRange(0, len(all)-1).Draw(r, name)
		}
		return rapid.SampledFrom(seen).Draw(r, name)
	}
	maybePlace := func(name string) int {
		if !seldom(name) {
			return -1
		}
		return place(name)
	}
	maybe := func(name string, values ...string) string {
		if !seldom(name) {
			return ""
		}
		return rapid.SampledFrom(values).Draw(r, name)
	}
	stamp := func(name string) string { return maybe(name, all[place(name+" of")].stamp) }
	w := wish{
		with: maybe("with", "romeo@example.org", "nurse@example.com", "tybalt@example.org",
			garden.String()+"/romeo", garden.String()+"/romeo & co", garden.String()+"/tybalt"),
		start: stamp("start"), end: stamp("end"), afterID: maybePlace("after-id"), beforeID: maybePlace("before-id"),
		max:   rapid.SampledFrom([]int{-1, 0, 1, 2, 10, 50, 63, 64, 65, 66, 100, 128, 129, 130, 131, 1000}).Draw(r, "max"),
		after: maybePlace("after"), before: maybePlace("before"),
		lastPage: rapid.Bool().Draw(r, "last page"), flip: rapid.Bool().Draw(r, "flip"),
	}
	if seldom("ids") {
		for range rapid.IntRange(1, 80).Draw(r, "how many ids") {
			w.ids = append(w.ids, place("id"))
		}
	}
	return w
}

// Whoever pages through a room, in either direction, gets all that they may see, in its order, and nothing twice.
func TestRoomPages(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	all, ids, _ := h.fill(t, 130)
	romeo := h.enter(t, "romeo@example.org/laptop")
	rapid.Check(t, func(r *rapid.T) {
		spans := drawSpans(r, ids)
		h.see(spans...)
		var want []string
		for i, l := range all {
			if within(spans, ids[i]) {
				want = append(want, l.id)
			}
		}
		size, flip := rapid.IntRange(1, 70).Draw(r, "max"), rapid.SampledFrom([]string{"", "<flip-page/>"}).Draw(r, "flip")
		for _, backwards := range []bool{false, true} {
			if got := pages(r, romeo, size, flip, backwards); !slices.Equal(got, want) {
				r.Fatalf("%v in pages of %d, backwards: %v: %v, not %v", spans, size, backwards, got, want)
			}
		}
	})
}

// pages reads all pages, and gives their rows in the order of the archive.
func pages(t rapid.TB, d *device, size int, flip string, backwards bool) (all []string) {
	from := ""
	if backwards {
		from = "<before/>"
	}
	for range 200 {
		rows, answer := d.query(fmt.Sprintf("%s<set xmlns='%s'><max>%d</max>%s</set>", flip, nsRSM, size, from))
		page := make([]string, len(rows))
		for i, r := range rows {
			page[i] = r.id
		}
		if flip != "" {
			slices.Reverse(page)
		}
		if backwards {
			all = append(page, all...)
		} else {
			all = append(all, page...)
		}
		fin, ok := answer.Child(nsMAM, "fin")
		switch {
		case !ok:
			t.Fatalf("answered by %s", answer)
		case fin.Attr("complete") == "true":
			return all
		case backwards:
			from = "<before>" + page[0] + "</before>"
		default:
			from = "<after>" + page[len(page)-1] + "</after>"
		}
	}
	t.Fatalf("the pages have no end")
	return nil
}
