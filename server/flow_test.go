package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// slowStore commits in order, each passage a second after the one before.
type slowStore struct {
	mu     sync.Mutex
	queue  []func(error)
	fail   error
	wake   chan struct{}
	ending chan struct{}
}

func newSlowStore() *slowStore {
	return &slowStore{wake: make(chan struct{}, 1), ending: make(chan struct{})}
}

func (s *slowStore) Commit(_ []Write, done func(error)) {
	s.mu.Lock()
	s.queue = append(s.queue, done)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *slowStore) run() {
	for {
		s.mu.Lock()
		var next func(error)
		if len(s.queue) > 0 {
			next, s.queue = s.queue[0], s.queue[1:]
		}
		s.mu.Unlock()
		if next != nil {
			time.Sleep(time.Second) // of the bubble's clock
			next(s.failure())
			continue
		}
		select {
		case <-s.wake:
		case <-s.ending:
			return
		}
	}
}

func (s *slowStore) setFailure(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *slowStore) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail
}

type everyone struct{}

func (everyone) Exists(context.Context, xmpp.JID) (bool, error) { return true, nil }

// A sink is a connection that keeps what it is sent.
type sink struct {
	mu  sync.Mutex
	got []string
}

func (s *sink) Send(p stream.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p.Stanza.ID)
	return true
}
func (*sink) Close(*stream.Error) {}
func (*sink) Remote() netip.Addr  { return netip.Addr{} }
func (*sink) Flush()              {}
func (*sink) Drop()               {}

func (s *sink) ids() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.got)
}

type note struct{ owner xmpp.JID }

func (n note) Owner() xmpp.JID { return n.owner }

// A keeper writes every message that has a body to the store.
type keeper struct{ decided func(id string) }

func (keeper) Info() Info { return Info{Name: "keeper"} }
func (k keeper) Register(h *Host) {
	h.Hooks().Outbound = append(h.Hooks().Outbound, func(_ context.Context, p *Passage) error {
		if k.decided != nil {
			k.decided(p.Stanza.ID)
		}
		if p.Stanza.Has(xmpp.NSClient, "body") {
			p.Write(note{p.Sender()})
		}
		return nil
	})
}

// pair makes a host over a slow store, with two sessions of which the second is available.
func pair(t *testing.T, store *slowStore, k keeper, o Options) (a *Session, atA, atB *sink) {
	t.Helper()
	o.Domains, o.Users, o.Store = []string{"example.org"}, everyone{}, store
	h, err := New(o, k)
	if err != nil {
		t.Fatal(err)
	}
	atA, atB = &sink{}, &sink{}
	bind := func(user string, c Conn) *Session {
		s, err := h.Bind(t.Context(), xmpp.MustParseJID(user), "r", c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	b := bind("b@example.org", atB)
	b.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
	return bind("a@example.org", atA), atA, atB
}

func message(id string, kept bool) stream.Event {
	st := xmpp.NewStanza(xmpp.Message, "chat")
	if kept {
		st = xmpp.NewStanza(xmpp.Message, "chat", xmpp.New(xmpp.NSClient, "body", xmpp.Text("x")))
	}
	st.ID, st.To = id, xmpp.MustParseJID("b@example.org")
	return stream.Event{Kind: stream.Stanza, Stanza: st}
}

func request(typ, id string) stream.Event {
	st := xmpp.NewStanza(xmpp.IQ, typ, xmpp.New("urn:x", "q"))
	st.ID, st.To = id, xmpp.MustParseJID("b@example.org/r")
	return stream.Event{Kind: stream.Stanza, Stanza: st}
}

func TestStanzasAreToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		a, _, atB := pair(t, store, keeper{}, Options{})
		start := time.Now()
		a.Receive(t.Context(), message("1", true))
		a.Receive(t.Context(), message("2", false)) // writes nothing, and yet waits for the one before it
		a.Receive(t.Context(), request("get", "3"))
		a.Receive(t.Context(), message("4", true))
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the reader waited %v for commits", waited)
		}
		if got := atB.ids(); got != "[]" {
			t.Errorf("told before the commit: %s", got)
		}
		a.flow.settle()
		if got := atB.ids(); got != "[1 2 3 4]" {
			t.Errorf("told %s", got)
		}
	})
}

func TestBarrierWaitsAndIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		told := func() string { return "" }
		seen := map[string]string{}
		a, _, atB := pair(t, store, keeper{decided: func(id string) { seen[id] = told() }}, Options{})
		told = atB.ids
		start := time.Now()
		a.Receive(t.Context(), message("1", true))
		a.Receive(t.Context(), request("set", "2"))
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("a barrier waited %v for the commit before it, not 1s", waited)
		}
		if got := seen["2"]; got != "[1]" {
			t.Errorf("the barrier was decided when %s had been told", got)
		}
		if got := atB.ids(); got != "[1 2]" {
			t.Errorf("after the barrier %s has been told", got)
		}
	})
}

func TestWindowIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		a, _, _ := pair(t, store, keeper{}, Options{Window: 3})
		start := time.Now()
		for _, id := range []string{"1", "2", "3"} {
			a.Receive(t.Context(), message(id, true))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the reader waited %v inside the window", waited)
		}
		a.Receive(t.Context(), message("4", true))
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("a full window held the reader up for %v, not 1s", waited)
		}
		a.flow.settle()
	})
}

func TestFailedCommitIsNotTold(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want xmpp.Condition
	}{
		{"away", fmt.Errorf("store: %w", ErrAway), xmpp.ErrResourceConstraint.Condition},
		{"broken", errors.New("disk on fire"), xmpp.ErrInternal.Condition},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newSlowStore()
				store.fail = c.err
				go store.run()
				defer close(store.ending)
				a, atA, atB := pair(t, store, keeper{}, Options{})
				a.Receive(t.Context(), message("1", true))
				a.flow.settle()
				if got := atB.ids(); got != "[]" {
					t.Errorf("told %s", got)
				}
				if got := atA.ids(); got != "[1]" {
					t.Errorf("the sender got %s, not the error", got)
				}
				if e := a.host.stanzaError(message("1", true).Stanza, c.err); e.Condition != c.want {
					t.Errorf("the error is %s, not %s", e.Condition, c.want)
				}
			})
		})
	}
}

// A window is bounded in bytes, too; what is too large for it alone still goes.
func TestWindowIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		a, _, atB := pair(t, store, keeper{}, Options{})
		large := func(id string, size int) stream.Event {
			st := xmpp.NewStanza(xmpp.Message, "chat", xmpp.New(xmpp.NSClient, "body", xmpp.Text(strings.Repeat("x", size))))
			st.ID, st.To = id, xmpp.MustParseJID("b@example.org")
			return stream.Event{Kind: stream.Stanza, Stanza: st}
		}
		start := time.Now()
		a.Receive(t.Context(), large("1", 2*windowBytes))
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the first waited %v", waited)
		}
		a.Receive(t.Context(), large("2", windowBytes/2))
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("the second waited %v, not 1s", waited)
		}
		a.Receive(t.Context(), large("3", windowBytes/4))
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("the third, for which there is room, waited %v", waited)
		}
		a.flow.settle()
		if got := atB.ids(); got != "[1 2 3]" || a.flow.size != 0 {
			t.Errorf("told %s, %d bytes are left", got, a.flow.size)
		}
	})
}

// A mistake in a module ends the stream that the stanza came on. The server, and what others have sent, goes on; nothing is left held.
func TestModuleThatFails(t *testing.T) {
	fails := func(context.Context, *Passage) error { panic("as the test wants it") }
	for name, c := range map[string]struct {
		hooks    func(h *Hooks)
		kept     bool
		recovers bool // on the reader it is the transport that does
	}{
		"decide": {func(h *Hooks) { h.Inbound = append(h.Inbound, fails) }, false, false},
		"tell": {func(h *Hooks) {
			h.Delivered = append(h.Delivered, func(context.Context, *Passage, []*Session) { panic("tell") })
		}, false, false},
		"after a commit": {func(h *Hooks) {
			h.Delivered = append(h.Delivered, func(context.Context, *Passage, []*Session) { panic("tell") })
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newSlowStore()
				go store.run()
				defer close(store.ending)
				var after int
				h := newHost(t, Options{Store: store}, func(h *Host) {
					keeper{}.Register(h)
					h.Hooks().Outbound = append(h.Hooks().Outbound, func(_ context.Context, p *Passage) error {
						p.After(func(context.Context) { after++ })
						return nil
					})
					c.hooks(h.Hooks())
				})
				a, at := attended(t, h, "a@example.org/r")
				b, _ := attended(t, h, "b@example.org/r")
				b.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
				func() {
					defer func() {
						if v := recover(); (v == nil) != c.recovers {
							t.Errorf("the reader sees %v", v)
						}
					}()
					a.Receive(t.Context(), message("1", c.kept))
				}()
				a.flow.settle()
				if c.recovers && (at.why == nil || at.why.Condition != stream.InternalServerError) {
					t.Errorf("the stream ended with %v", at.why)
				}
				if name != "decide" && after != 1 {
					t.Errorf("what is to be done after it was done %d times", after)
				}
				b.End(nil)
				<-b.Gone()
				synctest.Wait()
				if h.InUse(b.JID.Bare()) != nil {
					t.Error("the recipient is still held")
				}
			})
		})
	}
}
