package attack

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"palabre/stream"
)

// endless are beginnings of what never ends, for before login and for after it.
var endless = []struct{ name, before, after string }{
	{"an attribute", "<auth xmlns='" + nsSASL + "' mechanism='", "<message to='juliet@example.org' id='"},
	{"a text", "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>", "<message to='juliet@example.org' type='headline'><body>"},
	{"a name", "<auth", "<message"},
}

// TestX4Oversize (CVE-2026-43507): who sends too much in one piece is told at the bound, not at the piece's end, be it sent byte by byte.
func TestX4Oversize(t *testing.T) {
	s := start(t, limitsOff)
	victim := s.login(t, juliet, "balcony")
	before, after := stream.BeforeLogin.Bytes, stream.AfterLogin.Bytes
	for _, e := range endless {
		for _, place := range []struct {
			name, open string
			most       int
			dial       func() *wire
		}{
			{"in clear", e.before, before, func() *wire { w := s.clear(t); w.send(header); w.until("</stream:features>"); return w }},
			{"over TLS", e.before, before, func() *wire { return s.opened(t) }},
			{"in a session", e.after, after, func() *wire { return s.login(t, mallory, "pc") }},
		} {
			t.Run(e.name+" "+place.name, func(t *testing.T) {
				w := place.dial()
				w.t = t
				w.send(place.open)
				const bytewise = 2048
				rest := place.most - len(place.open)
				for ; rest > bytewise+1000; rest -= 1000 {
					w.send(strings.Repeat("x", 1000))
				}
				w.bytewise(strings.Repeat("x", rest))
				w.dies("policy-violation")
			})
		}
	}
	for name, sent := range map[string]string{
		"a header":           "<?xml version='1.0'?><stream:stream xmlns='jabber:client' a='" + strings.Repeat("x", before),
		"an XML declaration": "<?xml version='1.0'" + strings.Repeat(" ", before),
	} {
		t.Run(name, func(t *testing.T) {
			for _, w := range []*wire{s.clear(t), s.tls(t)} {
				w.send(sent)
				w.dies("policy-violation")
			}
		})
	}
	w := s.login(t, mallory, "pc")
	head, tail := "<message to='juliet@example.org/balcony' type='headline'><body>", "</body></message>"
	w.send(head + strings.Repeat("x", after-len(head)-len(tail)) + tail)
	if got := parse(t, victim.fenceAfter(w)); len(got) != 1 {
		t.Error("a stanza of just the bound does not arrive")
	}
	t.Run("memory", func(t *testing.T) { piecesInMemory(t, s) })
}

// piecesInMemory: a piece that does not end costs its bound, and little more.
func piecesInMemory(t *testing.T, s *site) {
	const clients = 16
	for _, test := range []struct {
		name string
		most int
		open func(i int) *wire
	}{
		{"before login", stream.BeforeLogin.Bytes, func(int) *wire { return s.opened(t) }},
		{"after login", stream.AfterLogin.Bytes, func(i int) *wire { return s.login(t, mallory, fmt.Sprint("pc", i)) }},
	} {
		var wires []*wire
		for i := range clients {
			wires = append(wires, test.open(i))
		}
		idle := heap()
		for _, w := range wires {
			w.send("<a xmlns='urn:a' b='")
			w.send(strings.Repeat("x", test.most-100))
			w.got = ""
		}
		held := func() int64 { return (int64(heap()) - int64(idle)) / clients }
		eventually(t, "the pieces are held", func() bool { return held() > int64(test.most/2) })
		last := int64(0)
		for each := held(); each > last; each = held() { // until all bytes have come
			last = each
		}
		if last > int64(test.most+32<<10) {
			t.Errorf("%s: a piece of %d bytes holds %d", test.name, test.most-100, last)
		}
		for _, w := range wires {
			w.send(strings.Repeat("x", 100))
			w.dies("policy-violation")
		}
	}
}

// heap is what is in use, rubbish left out.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestX13Names: names that have never been seen before leave nothing behind, however many: namespaces, elements, resources, domains, nodes, hashes, mechanisms.
func TestX13Names(t *testing.T) {
	s := start(t, limitsOff)
	must(t, s.Befriend(t, juliet, mallory))
	victim, w := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc")
	victim.send("<presence/>")
	done := make(chan struct{})
	go func() { // reads all that comes, and keeps none of it
		defer close(done)
		b := make([]byte, 64<<10)
		for {
			if _, err := victim.conn.Read(b); err != nil {
				return
			}
		}
	}()
	n := 0
	burst := func() {
		var b strings.Builder
		for range 20 {
			n++
			u := fmt.Sprintf("unique-%d-%s", n, strings.Repeat("x", 100))
			for _, form := range []string{
				"<message to='juliet@example.org/balcony' type='headline'><x xmlns='urn:%s'><%[1]s/></x></message>",
				"<message to='juliet@example.org/%s' type='headline'/>", "<message to='%s@example.org' type='headline'/>", "<message to='a@%s.example' type='headline'/>",
				"<iq type='get' id='%s' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info' node='%[1]s'/></iq>",
				"<iq type='set' id='i'><query xmlns='urn:%s'/></iq>", "<iq type='result' id='%s' to='example.org'/>",
				"<presence id='%s'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:%[1]s' ver='%[1]s'/></presence>",
				"<presence to='juliet@example.org/%s'/>", "<presence to='%s@example.org' type='probe'/>", "<iq type='get' id='l' to='%s@example.org'><query xmlns='jabber:iq:last'/></iq>",
			} {
				fmt.Fprintf(&b, form, u)
			}
		}
		w.send(b.String())
		w.fence()
	}
	for range 20 {
		burst()
	}
	before, from := heap(), n
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		burst()
	}
	grown := int64(heap()) - int64(before)
	// The peers that presence was sent to by address are remembered, up to a bound; so are hashes.
	if grown > 1<<20 {
		t.Errorf("%d times eleven names leave %d bytes", n-from, grown)
	}
	t.Logf("%d times eleven names leave %d bytes", n-from, grown)
	w.send(closed)
	w.ends()
	_ = victim.conn.Close()
	<-done
	s.unknownMechanisms(t)
}

// unknownMechanisms: what a client calls a mechanism is not counted under that name.
func (s *site) unknownMechanisms(t *testing.T) {
	for range 4 {
		w := s.opened(t)
		for i := range 7 {
			w.send(fmt.Sprintf("<auth xmlns='%s' mechanism='X-UNIQUE-%d'/>", nsSASL, i))
			w.until("<invalid-mechanism/>")
			w.until("</failure>")
		}
		_ = w.conn.Close()
	}
	for i := range 50 {
		w := s.clear(t)
		w.send(headerTo(fmt.Sprintf("unique-%d.example", i)))
		if got := w.dies("host-unknown"); strings.Contains(got, "unique") {
			t.Errorf("a domain that is not ours comes back: %s", got)
		}
	}
	for l := range s.C2S.Stats.Logins() {
		if strings.Contains(l.Mechanism, "UNIQUE") {
			t.Errorf("a client has made the label %q", l.Mechanism)
		}
	}
	if strings.Contains(s.Logged(), "X-UNIQUE") {
		t.Error("a client's own name of a mechanism is in the log")
	}
}
