package resumption_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"palabre/resumption"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

// A clerk is a store that takes a while for each commit, and can be sent away.
type clerk struct {
	mu      sync.Mutex
	away    bool
	counts  map[string]uint32
	saved   []resumption.Row
	commits int
	last    chan struct{} // closed when the commit that came last is through: commits are in their order
}

func newClerk() *clerk {
	c := &clerk{counts: map[string]uint32{}, last: make(chan struct{})}
	close(c.last)
	return c
}

const commitTime = time.Second // of the bubble's clock

func (c *clerk) Commit(writes []server.Write, done func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commits++
	before, through := c.last, make(chan struct{})
	c.last = through
	go func() {
		<-before
		defer close(through)
		time.Sleep(commitTime)
		done(c.carryOut(writes))
	}()
}

func (c *clerk) carryOut(writes []server.Write) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return server.ErrAway
	}
	for _, w := range writes {
		switch w := w.(type) {
		case *resumption.Counted:
			c.counts[w.ID] = w.Handled
		case *resumption.Forgotten:
			delete(c.counts, w.ID)
		}
	}
	return nil
}

func (c *clerk) Handled(_ context.Context, _ xmpp.JID, id string) (uint32, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.counts[id]
	return h, ok, nil
}

func (c *clerk) SaveSessions(_ context.Context, rows []resumption.Row) error {
	c.saved = append(c.saved, rows...)
	return nil
}

func (c *clerk) SavedSessions(_ context.Context, fn func(resumption.Row) error) error {
	for _, r := range c.saved {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *clerk) DropSessions(context.Context) error             { c.saved = nil; return nil }
func (c *clerk) ForgetStreams(context.Context, time.Time) error { return nil }

func (c *clerk) set(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

func (c *clerk) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.commits
}

type everyone struct{}

func (everyone) Exists(context.Context, xmpp.JID) (bool, error) { return true, nil }

// A scribe writes each message with a body down, and knows who has missed what.
type scribe struct{ missed chan string }

func (scribe) Info() server.Info { return server.Info{Name: "scribe"} }

func (r scribe) Register(h *server.Host) {
	hooks := h.Hooks()
	hooks.Outbound = append(hooks.Outbound, func(_ context.Context, p *server.Passage) error {
		if p.Stanza.Has(xmpp.NSClient, "body") {
			p.Write(line{p.Sender()})
		}
		return nil
	})
	hooks.Missed = append(hooks.Missed, func(_ context.Context, s *server.Session, left []stream.Packet) {
		for range left {
			r.missed <- s.JID.Resource()
		}
	})
}

type line struct{ owner xmpp.JID }

func (l line) Owner() xmpp.JID { return l.owner }

type stage struct {
	t     *testing.T
	host  *server.Host
	clerk *clerk
	mod   *resumption.Module
	scribe
}

func newStage(t *testing.T, c *clerk, wait time.Duration) *stage {
	t.Helper()
	s := &stage{t: t, clerk: c, scribe: scribe{missed: make(chan string, 1000)}}
	s.mod = resumption.New(resumption.Options{Store: c, Time: wait})
	var err error
	s.host, err = server.New(server.Options{Domains: []string{servertest.Domain}, Users: everyone{}, Store: c}, s.scribe, s.mod)
	must(t, err)
	return s
}

var phone = xmpp.MustParseJID("juliet@example.org/phone")

func (s *stage) bind(attrs ...string) *servertest.Wire {
	s.t.Helper()
	w, err := servertest.Bind(s.t.Context(), s.host, phone)
	must(s.t, err)
	enable := xmpp.New(ns, "enable")
	for i := 0; i < len(attrs); i += 2 {
		enable = enable.With(attrs[i], attrs[i+1])
	}
	w.Nonza(s.t.Context(), enable)
	synctest.Wait()
	return w
}

func (s *stage) resume(id string, h string) (*servertest.Wire, xmpp.Element) {
	s.t.Helper()
	w, answer := servertest.Again(s.t.Context(), s.host, phone.Bare(), xmpp.New(ns, "resume").With("previd", id).With("h", h))
	synctest.Wait()
	return w, answer
}

// say has a client send a message to itself, by its bare address, which nobody takes, with or without a body.
func say(t *testing.T, w *servertest.Wire, id string, content ...xmpp.Element) {
	t.Helper()
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeHeadline)
	for _, e := range content {
		st = xmpp.NewStanza(xmpp.Message, xmpp.TypeHeadline, e)
	}
	st.ID, st.To = id, phone.Bare()
	w.Receive(t.Context(), stream.Event{Stanza: st})
}

