package attack

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// TestF12NoAcknowledgement: what a client reads and never acknowledges is bounded in memory, be it archived or not; then its session ends, others are not held up, and
// what is archived reaches the next client, once and in its order.
func TestF12NoAcknowledgement(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, form string
		times      int
		kept       bool
	}{
		{"headlines", "<message to='juliet@example.org' type='headline' id='m%d'><body>" + strings.Repeat("x", 20<<10) + "</body></message>", 60, false},
		{"short messages", "<message to='juliet@example.org' type='chat' id='m%d'><body>" + secretBody + "</body></message>", 12_000, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			p := s.phone(t, juliet, "phone")
			p.send("<presence/>")
			p.take()
			session := p.session()
			var reading sync.WaitGroup
			ended := ""
			reading.Go(func() { ended = p.dies("policy-violation") })
			flood, from, to := s.login(t, mallory, "pc"), s.login(t, romeo, "orchard"), s.login(t, tybalt, "street")
			n := 0
			for ; n < test.times && !session.IsClosed(); n++ {
				for s.C2S.QueuedBytes() > 256<<10 { // it is to end for what it has read
					runtime.Gosched()
				}
				flood.send(fmt.Sprintf(test.form, n))
				if n%20 == 19 {
					flood.fence()
				}
				if n%200 == 0 {
					from.send(chat("tybalt@example.org/street", fmt.Sprint(n)))
					if got := to.until("</message>"); !strings.Contains(got, fmt.Sprintf("id='%d'", n)) {
						t.Fatalf("message %d arrives as %s", n, got)
					}
				}
			}
			flood.fence()
			reading.Wait()
			<-session.Gone()
			if !strings.Contains(ended, "acknowledges nothing") {
				t.Errorf("the end is %.300s", ended[max(0, len(ended)-300):])
			}
			next := s.login(t, juliet, "next")
			next.send("<presence/>")
			got := next.messages(t, n, test.kept)
			if !test.kept && len(got) > 0 {
				t.Errorf("the next client gets %v", got)
			}
		})
	}
}

// messages reads n messages, if there are to be some, and those that come after them, and checks that they are m0, m1 and so on.
func (w *wire) messages(t *testing.T, n int, any bool) (got []string) {
	t.Helper()
	for any && len(got) < n {
		got = append(got, attribute(w.until("</message>"), "id"))
	}
	for _, m := range parse(t, w.fence()) {
		if m.XMLName.Local == "message" {
			got = append(got, m.attr("id"))
		}
	}
	for i, id := range got {
		if id != fmt.Sprint("m", i) {
			t.Fatalf("message %d is %s; there are %d of %d", i, id, len(got), n)
		}
	}
	return got
}

// TestF12KeptSmall: long messages that a client has read and not acknowledged are kept by their place in the archive.
func TestF12KeptSmall(t *testing.T) {
	s := start(t)
	const clients, times, size = 8, 40, 100 << 10
	var reading sync.WaitGroup
	var phones []*phone
	for i := range clients {
		p := s.phone(t, juliet, fmt.Sprint("phone", i))
		p.send("<presence/>")
		p.take()
		phones = append(phones, p)
	}
	idle := heap()
	for _, p := range phones {
		reading.Go(func() {
			for i := range times {
				p.until(fmt.Sprintf("id='m%d'", i))
				p.until("</message>")
			}
			p.wire.got = ""
		})
	}
	flood := s.login(t, mallory, "pc")
	for i := range times {
		flood.send(fmt.Sprintf("<message to='juliet@example.org' type='chat' id='m%d'><body>%s</body></message>", i, strings.Repeat("x", size)))
		flood.fence()
	}
	reading.Wait()
	if held := int64(heap()) - int64(idle); held > times*size/2 {
		t.Errorf("%d messages of %d bytes hold %d bytes", times, size, held)
	}
	for _, p := range phones {
		if sent, kept := p.session().Sent(), len(p.session().Marks()); sent < times || kept != times {
			t.Errorf("%d were sent, and %d are kept", sent, kept)
		}
	}
}

