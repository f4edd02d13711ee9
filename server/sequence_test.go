package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// A room is the least that a room is: one order for whoever writes to it.
type room struct {
	host    *Host
	seq     *Sequence
	mu      sync.Mutex
	ordered []string
	told    []string
	archive bool
}

func (*room) Info() Info { return Info{Name: "room"} }

func (r *room) Register(h *Host) {
	r.host, r.seq = h, h.NewSequence()
	h.HandleDomain("rooms.example.org", func(_ context.Context, p *Passage) error { return nil })
	h.DecideDomain("rooms.example.org", func(_ context.Context, p *Passage) error {
		if p.Stanza.Kind == xmpp.IQ {
			return xmpp.ErrForbidden
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		id := p.Stanza.ID
		r.ordered = append(r.ordered, id)
		var writes []Write
		if r.archive {
			writes = append(writes, note{p.Stanza.To})
		}
		r.seq.Add(p, writes, func(ctx context.Context, err error) {
			if err != nil {
				id += " failed"
			}
			if id == "panic" {
				panic("as the test wants it")
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, id)
		})
		return nil
	})
}

func (r *room) are(t *testing.T, list *[]string, want string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.Join(*list, " "); got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func toRoom(id string) stream.Event {
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeGroupchat, xmpp.New(xmpp.NSClient, "body", xmpp.Text("x")))
	st.ID, st.To = id, xmpp.MustParseJID("r@rooms.example.org")
	return stream.Event{Kind: stream.Stanza, Stanza: st}
}

func rooms(t *testing.T, archive bool) (*room, *slowStore, *Session, *Session) {
	t.Helper()
	store, r := newSlowStore(), &room{archive: archive}
	h, err := New(Options{Domains: []string{"example.org"}, Users: everyone{}, Store: store}, r)
	if err != nil {
		t.Fatal(err)
	}
	go store.run()
	t.Cleanup(func() { close(store.ending) })
	a, b := mustBind(t, h, "a@example.org/r", &sink{}), mustBind(t, h, "b@example.org/r", &sink{})
	t.Cleanup(func() {
		a.Closed(context.Background())
		b.Closed(context.Background())
	})
	return r, store, a, b
}

// What many send to a room is decided at once, committed and told in the room's order, and holds up nobody but who waits for it.
func TestSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, a, b := rooms(t, true)
		start := time.Now()
		for i := range 3 {
			a.Receive(t.Context(), toRoom(fmt.Sprint("a", i)))
			b.Receive(t.Context(), toRoom(fmt.Sprint("b", i)))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("a reader waited %v", waited)
		}
		r.are(t, &r.ordered, "a0 b0 a1 b1 a2 b2")
		r.are(t, &r.told, "")
		a.Receive(t.Context(), message("after", false)) // waits behind the room
		if got := b.conn.Load().Conn.(*sink).ids(); got != "[]" {
			t.Errorf("overtaken by %s", got)
		}
		a.Receive(t.Context(), request("set", "barrier"))
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("a barrier waited %v, not for the five commits up to the last of this stream", waited)
		}
		r.are(t, &r.told, "a0 b0 a1 b1 a2")
		r.seq.Settle()
		r.are(t, &r.told, "a0 b0 a1 b1 a2 b2")
		if r.host.InUse(xmpp.MustParseJID("r@rooms.example.org")) != nil {
			t.Error("an account is held for the room")
		}
	})
}

func TestSequenceWithoutWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, a, b := rooms(t, false)
		a.Receive(t.Context(), toRoom("1"))
		b.Receive(t.Context(), toRoom("2"))
		r.seq.Add(nil, nil, func(context.Context, error) { r.told = append(r.told, "own") })
		synctest.Wait()
		r.are(t, &r.told, "1 2 own")
		st := toRoom("3").Stanza
		st.From = a.JID.Bare()
		r.host.Route(t.Context(), st)
		r.are(t, &r.told, "1 2 own 3")
		leave := &xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeUnavailable, ID: "4", From: a.JID}
		r.host.Multicast(t.Context(), leave, func(yield func(xmpp.JID) bool) { yield(st.To) })
		r.are(t, &r.told, "1 2 own 3 4")
		ask := request("get", "5")
		ask.Stanza.To = st.To
		a.Receive(t.Context(), ask)
		if got := a.conn.Load().Conn.(*sink).ids(); got != "[5]" {
			t.Errorf("a refusal of the room's arrived as %s", got)
		}
	})
}

