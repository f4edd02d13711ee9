package courier_test

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"palabre/history"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// BenchmarkBesideChat sends the history of 100,000 messages by mail while two people chat. p99 is how long a chat message takes from one to the other, in milliseconds: as it
// was without that, and beside it; MiB is what the heap of the process, which is the benchmark's too, rises by at most. PALABRE_TEST_ENGINE=postgres is the other engine.
func BenchmarkBesideChat(b *testing.B) {
	const messages = 100_000
	s, p := start(b, nil)
	romeo := host(b, s, "romeo", "open", field("urn:palabre:room:history", "whole"))
	say(b, romeo, "welcome")
	fill(b, s, messages)
	c := &chat{from: login(b, s, "juliet"), to: login(b, s, "nurse")}
	send(b, c.to, "<presence/>")
	if err := c.to.Fence(); err != nil {
		b.Fatal(err)
	}
	for range 500 { // all is warm
		c.once(b)
	}
	var before, beside []time.Duration
	var peak, rise uint64
	for b.Loop() {
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
			before = append(before, c.once(b))
		}
		runtime.GC()
		idle := heap()
		var done atomic.Bool
		var asking sync.WaitGroup
		asking.Go(func() {
			defer done.Store(true)
			if note, failed := asks(b, romeo, feast, toRoom, field("to", "someone@elsewhere.example")); failed {
				b.Error(note)
				return
			}
			p.next(b)
		})
		for !done.Load() {
			beside = append(beside, c.once(b))
			peak = max(peak, heap())
		}
		asking.Wait()
		rise = max(rise, peak-min(idle, peak))
		peak = 0
	}
	b.ReportMetric(ms(before, 0.99), "p99-before-ms")
	b.ReportMetric(ms(beside, 0.99), "p99-beside-ms")
	b.ReportMetric(ms(before, 0.5), "p50-before-ms")
	b.ReportMetric(ms(beside, 0.5), "p50-beside-ms")
	b.ReportMetric(float64(len(beside))/float64(b.N), "chats-beside")
	b.ReportMetric(float64(rise)/(1<<20), "MiB")
}

// fill puts messages into the room's archive.
func fill(b *testing.B, s *servertest.Server, messages int) {
	b.Helper()
	room := xmpp.MustParseJID(feast)
	const portion = 1000
	for first := 0; first < messages; first += portion {
		var writes []server.Write
		for i := first; i < first+portion; i++ {
			st := fmt.Sprintf("<message type='groupchat' id='f%d' from='%s/Romeo'><body>Number %d, in which as much is said as people say on the average.</body></message>", i, feast, i)
			writes = append(writes, &history.Append{Entries: []history.Entry{{Owner: room, Peer: xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i%50))}}, Stanza: []byte(st), Inner: len(st)})
		}
		if err := s.Host.Append(context.Background(), writes...); err != nil {
			b.Fatal(err)
		}
	}
}

// A chat is one who writes and one who reads.
type chat struct {
	from, to *servertest.Client
	n        int
}

// once sends a message, and tells how long it took.
func (c *chat) once(b *testing.B) time.Duration {
	c.n++
	id := fmt.Sprint("c", c.n)
	begun := time.Now()
	send(b, c.from, "<message to='nurse@example.org' type='chat' id='"+id+"'><body>a message as people write them</body></message>")
	until(b, c.to, isAbout(id))
	return time.Since(begun)
}

func ms(list []time.Duration, q float64) float64 {
	slices.Sort(list)
	return float64(list[int(q*float64(len(list)-1))]) / float64(time.Millisecond)
}

// heap is what the objects of the process take, dead ones too that were not collected yet.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
