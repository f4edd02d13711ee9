package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// A part is a module made for one test.
type part func(h *Host)

func (part) Info() Info         { return Info{Name: "part"} }
func (p part) Register(h *Host) { p(h) }

func newHost(t *testing.T, o Options, p part) *Host {
	t.Helper()
	o.Domains, o.Users = []string{"example.org"}, everyone{}
	if o.Store == nil {
		o.Store = &ledger{}
	}
	h, err := New(o, p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A stub is a transport without a socket: it keeps what it is sent, and why it was closed.
type stub struct {
	sink
	why    *stream.Error
	closed chan struct{}
}

func newStub() *stub { return &stub{closed: make(chan struct{})} }

func (s *stub) Close(e *stream.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		s.why = e
		close(s.closed)
	}
}
func (*stub) Remote() netip.Addr { return netip.Addr{} }
func (*stub) Flush()             {}
func (*stub) Drop()              {}

func mustBind(t *testing.T, h *Host, address string, c Conn) *Session {
	t.Helper()
	jid := xmpp.MustParseJID(address)
	s, err := h.Bind(t.Context(), jid.Bare(), jid.Resource(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// end does what a transport does at the end of a session.
func end(s *Session) {
	s.Closed(context.Background())
	s.Parted(context.Background(), nil)
}

// attended binds a session whose transport ends it when it is told to.
func attended(t *testing.T, h *Host, address string) (*Session, *stub) {
	t.Helper()
	c := newStub()
	s := mustBind(t, h, address, c)
	go func() {
		<-c.closed
		end(s)
	}()
	t.Cleanup(func() {
		s.End(nil)
		<-s.Gone()
	})
	return s, c
}

func TestResourceIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		h := newHost(t, Options{}, func(h *Host) {
			h.Hooks().SessionOpened = append(h.Hooks().SessionOpened, func(_ context.Context, s *Session) { told = append(told, "opened "+s.ID) })
			h.Hooks().SessionClosed = append(h.Hooks().SessionClosed, func(_ context.Context, s *Session) {
				time.Sleep(time.Second) // of the bubble's clock
				told = append(told, "closed "+s.ID)
			})
		})
		old, at := attended(t, h, "a@example.org/r")
		other, _ := attended(t, h, "a@example.org/x")
		now, _ := attended(t, h, "a@example.org/r")
		want := []string{"opened " + old.ID, "opened " + other.ID, "closed " + old.ID, "opened " + now.ID}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, not %q", told, want)
		}
		if at.why == nil || at.why.Condition != stream.Conflict {
			t.Errorf("the old session ended with %v", at.why)
		}
		if got := now.Account.Sessions(); !slices.Equal(got, []*Session{other, now}) {
			t.Errorf("sessions are %v", got)
		}
	})
}

// A resource whose session is on its way out is not free before its end has been told: else contacts would see the new one leave.
func TestResourceOnItsWayOutIsWaitedFor(t *testing.T) {
	for name, leave := range map[string]func(s *Session){
		"ended":  func(s *Session) { s.End(nil) },
		"closed": func(s *Session) { go s.Closed(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHost(t, Options{}, func(h *Host) {
					h.Hooks().SessionClosed = append(h.Hooks().SessionClosed, func(context.Context, *Session) { time.Sleep(time.Second) })
				})
				old, at := attended(t, h, "a@example.org/r")
				leave(old)
				synctest.Wait()
				if len(old.Account.Sessions()) != 0 {
					t.Error("the session is still there")
				}
				start := time.Now()
				now, _ := attended(t, h, "a@example.org/r")
				if waited := time.Since(start); waited != time.Second || !old.IsClosed() {
					t.Errorf("waited %v", waited)
				}
				at.Close(nil)
				now.End(nil)
				<-now.Gone()
				synctest.Wait()
				if a := h.InUse(now.JID.Bare()); a != nil {
					t.Errorf("the account is still held: %+v", a)
				}
			})
		})
	}
}

func TestBindGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, Options{}, func(*Host) {})
		old := mustBind(t, h, "a@example.org/r", newStub()) // whose transport does not end it
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s, err := h.Bind(ctx, old.JID.Bare(), "r", newStub()); s != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, %v", s, err)
		}
		end(old)
		if n := h.Stats.Sessions(); n != 0 || h.InUse(old.JID.Bare()) != nil {
			t.Errorf("%d sessions are left", n)
		}
		if _, err := h.Bind(t.Context(), old.JID.Bare(), "\x00", newStub()); !errors.Is(err, xmpp.ErrJIDMalformed) && !strings.Contains(fmt.Sprint(err), "resource") {
			t.Errorf("a resource that is none: %v", err)
		}
	})
}

func TestMostSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, Options{MaxSessions: 3}, func(*Host) {})
		var all []*Session
		var at []*stub
		for i := range 3 {
			s, c := attended(t, h, fmt.Sprintf("a@example.org/r%d", i))
			all, at = append(all, s), append(at, c)
			time.Sleep(time.Second)
		}
		all[0].Receive(t.Context(), message("1", false))
		last, _ := attended(t, h, "a@example.org/r3")
		synctest.Wait()
		if at[1].why == nil || at[1].why.Condition != stream.PolicyViolation || !all[1].IsClosed() {
			t.Errorf("the one that is idle the longest ended with %v", at[1].why)
		}
		if got := last.Account.Sessions(); !slices.Equal(got, []*Session{all[0], all[2], last}) {
			t.Errorf("%d sessions are left", len(got))
		}
	})
}

// Whoever has been ended is heard no more, though the transport has read more than that; what it sent before is told.
func TestEndedSessionIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		a, _, atB := pair(t, store, keeper{}, Options{})
		a.Receive(t.Context(), message("before", true))
		a.End(nil)
		a.Receive(t.Context(), message("after", false))
		a.Receive(t.Context(), message("after", true))
		if !a.Nonza(t.Context(), xmpp.New("urn:x", "unknown")) {
			a.flow.settle()
		}
		a.Closed(t.Context())
		if got := atB.ids(); got != "[before]" {
			t.Errorf("told %s", got)
		}
	})
}

// A hook may refuse a session: nothing that its client has sent already counts.
func TestSessionRefusedAsItOpens(t *testing.T) {
	t.Parallel()
	h, _ := hall(t, &ledger{}, &deciders{}, "b")
	h.Hooks().SessionOpened = append(h.Hooks().SessionOpened, func(_ context.Context, s *Session) {
		s.End(&stream.Error{Condition: stream.NotAuthorized})
	})
	c := newStub()
	s := mustBind(t, h, "a@example.org/r", c)
	s.Receive(t.Context(), message("1", false))
	s.Closed(t.Context())
	if got := h.Online(xmpp.MustParseJID("b@example.org")).Session("on").conn.Load().Conn.(*wire).take(); len(got) != 0 {
		t.Errorf("told %q", got)
	}
	if c.why == nil || c.why.Condition != stream.NotAuthorized {
		t.Errorf("ended with %v", c.why)
	}
}

// What comes for a session that is being closed goes where it can be read, or kept.
func TestNothingIsLostWhileASessionCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		a, atA, atB := pair(t, store, keeper{}, Options{})
		var kept []string
		var mu sync.Mutex
		a.host.Hooks().Undelivered = append(a.host.Hooks().Undelivered, func(_ context.Context, p *Passage, _ []*Session) {
			mu.Lock()
			defer mu.Unlock()
			kept = append(kept, p.Stanza.ID)
		})
		b := a.host.Online(xmpp.MustParseJID("b@example.org")).Session("r")
		b.Receive(t.Context(), message("own", true)) // waits for its commit
		go b.Closed(context.Background())
		synctest.Wait()
		if len(b.Account.Sessions()) != 0 {
			t.Error("it is still there")
		}
		a.Receive(t.Context(), message("late", false))
		mu.Lock()
		got := fmt.Sprint(kept)
		mu.Unlock()
		if got != "[late]" {
			t.Errorf("to be kept: %s", got)
		}
		if got := atA.ids(); got != "[]" {
			t.Errorf("the sender got %s", got)
		}
		<-b.Gone()
		if got := atB.ids(); got != "[]" {
			t.Errorf("a session that has gone got %s", got)
		}
	})
}