// The sender of what could not be committed is told; so is the sender of what the room could not deal with, and all goes on.
func TestSequenceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store, a, b := rooms(t, true)
		store.setFailure(fmt.Errorf("test: %w", ErrAway))
		a.Receive(t.Context(), toRoom("1"))
		a.flow.settle()
		r.are(t, &r.told, "1 failed")
		if got := a.conn.Load().Conn.(*sink).ids(); got != "[1]" {
			t.Errorf("the sender got %s, not an error", got)
		}
		store.setFailure(nil)
		a.Receive(t.Context(), toRoom("panic"))
		b.Receive(t.Context(), toRoom("2"))
		r.seq.Settle()
		a.flow.settle()
		b.flow.settle()
		r.are(t, &r.told, "1 failed 2")
		if got := a.conn.Load().Conn.(*sink).ids(); got != "[1 panic]" {
			t.Errorf("the sender got %s, not two errors", got)
		}
	})
}

// A Link carries many senders; what they send is told in order, in a window, and answers go to the handler of their domain.
func TestLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		var mu sync.Mutex
		var away []string
		h := newHost(t, Options{Store: store, Window: 3}, func(h *Host) {
			h.HandleOthers(func(_ context.Context, p *Passage) error {
				mu.Lock()
				defer mu.Unlock()
				away = append(away, p.Stanza.To.String()+" "+p.Stanza.Type+" "+p.Stanza.ID)
				return nil
			})
			h.Hooks().Inbound = append(h.Hooks().Inbound, func(_ context.Context, p *Passage) error {
				p.Write(note{p.Recipient.JID})
				return nil
			})
			h.HandleIQ(ToDomain, "urn:x", "later", func(context.Context, *Request) (xmpp.Element, error) {
				return xmpp.Element{}, Later(func(context.Context) (xmpp.Element, error) { return xmpp.Element{}, nil })
			})
		})
		at := &sink{}
		b := mustBind(t, h, "b@example.org/r", at)
		defer b.Closed(t.Context())
		b.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
		l := h.NewLink()
		from := func(user string, ev stream.Event) {
			ev.Stanza.From = xmpp.MustParseJID(user + "@far.example/x")
			l.Receive(t.Context(), ev.Stanza)
		}
		start := time.Now()
		for i, user := range []string{"u", "v", "w"} {
			from(user, message(fmt.Sprint(i), false))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v inside the window", waited)
		}
		from("u", message("3", false))
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("a full window held it up for %v", waited)
		}
		from("u", askDomain("q", "later"))
		from("u", askDomain("none", "none"))
		toNobody := message("n", false)
		toNobody.Stanza.To = xmpp.MustParseJID("b@example.org/gone")
		toNobody.Stanza.Type = xmpp.TypeGroupchat
		from("v", toNobody)
		l.Closed()
		synctest.Wait()
		h.Route(t.Context(), &xmpp.Stanza{Kind: xmpp.Message, ID: "out", From: b.JID, To: xmpp.MustParseJID("u@far.example")})
		if got := at.ids(); got != "[0 1 2 3]" {
			t.Errorf("told %s", got)
		}
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(away)
		if got := strings.Join(away, ", "); got != "u@far.example  out, u@far.example/x error none, u@far.example/x result q, v@far.example/x error n" {
			t.Errorf("answers: %s", got)
		}
	})
}

func TestDomainsAreHandledOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t, Options{}, func(*Host) {})
	fn := func(context.Context, *Passage) error { return nil }
	h.HandleDomain("one.example", fn)
	h.DecideDomain("one.example", fn)
	h.HandleOthers(fn)
	for name, again := range map[string]func(){
		"handled":  func() { h.HandleDomain("one.example", fn) },
		"own":      func() { h.HandleDomain("example.org", fn) },
		"decided":  func() { h.DecideDomain("one.example", fn) },
		"unknown":  func() { h.DecideDomain("two.example", fn) },
		"others":   func() { h.HandleOthers(fn) },
		"presence": func() { h.HandlePresence("probe", fn); h.HandlePresence("probe", fn) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it is taken twice", name)
				}
			}()
			again()
		}()
	}
}
