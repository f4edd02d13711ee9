package history_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// A line is a message of the model: what an archive is, without a database.
type line struct {
	id, stamp string
	with      xmpp.JID // who else, in full; in a room, who has sent it
	nick      xmpp.JID // in a room: by whom it seems to be
	unseen    bool     // it is not for who asks
}

// A wish is a query that means the same to the model and to the server.
type wish struct {
	with              string
	start, end        string
	afterID, beforeID int // places in the archive; -1: none
	ids               []int
	max               int // -1: not said
	after, before     int
	lastPage, flip    bool
}

func (w *wish) matches(l line, at int) bool {
	switch {
	case w.with != "" && l.with.String() != w.with && l.with.Bare().String() != w.with && l.nick.String() != w.with,
		w.start != "" && l.stamp < w.start, w.end != "" && l.stamp > w.end,
		w.afterID >= 0 && at <= w.afterID, w.beforeID >= 0 && at >= w.beforeID,
		w.ids != nil && !slices.Contains(w.ids, at),
		w.after >= 0 && at <= w.after, w.before >= 0 && at >= w.before:
		return false
	}
	return true
}

// page is what the model answers: the ids in the order in which they come, first and last, and whether that is all.
func (w *wish) page(all []line) (ids []string, first, last string, complete bool, count int) {
	for at, l := range all {
		if !l.unseen && w.matches(l, at) {
			ids = append(ids, l.id)
		}
	}
	count = len(ids)
	most := w.max
	if most < 0 {
		most = 50
	}
	complete = count <= most
	switch {
	case complete:
	case w.lastPage || w.before >= 0:
		ids = ids[count-most:]
	default:
		ids = ids[:most]
	}
	if len(ids) > 0 {
		first, last = ids[0], ids[len(ids)-1]
	}
	if w.flip {
		slices.Reverse(ids)
	}
	return ids, first, last, complete, count
}

// xml is the query as it is sent.
func (w *wish) xml(all []line) string {
	var fields, set strings.Builder
	field := func(name string, values ...string) {
		fmt.Fprintf(&fields, "<field var='%s'>", name)
		for _, v := range values {
			fmt.Fprintf(&fields, "<value>%s</value>", v)
		}
		fields.WriteString("</field>")
	}
	field("FORM_TYPE", nsMAM)
	for name, v := range map[string]string{"with": w.with, "start": w.start, "end": w.end} {
		if v != "" {
			field(name, string(xmpp.AppendText(nil, v)))
		}
	}
	if w.afterID >= 0 {
		field("after-id", all[w.afterID].id)
	}
	if w.beforeID >= 0 {
		field("before-id", all[w.beforeID].id)
	}
	if w.ids != nil {
		values := make([]string, len(w.ids))
		for i, at := range w.ids {
			values[i] = all[at].id
		}
		field("ids", values...)
	}
	if w.max >= 0 {
		set.WriteString("<max>" + strconv.Itoa(w.max) + "</max>")
	}
	if w.after >= 0 {
		set.WriteString("<after>" + all[w.after].id + "</after>")
	}
	if w.before >= 0 {
		set.WriteString("<before>" + all[w.before].id + "</before>")
	} else if w.lastPage {
		set.WriteString("<before/>")
	}
	out := "<x xmlns='jabber:x:data' type='submit'>" + fields.String() + "</x><set xmlns='" + nsRSM + "'>" + set.String() + "</set>"
	if w.flip {
		out += "<flip-page/>"
	}
	return out
}