// TestX7Acknowledgements: a flood of elements of stream management is dealt with as fast as it comes; it is never answered by more than was sent, and others are not held up.
func TestX7Acknowledgements(t *testing.T) {
	t.Parallel()
	s := start(t)
	other := s.login(t, romeo, "orchard")
	for _, test := range []struct {
		name, flood string
		answers     int // at most
	}{
		{"<a/>", acknowledgement(0), 0},
		{"<r/>", "<r xmlns='" + nsResume + "'/>", 1 << 20},
		{"<resume/>", resumption("x", 0), 1 << 20},
		{"<a/> and <r/>", acknowledgement(0) + "<r xmlns='" + nsResume + "'/>", 1 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := s.phone(t, juliet, "phone")
			flood := strings.Repeat(test.flood, (1<<20)/len(test.flood))
			var sending sync.WaitGroup
			sending.Go(func() {
				_ = p.try(flood + "<iq type='get' id='fence' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
			})
			got := p.until("id='fence'")
			sending.Wait()
			other.hearsNothing()
			if n := strings.Count(got, "<a ") + strings.Count(got, "<failed "); n > min(test.answers, (1<<20)/len(test.flood)) {
				t.Errorf("%d answers", n)
			}
			if len(got) > 3*len(flood) { // S4
				t.Errorf("%d bytes are answered by %d", len(flood), len(got))
			}
		})
	}
}

// TestX7Unread: who floods the server with requests and reads none of the answers is stopped by the bound of what waits.
func TestX7Unread(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *daemon.Config) { c.Limits.Off, c.Tuning.Write = true, time.Second })
	for _, flood := range []string{resumption("x", 0), "<r xmlns='" + nsResume + "'/><iq type='get' id='p' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>"} {
		p := &phone{wire: s.login(t, juliet, "phone"), s: s, user: juliet}
		p.enable("max='1'")
		must(t, p.tcp().SetReadBuffer(4096))
		session := p.session()
		many := strings.Repeat(flood, 500)
		for p.try(many) == nil && !session.IsAway() && !session.IsClosed() {
			if n := s.C2S.QueuedBytes(); n > 1<<20+stream.AfterLogin.Bytes {
				t.Fatalf("%d bytes wait", n)
			}
		}
		_ = p.conn.Close()
		<-session.Gone()
	}
	s.settles(t, 0)
}

// slow is a store that takes its time.
type slow struct {
	server.Committer
	gate chan struct{} // a commit goes on when it is closed
}

func (c slow) Commit(writes []server.Write, done func(error)) {
	c.Committer.Commit(writes, func(err error) {
		<-c.gate
		done(err)
	})
}

// TestX7SlowStore: while a commit takes its time, requests for the count wait for it; however many, they are one, and hold neither goroutines nor the stream.
func TestX7SlowStore(t *testing.T) {
	gate := make(chan struct{})
	s := start(t, func(c *daemon.Config) {
		c.Tuning.Committer = func(next server.Committer) server.Committer { return slow{next, gate} }
	})
	s.Account(t, romeo)
	p := s.phone(t, juliet, "phone")
	goroutines := runtime.NumGoroutine()
	p.send(chat("romeo@example.org", "1") + strings.Repeat("<r xmlns='"+nsResume+"'/>", 100_000) + chat("romeo@example.org", "2") + "<r xmlns='" + nsResume + "'/>")
	eventually(t, "all is read", func() bool { in, _ := s.Host.Stats.Stanzas(xmpp.Message); return in == 2 })
	if n := runtime.NumGoroutine() - goroutines; n > 50 {
		t.Errorf("%d goroutines wait", n)
	}
	close(gate)
	if got := p.until("<a xmlns='" + nsResume + "' h='2'/>"); strings.Count(got, "<a ") > 3 {
		t.Errorf("the answers are %.1000s", got)
	}
}
