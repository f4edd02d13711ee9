package letter_test

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"palabre/history"
	"palabre/letter"
	"palabre/server"
	"palabre/xmpp"
)

// fill has a hundred people say n things, every tenth of which is corrected.
func (p *past) fill(n int) { p.fillWith(n, 10, 100) }

// fillWith has people say n things, and correct one of so many.
func (p *past) fillWith(n, corrected, people int) {
	p.t.Helper()
	var wg sync.WaitGroup
	var failed atomic.Bool
	commit := func(w server.Write) {
		wg.Add(1)
		p.store.Commit([]server.Write{w}, func(err error) {
			if err != nil {
				failed.Store(true)
			}
			wg.Done()
		})
	}
	for i := range n {
		who := i % people
		commit(p.saying(who, fmt.Sprint("m", i), body(fmt.Sprintf("Message %d has words enough to need a second line, as many messages do, and a link: https://example.org/%d.", i, i))))
		if i%corrected == 0 {
			commit(p.saying(who, fmt.Sprint("c", i), body(fmt.Sprint("Corrected ", i))+fmt.Sprintf("<replace xmlns='urn:xmpp:message-correct:0' id='m%d'/>", i)))
		}
		if i%1000 == 999 {
			wg.Wait()
			p.after(time.Minute)
		}
	}
	wg.Wait()
	if failed.Load() {
		p.t.Fatal("what was said was not written")
	}
}

// saying is the write of a message.
func (p *past) saying(who int, id, inside string) *history.Said {
	st := parse(p.t, fmt.Sprintf("<message type='groupchat' id='%s' from='%s/User %d'>%s</message>", id, room, who, inside))
	said := p.Say(room, st, st.Addressed(room), "")
	said.Entries[0].Peer = xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", who))
	return said
}

// BenchmarkLong writes the letter of a room with 100,000 messages, a tenth of them corrected: how long that takes, and how much memory it has in use beyond what is in use
// before.
func BenchmarkLong(b *testing.B) {
	const total, most = 100_000, 32 << 20
	p := newPast(b)
	p.fill(total)
	templates, err := letter.OpenTemplates("")
	if err != nil {
		b.Fatal(err)
	}
	scribe := &letter.Scribe{Archive: archive{p.Module}, Templates: templates}
	q := letter.Query{Archive: room, Within: []letter.Span{{}}, Title: "The garden"}
	b.Run("text.gz", func(b *testing.B) {
		for b.Loop() {
			peak := memory(func() {
				l, err := scribe.Letter(b.Context(), q)
				if err != nil || l.Count != total || !l.Long() {
					b.Fatalf("%d messages: %v", l.Count, err)
				}
				if err := l.WriteAttachment(b.Context(), io.Discard); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(float64(peak)/(1<<20), "MiB")
			if peak > most {
				b.Errorf("%d bytes in use", peak)
			}
		}
	})
	b.Run("html", func(b *testing.B) {
		for b.Loop() {
			l, err := scribe.Letter(b.Context(), q)
			if err != nil {
				b.Fatal(err)
			}
			peak := memory(func() {
				if err := l.WriteHTML(b.Context(), io.Discard); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(float64(peak)/(1<<20), "MiB")
			if peak > most {
				b.Errorf("%d bytes in use", peak)
			}
		}
	})
}

// BenchmarkCorrected does the same where as many people say as many things, and all that they say is corrected.
func BenchmarkCorrected(b *testing.B) {
	const total, most = 100_000, 48 << 20
	p := newPast(b)
	p.fillWith(total, 1, total)
	templates, err := letter.OpenTemplates("")
	if err != nil {
		b.Fatal(err)
	}
	scribe := &letter.Scribe{Archive: archive{p.Module}, Templates: templates}
	for b.Loop() {
		peak := memory(func() {
			l, err := scribe.Letter(b.Context(), letter.Query{Archive: room, Within: []letter.Span{{}}, Title: "The garden"})
			if err != nil || l.Count != total {
				b.Fatalf("%d messages: %v", l.Count, err)
			}
			if err := l.WriteAttachment(b.Context(), io.Discard); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(peak)/(1<<20), "MiB")
		if peak > most {
			b.Errorf("%d bytes in use", peak)
		}
	}
}

// memory is how much more of the heap is in use, at most, while something is done.
func memory(do func()) (peak uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	idle := m.HeapInuse
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse-min(idle, m.HeapInuse))
			}
		}
	}()
	do()
	close(stop)
	<-done
	return peak
}
