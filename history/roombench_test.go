package history_test

import (
	"fmt"
	"strings"
	"testing"

	"palabre/history"
	"palabre/server"
	"palabre/xmpp"
)

// BenchmarkRoomLastPage asks for the last 50 of 10,000 messages of a room: with all to be seen, with 3 and 50 long spans, and, the worst case, with only as
// much to be seen as needs 50 spans to be read.
func BenchmarkRoomLastPage(b *testing.B) {
	h := newHall(b)
	romeo := h.enter(b, "romeo@example.org/laptop")
	const total = 10_000
	ids := make([]int64, total)
	done := make(chan error, total)
	writes := make([]*history.Said, total)
	for i := range writes {
		writes[i] = h.saying(b, garden, "juliet@example.org/balcony", "juliet", fmt.Sprint(i)+strings.Repeat("x", 300))
		h.store.Commit([]server.Write{writes[i]}, func(err error) { done <- err })
	}
	for range total {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	for i, w := range writes {
		ids[i] = w.ID()
	}
	every := func(n, long int) (spans []history.Span) {
		for i := range n {
			at := total / n * i
			spans = append(spans, history.Span{Since: ids[at] - 1, Until: ids[at+long-1] + 1})
		}
		return spans
	}
	ask := "<iq type='set' id='q' to='" + garden.String() + "'><query xmlns='" + nsMAM + "' queryid='f27'><set xmlns='" + nsRSM + "'>%s</set></query></iq>"
	for _, c := range []struct {
		name  string
		spans []history.Span
	}{{"1", []history.Span{{}}}, {"3", every(3, 3000)}, {"50", every(50, 150)}, {"50of1", every(50, 1)}, {"2000of1", every(2000, 1)}} {
		h.see(c.spans...)
		for name, page := range map[string]string{"last": "<max>50</max><before/>", "count": "<max>0</max>"} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					romeo.send(fmt.Sprintf(ask, page))
					rows := 0
					for p := range romeo.got {
						if p.Stanza.Kind == xmpp.IQ {
							break
						}
						rows++
					}
					if rows != 50 && name == "last" {
						b.Fatalf("%d rows", rows)
					}
				}
			})
		}
	}
}
