package attack

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/stream"
)

// TestX7Slow (CVE-2021-32918, CVE-2026-43506, CVE-2010-0305): those who are slow, silent, half through the handshake or deaf are gone when their time is over,
// and others log in meanwhile.
func TestX7Slow(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *daemon.Config) {
		c.Limits.Off = true
		c.Tuning.Login = 3 * time.Second
	})
	s.Account(t, juliet)
	hello := make([]byte, 64)
	copy(hello, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") // the beginning of a long hello
	kinds := []struct {
		name, condition string
		open            func() *wire
	}{
		{"silent in clear", "connection-timeout", func() *wire { return s.clear(t) }},
		{"silent over TLS", "connection-timeout", func() *wire { return s.tls(t) }},
		{"silent after the header", "connection-timeout", func() *wire { return s.opened(t) }},
		{"half a header", "connection-timeout", func() *wire { w := s.clear(t); w.send(header[:40]); return w }},
		{"half a request", "connection-timeout", func() *wire { w := s.opened(t); w.send("<auth xmlns='" + nsSASL + "' mech"); return w }},
		{"logged in, no resource", "connection-timeout", func() *wire { return s.authenticated(t, juliet) }},
		{"silent in the place of TLS", "", func() *wire { return s.connect(t, "c2s_tls", "", nil) }},
		{"half a handshake", "", func() *wire { w := s.connect(t, "c2s_tls", "", nil); w.send(string(hello)); return w }},
		{"half a handshake after STARTTLS", "", func() *wire {
			w := s.clear(t)
			w.send(header)
			w.until("</stream:features>")
			w.send(starttls)
			w.until("/>")
			w.send(string(hello))
			return w
		}},
	}
	var all sync.WaitGroup
	for _, k := range kinds {
		for range 5 {
			w := k.open()
			all.Go(func() {
				if got := w.ends(); k.condition == "" && got != "" || k.condition != "" && !strings.Contains(got, "<"+k.condition) {
					t.Errorf("%s: the end is %q", k.name, got)
				}
			})
		}
	}
	drip(t, s, &all)
	for i := range 5 {
		s.login(t, juliet, fmt.Sprint("r", i)).hearsNothing()
	}
	all.Wait()
	s.settles(t, 5)
}

// drip opens streams on which a byte comes now and then: white space, which may, and an attribute that does not end.
func drip(t *testing.T, s *site, all *sync.WaitGroup) {
	for i, beginning := range []string{"", "<auth xmlns='" + nsSASL + "' mechanism='"} {
		for range 3 {
			w := s.opened(t)
			w.send(beginning)
			ended := make(chan struct{})
			all.Go(func() {
				defer close(ended)
				if got := w.ends(); !strings.Contains(got, "<connection-timeout") {
					t.Errorf("a byte now and then: the end is %q", got)
				}
			})
			all.Go(func() {
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-ended:
						return
					case <-tick.C:
						_, _ = w.conn.Write([]byte(" x")[i : i+1])
					}
				}
			})
		}
	}
}

// settles waits until only so many connections are left.
func (s *site) settles(t *testing.T, left int64) {
	t.Helper()
	eventually(t, fmt.Sprint(left, " connections are left"), func() bool { return s.C2S.Stats.Connections() == left })
}

// TestX7Crowd: one address takes so many places among those who log in; for the next one its own oldest gives way. Comings and goings leave nothing behind.
func TestX7Crowd(t *testing.T) {
	s := start(t, func(c *daemon.Config) { c.Tuning.MaxWaitingEach = 50 })
	s.Account(t, juliet)
	first := s.connect(t, "c2s", "127.0.0.3", nil)
	other := s.connect(t, "c2s", "127.0.0.2", nil)
	for range 50 {
		s.connect(t, "c2s", "127.0.0.3", nil)
	}
	first.dies("resource-constraint")
	other.send(header)
	other.until("</stream:features>")
	if n := s.C2S.Stats.Evicted(); n != 1 {
		t.Errorf("%d gave way, want 1", n)
	}
	s.login(t, juliet, "balcony").hearsNothing()
	goroutines := runtime.NumGoroutine()
	for i := range 1000 {
		w := s.connect(t, "c2s", "127.0.0.4", nil)
		if i%3 == 0 {
			w.send(header[:i%len(header)])
		}
		_ = w.conn.Close()
	}
	s.settles(t, 52) // 50 of one address, the other, juliet
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// TestF12SlowReader: what waits for a client that does not read is bounded; then its stream ends, by the bound or by the clock, and others are not held up.
func TestF12SlowReader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		write time.Duration
		most  int // no more is sent once so much waits
	}{
		{"by the bound", patience, 1 << 30},
		{"by the clock", 500 * time.Millisecond, 200 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *daemon.Config) { c.Tuning.Write = test.write })
			deaf := s.login(t, juliet, "asleep")
			must(t, deaf.tcp().SetReadBuffer(4096))
			session := s.Host.Online(juliet).Session("asleep")
			flood, from, to := s.login(t, mallory, "pc"), s.login(t, romeo, "orchard"), s.login(t, tybalt, "street")
			message := "<message to='juliet@example.org/asleep' type='headline'><body>" + strings.Repeat("x", 50<<10) + "</body></message>"
			most, n := 0, 0
			for ; !session.IsClosed(); n++ {
				if s.C2S.QueuedBytes() < test.most {
					flood.send(message)
					flood.fence()
				}
				from.send("<message to='tybalt@example.org/street' type='chat' id='" + fmt.Sprint(n) + "'><body>" + secretBody + "</body></message>")
				if got := to.until("</message>"); !strings.Contains(got, fmt.Sprintf("id='%d'", n)) {
					t.Fatalf("message %d arrives as %s", n, got)
				}
				most = max(most, s.C2S.QueuedBytes())
			}
			if bound := 1<<20 + stream.AfterLogin.Bytes; most > bound {
				t.Errorf("%d bytes waited, and %d may", most, bound)
			}
			if n == 0 {
				t.Error("nobody else was there to be held up")
			}
			<-session.Gone()
		})
	}
}

// TestF12Deaf: a client that asks and does not read the answers is stopped too, before and after login.
func TestF12Deaf(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *daemon.Config) {
		c.Limits.Off = true
		c.Tuning.Login, c.Tuning.Write = 4*time.Second, time.Second
	})
	w := s.login(t, mallory, "pc")
	must(t, w.tcp().SetReadBuffer(4096))
	session := s.Host.Online(mallory).Session("pc")
	ask := strings.Repeat("<iq type='get' id='d' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", 500)
	for w.try(ask) == nil && !session.IsClosed() {
	}
	<-session.Gone()
	_ = w.conn.Close()
	w = s.opened(t)
	for w.try(strings.Repeat("<auth xmlns='"+nsSASL+"' mechanism='PLAIN'>!</auth>", 100)) == nil {
	}
	s.settles(t, 0)
	other, err := s.Login(t, romeo, "orchard")
	must(t, err)
	must(t, other.Fence())
	must(t, other.Leave())
}
