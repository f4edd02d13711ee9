package stream

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"palabre/xmpp"
)

// A page is a Ledger as one would write it who had all the memory in the world: every stanza that was sent has its number.
type page struct {
	sent  uint64
	acked uint64
	kept  []string // what was sent and not acknowledged, then what waits
}

func packetOf(n int, kind xmpp.Kind, mark int64, size int) Packet {
	st := xmpp.NewStanza(kind, "", xmpp.New(xmpp.NSClient, "body", xmpp.Text(strings.Repeat("x", size))))
	st.ID = fmt.Sprint(n)
	return Packet{Stanza: st, Mark: mark}
}

// text is what a client gets of a packet; marks stand for their stanzas.
func text(p *Packet) string {
	if p.Mark != 0 {
		return fmt.Sprint("mark ", p.Mark)
	}
	return string(p.AppendTo(nil))
}

// TestLedgerAgainstModel has both do the same things, from just before the count begins anew at 2^32.
func TestLedgerAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := uint64(1<<32 - 20)
		l, m := NewLedger(uint32(start)), page{sent: start, acked: start}
		n := 0
		next := func() Packet {
			n++
			kind := rapid.SampledFrom([]xmpp.Kind{xmpp.Message, xmpp.Presence, xmpp.IQ}).Draw(t, "kind")
			return packetOf(n, kind, int64(rapid.SampledFrom([]int{0, n}).Draw(t, "mark")), rapid.IntRange(0, 3000).Draw(t, "size"))
		}
		connected := true
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				p := next()
				if m.kept = append(m.kept, text(&p)); connected {
					l.Sent(p)
					m.sent++
				} else {
					l.Keep(p)
				}
			},
			"acknowledge": func(t *rapid.T) {
				h := m.acked + uint64(rapid.IntRange(-3, 6).Draw(t, "more"))
				marks, err := l.Ack(uint32(h))
				if ok := h >= m.acked && h <= m.sent; ok != (err == nil) || err != nil && !errors.Is(err, ErrTooHigh) {
					t.Fatalf("%d of %d after %d: %v", h, m.sent, m.acked, err)
				}
				if err != nil {
					return
				}
				done := m.kept[:h-m.acked]
				var got []string
				for _, id := range marks {
					got = append(got, fmt.Sprint("mark ", id))
				}
				if want := slices.DeleteFunc(slices.Clone(done), func(s string) bool { return s[0] == '<' }); !slices.Equal(got, want) {
					t.Fatalf("marks %q, want %q", got, want)
				}
				m.acked, m.kept = h, m.kept[len(done):]
			},
			"lose the connection": func(t *rapid.T) { connected = false },
			"resume": func(t *rapid.T) {
				if connected {
					return
				}
				connected = true
				again := slices.Clone(l.Empty())
				m.kept, m.sent = nil, m.acked
				for i := range again {
					l.Sent(again[i])
					m.kept = append(m.kept, text(&again[i]))
					m.sent++
				}
			},
			"restart": func(t *rapid.T) {
				sent, acked := l.Counts()
				l = RestoreLedger(sent, acked, slices.Clone(l.Kept()))
			},
			"": func(t *rapid.T) {
				sent, acked := l.Counts()
				if sent != uint32(m.sent) || acked != uint32(m.acked) {
					t.Fatalf("counts %d, %d; want %d, %d", sent, acked, uint32(m.sent), uint32(m.acked))
				}
				var got []string
				whole, weights := 0, 0
				for i, p := range l.Kept() {
					got = append(got, text(&p))
					weights += weight(&l.Kept()[i])
					if p.Stanza != nil {
						whole += weight(&p)
					}
				}
				if !slices.Equal(got, m.kept) {
					t.Fatalf("kept %q, want %q", got, m.kept)
				}
				if l.size != weights || whole > keptWhole {
					t.Fatalf("the size is %d, not %d; %d bytes are kept whole", l.size, weights, whole)
				}
			},
		})
	})
}

// What is asked: as soon as there is something that matters, or much of what does not; and not twice.
func TestLedgerAsks(t *testing.T) {
	t.Parallel()
	l := NewLedger(0)
	ask := func(want bool, when string) {
		t.Helper()
		if got := l.Ask(); got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
	ack := func(h uint32) {
		t.Helper()
		if _, err := l.Ack(h); err != nil {
			t.Fatal(err)
		}
	}
	ask(false, "nothing sent")
	for i := range quietMost - 1 {
		l.Sent(packetOf(i, xmpp.Presence, 0, 10))
	}
	ask(false, "some presence")
	l.Sent(packetOf(20, xmpp.Presence, 0, 10))
	ask(true, "much presence")
	ask(false, "asked already")
	ack(5)
	ask(false, "some presence is left")
	l.Sent(packetOf(21, xmpp.Message, 0, 10))
	ask(true, "a message")
	ack(5)
	ask(true, "the answer had nothing new")
	ack(21)
	ask(false, "all acknowledged")
	l.Sent(packetOf(22, xmpp.Presence, 0, 10))
	ask(false, "presence, and the message is forgotten")
}

// A client that never acknowledges is found out before it costs much, whatever it is sent.
func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Packet{
		"small": packetOf(1, xmpp.Presence, 0, 0), "large": packetOf(1, xmpp.Message, 0, 100_000), "archived": packetOf(1, xmpp.Message, 7, 1000),
	} {
		l, n := NewLedger(0), 0
		for ; !l.IsFull(); n++ {
			l.Sent(p)
		}
		if n < 5 || n > keptCount+1 || l.size > keptBytes+200_000 {
			t.Errorf("%s: %d stanzas, %d bytes", name, n, l.size)
		}
		t.Logf("%s: full after %d", name, n)
	}
}

// What many are sent is kept once for all of them, and counts like the rest.
func TestLedgerShares(t *testing.T) {
	t.Parallel()
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeGroupchat, xmpp.New(xmpp.NSClient, "body", xmpp.Text(strings.Repeat("x", 8<<10))))
	l := NewLedger(0)
	n := 0
	for ; !l.IsFull(); n++ {
		l.Sent(Packet{Stanza: st, Shared: true})
	}
	if most := keptBytes / (8 << 10); n > most+1 || n < most/2 {
		t.Errorf("it is full of %d", n)
	}
	for _, p := range l.Kept() {
		if p.Stanza != st || p.Raw != "" {
			t.Fatal("it has made a copy")
		}
	}
}