var body = xmpp.New(xmpp.NSClient, "body", xmpp.Text("hi"))

func ask(t *testing.T, w *servertest.Wire) {
	t.Helper()
	w.Nonza(t.Context(), xmpp.New(ns, "r"))
}

func expectGot(t *testing.T, w *servertest.Wire, want string) {
	t.Helper()
	synctest.Wait()
	if got := w.Got(); !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q at its end", got, want)
	}
}

// A session waits for as long as the server says, or for less if its client wants so; each time anew.
func TestTime(t *testing.T) {
	for name, test := range map[string]struct {
		most string
		wait time.Duration
	}{
		"the server's": {"", 10 * time.Minute}, "shorter": {"90", 90 * time.Second}, "longer": {"3600", 10 * time.Minute},
		"none": {"0", 10 * time.Minute}, "negative": {"-5", 10 * time.Minute}, "too long": {"99999999999999999999", 10 * time.Minute}, "a word": {"soon", 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, newClerk(), 10*time.Minute)
				w := s.bind("resume", "true", "max", test.most)
				if want := "max='" + seconds(test.wait) + "'"; !strings.Contains(w.Got(), want) {
					t.Errorf("got %q, want %s", w.Got(), want)
				}
				id := w.ID
				for range 3 {
					w.Lose()
					time.Sleep(test.wait - time.Millisecond)
					if s.mod.Stats.Waiting() != 1 {
						t.Error("it does not wait")
					}
					var answer xmpp.Element
					if w, answer = s.resume(id, "0"); w == nil {
						t.Fatalf("just in time: %s", answer)
					}
					if s.mod.Stats.Waiting() != 0 {
						t.Error("it still waits")
					}
					time.Sleep(2 * test.wait)
				}
				w.SendStanza(xmpp.NewStanza(xmpp.Message, ""))
				w.Lose()
				time.Sleep(test.wait)
				synctest.Wait()
				if !w.IsClosed() || s.host.Stats.Sessions() != 0 || s.mod.Stats.Waiting() != 0 {
					t.Error("it waits for ever")
				}
				if got := len(s.missed); got != 1 {
					t.Errorf("%d stanzas were missed", got)
				}
				if _, answer := s.resume(id, "0"); answer.String() != notFound {
					t.Errorf("too late: %s", answer)
				}
			})
		})
	}
}

const notFound = "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// The count says what has been committed, in its time: not before, and no more.
func TestAnswersFollowCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newClerk(), time.Minute)
		w := s.bind("resume", "true")
		say(t, w, "1")
		ask(t, w)
		expectGot(t, w, "<a xmlns='urn:xmpp:sm:3' h='1'/>") // nothing is stored: it costs no commit
		say(t, w, "2", body)
		ask(t, w)
		expectGot(t, w, "<a xmlns='urn:xmpp:sm:3' h='1'/>")
		time.Sleep(commitTime)
		expectGot(t, w, "<a xmlns='urn:xmpp:sm:3' h='2'/>")
		if n := s.clerk.made(); n != 1 {
			t.Errorf("%d commits", n)
		}
		say(t, w, "3")
		for range 1000 {
			ask(t, w)
		}
		time.Sleep(commitTime)
		expectGot(t, w, "h='2'/><a xmlns='urn:xmpp:sm:3' h='3'/>") // one answer, and one commit
		if n := s.clerk.made(); n != 2 {
			t.Errorf("%d commits", n)
		}
		say(t, w, "4")
		ask(t, w)
		say(t, w, "5")
		ask(t, w)
		say(t, w, "6")
		ask(t, w)
		time.Sleep(3 * commitTime)
		expectGot(t, w, "h='6'/>")
		if n := s.clerk.made(); n > 4 {
			t.Errorf("%d commits", n)
		}
		w.Goodbye()
		time.Sleep(2 * commitTime)
		if _, ok, _ := s.clerk.Handled(t.Context(), phone, w.ID); ok {
			t.Error("the stream is remembered, though its client has said goodbye")
		}
	})
}

