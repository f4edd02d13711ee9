package presence_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// witness writes down what the modules are told of.
type witness struct {
	mu   sync.Mutex
	seen []string
}

var kinds = map[server.PresenceKind]string{
	server.BecameAvailable: "available", server.PresenceUpdated: "updated", server.BecameUnavailable: "unavailable",
	server.Directed: "directed", server.DirectedEnd: "directed-end", server.Subscribed: "subscribed", server.Unsubscribed: "unsubscribed",
}

func (*witness) Info() server.Info { return server.Info{Name: "witness"} }
func (w *witness) Register(h *server.Host) {
	h.Hooks().PresenceChanged = append(h.Hooks().PresenceChanged, func(_ context.Context, c server.PresenceChange) {
		w.mu.Lock()
		defer w.mu.Unlock()
		who := c.Account.Local()
		if c.Session != nil {
			who += "/" + c.Session.JID.Resource()
		}
		w.seen = append(w.seen, fmt.Sprintf("%s %s %s", kinds[c.Kind], who, c.Contact))
	})
}

func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.seen
	w.seen = nil
	return out
}

func say(t *testing.T, s *server.Session, typ, to string) {
	t.Helper()
	st := xmpp.NewStanza(xmpp.Presence, typ)
	if to != "" {
		st.To = xmpp.MustParseJID(to)
	}
	s.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := &witness{}
	x := newTown(t, 2, 0, w)
	defer x.leave()
	s, other := x.login(t, 0, false), x.login(t, 1, false)
	for _, c := range []struct {
		by      *server.Session
		typ, to string
		want    []string
	}{
		{s, "unavailable", "", nil},
		{s, "", "", []string{"available person0/phone "}},
		{s, "", "", []string{"updated person0/phone "}},
		{s, "", "person0@example.org", nil},
		{s, "", "room@example.org/nick", []string{"directed person0/phone room@example.org/nick"}},
		{s, "", "room@example.org/nick", []string{"directed person0/phone room@example.org/nick"}},
		{s, "unavailable", "room@example.org/nick", []string{"directed-end person0/phone room@example.org/nick"}},
		{s, "unavailable", "room@example.org/nick", nil},
		{s, "", "person1@example.org/phone", []string{"directed person0/phone person1@example.org/phone"}},
		{other, "unavailable", "person0@example.org/phone", []string{"directed-end person0/phone person1@example.org/phone"}},
		{s, "", "person1@example.org", []string{"directed person0/phone person1@example.org"}},
		{other, "subscribe", "person0@example.org", nil},
		{s, "subscribed", "person1@example.org", []string{"subscribed person0 person1@example.org"}},
		{s, "unsubscribed", "person1@example.org", []string{"directed-end person0/phone person1@example.org", "unsubscribed person0 person1@example.org"}},
		{s, "", "room@example.org/nick", []string{"directed person0/phone room@example.org/nick"}},
		{s, "unavailable", "", []string{"directed-end person0/phone room@example.org/nick", "unavailable person0/phone "}},
		{s, "unavailable", "", nil},
		{s, "", "", []string{"available person0/phone "}},
	} {
		say(t, c.by, c.typ, c.to)
		if got := w.take(); !slices.Equal(got, c.want) {
			t.Errorf("%s to %q by %s: %q, want %q", c.typ, c.to, c.by.JID, got, c.want)
		}
	}
	s.Closed(t.Context())
	if got := w.take(); !slices.Equal(got, []string{"unavailable person0/phone "}) {
		t.Errorf("closed: %q", got)
	}
}

// A session's memory of whom it has sent presence is bounded; whoever was in it is told when it goes.
func TestDirectedIsBounded(t *testing.T) {
	t.Parallel()
	w := &witness{}
	x := newTown(t, 1, 0, w)
	s := x.login(t, 0, false)
	for i := range 600 {
		say(t, s, "", fmt.Sprintf("room%d@example.org/nick", i))
	}
	if n := len(w.take()); n != 500 || x.conns[0].Sent != 100 {
		t.Errorf("%d remembered, %d refused", n, x.conns[0].Sent)
	}
	say(t, s, "", "room7@example.org/nick") // one that is there already is no more
	say(t, s, "unavailable", "room7@example.org/nick")
	say(t, s, "", "room600@example.org/nick")
	if n := len(w.take()); n != 3 || x.conns[0].Sent != 100 {
		t.Errorf("%d events, %d refused", n, x.conns[0].Sent)
	}
	s.Closed(t.Context())
	if n := len(w.take()); n != 500 {
		t.Errorf("%d withdrawn", n)
	}
}

// However presence and subscriptions change at once, in the end everybody knows what is so.
func TestNobodyIsLeftWithOldPresence(t *testing.T) {
	t.Parallel()
	const people = 8
	x := newTown(t, people, 6)
	defer x.leave()
	var views []*view
	for i := range people {
		v := &view{last: map[xmpp.JID]string{}}
		s, err := x.host.Bind(t.Context(), person(i), "phone", v)
		if err != nil {
			t.Fatal(err)
		}
		v.Session = s
		x.sessions = append(x.sessions, s)
		views = append(views, v)
	}
	var all sync.WaitGroup
	for i, v := range views {
		all.Go(func() {
			for n := range 80 {
				ev := available(fmt.Sprintf("%d.%d", i, n))
				if n%7 == 3 {
					st := *ev.Stanza
					st.Type = xmpp.TypeUnavailable
					ev.Stanza = &st
				}
				v.Receive(t.Context(), ev)
			}
		})
	}
	all.Wait()
	for i, v := range views {
		for d := -3; d <= 3; d++ {
			friend := views[(i+d+people)%people]
			want, _ := friend.Presence().Child(xmpp.NSClient, "status")
			v.mu.Lock()
			if got := v.last[friend.JID]; got != want.Content() {
				t.Errorf("%s believes that %s is %q; it is %q", v.JID, friend.JID, got, want.Content())
			}
			v.mu.Unlock()
		}
	}
}

// view is a client that remembers the last presence of each.
type view struct {
	*server.Session

	mu   sync.Mutex
	last map[xmpp.JID]string
}

func (v *view) Send(p stream.Packet) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	status, _ := p.Stanza.Child(xmpp.NSClient, "status")
	v.last[p.Stanza.From] = status.Content()
	return true
}
func (v *view) Close(*stream.Error) {}
func (v *view) Remote() netip.Addr  { return netip.Addr{} }
func (*view) Flush()                {}
func (*view) Drop()                 {}