func TestHookThatFailsAtTheEnd(t *testing.T) {
	t.Parallel()
	var told []string
	h := newHost(t, Options{}, func(h *Host) {
		h.Hooks().SessionClosed = append(h.Hooks().SessionClosed,
			func(context.Context, *Session) { panic("as the test wants it") },
			func(context.Context, *Session) { told = append(told, "second") })
	})
	s := mustBind(t, h, "a@example.org/r", newStub())
	s.Closed(t.Context())
	end(s)
	select {
	case <-s.Gone():
	default:
		t.Error("it has not gone")
	}
	if fmt.Sprint(told) != "[second]" || h.InUse(s.JID.Bare()) != nil || h.Stats.Sessions() != 0 {
		t.Errorf("told %v, %d sessions", told, h.Stats.Sessions())
	}
}

func TestManyTakeTheSameResource(t *testing.T) {
	t.Parallel()
	h := newHost(t, Options{}, func(h *Host) {
		var mu sync.Mutex
		open := map[xmpp.JID]int{}
		h.Hooks().SessionOpened = append(h.Hooks().SessionOpened, func(_ context.Context, s *Session) {
			mu.Lock()
			defer mu.Unlock()
			if open[s.JID]++; open[s.JID] > 1 {
				t.Errorf("%s is open %d times", s.JID, open[s.JID])
			}
		})
		h.Hooks().SessionClosed = append(h.Hooks().SessionClosed, func(_ context.Context, s *Session) {
			mu.Lock()
			defer mu.Unlock()
			open[s.JID]--
		})
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				c := newStub()
				s, err := h.Bind(t.Context(), xmpp.MustParseJID("a@example.org"), fmt.Sprintf("r%d", (i+n)%3), c)
				if err != nil {
					t.Error(err)
					return
				}
				wg.Go(func() {
					<-c.closed
					end(s)
				})
				if n%2 == 0 {
					s.End(nil)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			if n := h.Stats.Sessions(); n != 0 || h.InUse(xmpp.MustParseJID("a@example.org")) != nil {
				t.Errorf("%d sessions are left", n)
			}
			return
		case <-tick.C:
			for _, s := range h.Sessions() {
				s.End(nil)
			}
		}
	}
}

func TestSaveAndRestore(t *testing.T) {
	t.Parallel()
	h := newHost(t, Options{}, func(h *Host) {
		color := NewSessionSlot[string](h)
		h.Hooks().SessionSaved = append(h.Hooks().SessionSaved, func(s *Session, put func(string, []byte)) {
			if c := color.Peek(s); c != nil {
				put("color", []byte(*c))
			}
		})
		h.Hooks().SessionRestored = append(h.Hooks().SessionRestored, func(s *Session, get func(string) []byte) {
			if b := get("color"); b != nil {
				*color.Get(s) = string(b)
			}
		})
		h.Hooks().SessionOpened = append(h.Hooks().SessionOpened, func(_ context.Context, s *Session) {
			if s.JID.Resource() == "first" {
				*color.Get(s) = "red"
			}
		})
	})
	first, second := mustBind(t, h, "a@example.org/first", newStub()), mustBind(t, h, "a@example.org/second", newStub())
	defer first.Closed(t.Context())
	defer second.Closed(t.Context())
	if got := second.Save(); len(got) != 0 {
		t.Errorf("nothing is saved as %q", got)
	}
	second.Restore(first.Save())
	if got := second.Save(); len(got) != 1 || string(got["color"]) != "red" {
		t.Errorf("what was restored is saved as %q", got)
	}
	second.Restore(nil)
}
