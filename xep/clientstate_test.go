package xep

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A phone keeps the addresses of those whose stanzas reached it.
type phone struct {
	mu  sync.Mutex
	got []*xmpp.Stanza
}

func (p *phone) Send(k stream.Packet) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, k.Stanza)
	return true
}
func (*phone) Close(*stream.Error) {}
func (*phone) Remote() netip.Addr  { return netip.Addr{} }
func (*phone) Flush()              {}
func (*phone) Drop()               {}

func (p *phone) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// asleep is a session whose client is inactive.
func asleep(t *testing.T) (*server.Session, *phone) {
	t.Helper()
	h, err := server.New(server.Options{Domains: []string{"example.org"}, Users: anyone{}}, &ClientState{})
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{}
	s, err := h.Bind(t.Context(), xmpp.MustParseJID("juliet@example.org"), "phone", p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Closed(context.Background()) })
	sleep(t, s, "inactive")
	return s, p
}

func sleep(t *testing.T, s *server.Session, state string) {
	if !s.Nonza(t.Context(), xmpp.New(nsClientState, state)) {
		t.Fatalf("nobody knows <%s/>", state)
	}
}

func presenceOf(who, status string) *xmpp.Stanza {
	st := xmpp.NewStanza(xmpp.Presence, "", xmpp.New(xmpp.NSClient, "status", xmpp.Text(status)))
	st.From = xmpp.MustParseJID(who)
	return st
}

// What waits is bounded in number and in size; what has no room goes out, and so does all that came before it.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	s, p := asleep(t)
	for i := range mostHeld {
		s.SendStanza(presenceOf(fmt.Sprintf("u%d@example.org/r", i), ""))
	}
	for range 2 * mostHeld { // the latest of each: one sender takes one place
		s.SendStanza(presenceOf("u0@example.org/r", "again"))
	}
	if p.count() != 0 {
		t.Fatalf("%d did not wait", p.count())
	}
	s.SendStanza(presenceOf("last@example.org/r", ""))
	if p.count() != mostHeld+1 || p.got[0].From.Local() != "u1" || p.got[mostHeld-1].From.Local() != "u0" || p.got[mostHeld].From.Local() != "last" {
		t.Errorf("%d went out", p.count())
	}

	s, p = asleep(t)
	long := strings.Repeat("x", mostHeldBytes/4)
	for i := range 4 {
		s.SendStanza(presenceOf(fmt.Sprintf("u%d@example.org/r", i), long))
	}
	if p.count() != 4 {
		t.Errorf("%d long ones went out", p.count())
	}
	for range 10 {
		s.SendStanza(presenceOf("u0@example.org/r", long))
	}
	if p.count() != 4 {
		t.Errorf("the same sender's count twice: %d went out", p.count())
	}
}

// However a session's state changes meanwhile, nothing is lost and no sender's stanzas change places.
func TestNothingIsOvertaken(t *testing.T) {
	t.Parallel()
	s, p := asleep(t)
	const senders, each = 8, 300
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range each {
				from := fmt.Sprintf("u%d@example.org/%d", i, n) // a resource of its own, so that none replaces another
				if n%10 == 9 {
					st := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body", xmpp.Text("x")))
					st.From = xmpp.MustParseJID(from)
					s.SendStanza(st)
					continue
				}
				s.SendStanza(presenceOf(from, ""))
			}
		})
	}
	for range 200 {
		sleep(t, s, "active")
		sleep(t, s, "inactive")
	}
	wg.Wait()
	sleep(t, s, "active")
	next := map[string]int{}
	for _, st := range p.got {
		if want := fmt.Sprint(next[st.From.Local()]); st.From.Resource() != want {
			t.Fatalf("%s came before %s", st.From, want)
		}
		next[st.From.Local()]++
	}
	if p.count() != senders*each {
		t.Errorf("%d of %d arrived", p.count(), senders*each)
	}
}