// While the store is away the count stands still, and answers do not wait. What the client hears never goes back. A stream on which something was refused is not remembered: after a crash its
// count would cover what was refused, and the error may not have arrived.
func TestAnswersWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newClerk(), time.Minute)
		w := s.bind("resume", "true")
		say(t, w, "1")
		say(t, w, "2")
		ask(t, w)
		expectGot(t, w, "h='2'/>")
		s.clerk.set(true)
		say(t, w, "3", body) // refused
		ask(t, w)
		time.Sleep(4 * commitTime) // the message, what is to be forgotten, the answer
		if got := w.Got(); !strings.Contains(got, "resource-constraint") || !strings.HasSuffix(got, "<a xmlns='urn:xmpp:sm:3' h='2'/>") {
			t.Errorf("got %q", got)
		}
		s.clerk.set(false)
		ask(t, w)
		time.Sleep(2 * commitTime)
		expectGot(t, w, "<a xmlns='urn:xmpp:sm:3' h='3'/>")
		say(t, w, "4", body)
		ask(t, w)
		time.Sleep(2 * commitTime)
		expectGot(t, w, "<a xmlns='urn:xmpp:sm:3' h='4'/>")
		if h, ok, _ := s.clerk.Handled(t.Context(), phone, w.ID); ok {
			t.Errorf("stored: %d", h)
		}
		w.Goodbye()
		time.Sleep(2 * commitTime)
	})
}

// What was on its way when something before it was refused may be stored all the same, with a count that covers what was refused. That is not left to stand until the client
// says something again, which it may never do.
func TestCountBehindWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newClerk(), time.Minute)
		w := s.bind("resume", "true")
		s.clerk.set(true)
		say(t, w, "1", body) // refused
		say(t, w, "2", body)
		time.Sleep(commitTime + commitTime/2)
		s.clerk.set(false)
		time.Sleep(3 * commitTime)
		if got := w.Got(); strings.Count(got, "resource-constraint") != 1 {
			t.Errorf("got %q", got)
		}
		if h, ok, _ := s.clerk.Handled(t.Context(), phone, w.ID); ok {
			t.Errorf("stored: %d", h)
		}
		w.Goodbye()
		time.Sleep(2 * commitTime)
	})
}

// A stream that can't be resumed is not remembered, and its count is that of what has been told.
func TestCountOfAPlainStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newClerk(), time.Minute)
		w := s.bind()
		say(t, w, "1", body)
		say(t, w, "2")
		ask(t, w)
		time.Sleep(commitTime)
		expectGot(t, w, "<a xmlns='urn:xmpp:sm:3' h='2'/>")
		if n := s.clerk.made(); n != 1 {
			t.Errorf("%d commits", n)
		}
		if len(s.clerk.counts) != 0 {
			t.Errorf("remembered: %v", s.clerk.counts)
		}
		w.Goodbye()
	})
}

// What a client sent just before it lost its connection is counted in the answer to its return, though it was not committed yet.
func TestResumeWaitsForWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newClerk(), time.Minute)
		w := s.bind("resume", "true")
		id := w.ID
		say(t, w, "1", body)
		say(t, w, "2", body)
		say(t, w, "3")
		go w.Lose()
		w, answer := s.resume(id, "0")
		if w == nil || answer.Attr("h") != "3" || answer.Attr("previd") != id {
			t.Fatalf("answer: %s", answer)
		}
		if h, _, _ := s.clerk.Handled(t.Context(), phone, id); h != 3 {
			t.Errorf("stored: %d", h)
		}
		w.Lose()
		time.Sleep(2 * time.Minute)
		if _, answer := s.resume(id, "0"); answer.Attr("h") != "3" { // in vain, but it may know how far it got
			t.Errorf("too late: %s", answer)
		}
	})
}