// TestPaging compares the archive with a model, for any query.
func TestPaging(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := login(t, s, "romeo@example.org/laptop")
	peers := []string{"juliet@example.org/balcony", "juliet@example.org/garden", "nurse@example.org/kitchen", "romeo@example.org/phone"}
	for _, p := range peers {
		s.Account(t, xmpp.MustParseJID(p).Bare())
	}
	for i := range 130 {
		from, to := "romeo@example.org/laptop", peers[i*7%len(peers)]
		if i%3 == 0 && to != peers[3] {
			from, to = to, from
		}
		if to == peers[3] { // once in this archive
			archivedOnce(t, s, from, to, fmt.Sprint(i))
			continue
		}
		archived(t, s, from, to, fmt.Sprint(i))
	}
	all := readAll(t, romeo, peers)
	if len(all) != 130 {
		t.Fatalf("%d messages", len(all))
	}
	rapid.Check(t, func(r *rapid.T) {
		seldom := func(name string) bool { return rapid.IntRange(0, 4).Draw(r, name+"?") == 4 }
		place := func(name string) int {
			if !seldom(name) {
				return -1
			}
			return rapid.IntRange(0, len(all)-1).Draw(r, name)
		}
		maybe := func(name string, values ...string) string {
			if !seldom(name) {
				return ""
			}
			return rapid.SampledFrom(values).Draw(r, name)
		}
		stamp := func(name string) string {
			return maybe(name, all[rapid.IntRange(0, len(all)-1).Draw(r, name+" of")].stamp)
		}
		w := wish{
			with:  maybe("with", "juliet@example.org", "juliet@example.org/garden", "nurse@example.org", "romeo@example.org", "tybalt@example.org"),
			start: stamp("start"), end: stamp("end"), afterID: place("after-id"), beforeID: place("before-id"),
			max: rapid.SampledFrom([]int{-1, 0, 1, 2, 10, 50, 63, 64, 65, 66, 100, 128, 129, 130, 131, 1000}).Draw(r, "max"), after: place("after"), before: place("before"),
			lastPage: rapid.Bool().Draw(r, "last page"), flip: rapid.Bool().Draw(r, "flip"),
		}
		if seldom("ids") {
			w.ids = rapid.SliceOfN(rapid.IntRange(0, len(all)-1), 1, 80).Draw(r, "ids")
		}
		compare(r, romeo, all, &w)
	})
}

func compare(t rapid.TB, d *device, all []line, w *wish) {
	rows, answer := d.query(w.xml(all))
	ids, first, last, complete, count := w.page(all)
	fin, ok := answer.Child(nsMAM, "fin")
	if !ok {
		t.Fatalf("%+v is answered by %s", w, answer)
	}
	set, _ := fin.Child(nsRSM, "set")
	if w.max == 0 {
		if got := set.ContentOf(nsRSM, "count"); got != strconv.Itoa(count) || len(rows) != 0 {
			t.Errorf("%+v: %s and %d rows, not %d", w, got, len(rows), count)
		}
		return
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.id)
	}
	if !slices.Equal(got, ids) || set.ContentOf(nsRSM, "first") != first || set.ContentOf(nsRSM, "last") != last ||
		(fin.Attr("complete") == "true") != complete {
		t.Errorf("%+v\ngot  %v, %s\nwant %v, %s to %s, complete: %v", w, got, fin, ids, first, last, complete)
	}
}

// readAll reads the whole archive, page by page, which is what the model knows.
func readAll(t *testing.T, d *device, peers []string) (all []line) {
	t.Helper()
	after := ""
	for {
		rows, answer := d.query("<set xmlns='" + nsRSM + "'><max>37</max>" + after + "</set>")
		for _, r := range rows {
			l := line{id: r.id, stamp: r.stamp, with: xmpp.MustParseJID(r.message.Attr("to"))}
			if !slices.Contains(peers, l.with.String()) {
				l.with = xmpp.MustParseJID(r.message.Attr("from"))
			}
			if body := r.message.ContentOf(xmpp.NSClient, "body"); body != strconv.Itoa(len(all)) {
				t.Errorf("message %d is %s", len(all), body)
			}
			all = append(all, l)
			after = "<after>" + r.id + "</after>"
		}
		fin, _ := answer.Child(nsMAM, "fin")
		if fin.Attr("complete") == "true" {
			return all
		}
	}
}
