package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

var (
	romeo  = xmpp.MustParseJID("romeo@example.org/orchard")
	juliet = xmpp.MustParseJID("juliet@example.org/balcony")
)

type everyone struct{}

func (everyone) Exists(context.Context, xmpp.JID) (bool, error) { return true, nil }

// instant is a store that is never at a loss.
type instant struct{}

func (instant) Commit(_ []server.Write, done func(error)) { done(nil) }

// An observer is a module of one test's.
type observer func(h *server.Host)

func (observer) Info() server.Info         { return server.Info{Name: "observer"} }
func (o observer) Register(h *server.Host) { o(h) }

// A diary notes what becomes of sessions.
type diary struct {
	mu    sync.Mutex
	notes []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.notes, "; ")
}

func newHost(t *testing.T, d *diary, more ...observer) *server.Host {
	t.Helper()
	modules := []server.Module{observer(func(h *server.Host) {
		hooks := h.Hooks()
		hooks.SessionDetached = append(hooks.SessionDetached, func(s *server.Session) { d.note("%s lost", s.JID.Resource()) })
		hooks.SessionResumed = append(hooks.SessionResumed, func(s *server.Session) { d.note("%s resumed", s.JID.Resource()) })
		hooks.SessionClosed = append(hooks.SessionClosed, func(_ context.Context, s *server.Session) { d.note("%s closed", s.JID.Resource()) })
		hooks.Missed = append(hooks.Missed, func(_ context.Context, s *server.Session, left []stream.Packet) {
			d.note("%s missed %s", s.JID.Resource(), idsOf(left))
		})
		hooks.Reached = append(hooks.Reached, func(s *server.Session, marks []int64) { d.note("%s reached %v", s.JID.Resource(), marks) })
		h.UseResumer(only{h})
	})}
	for _, m := range more {
		modules = append(modules, m)
	}
	h, err := server.New(server.Options{Domains: []string{"example.org"}, Users: everyone{}, Store: instant{}}, modules...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func idsOf(left []stream.Packet) string {
	var out []string
	for i := range left {
		p := &left[i]
		switch {
		case p.IsHollow():
			out = append(out, fmt.Sprint("mark ", p.Mark))
		case p.Stanza != nil:
			out = append(out, p.Stanza.ID)
		default:
			st, err := xmpp.ParseStanza(p.Raw)
			if err != nil {
				return err.Error()
			}
			out = append(out, st.ID)
		}
	}
	return strings.Join(out, " ")
}

// only resumes the one session of an account.
type only struct{ h *server.Host }

func (o only) Resume(ctx context.Context, user xmpp.JID, request xmpp.Element, conn server.Conn) (*server.Session, xmpp.Element) {
	var h uint32
	_, _ = fmt.Sscan(request.Attr("h"), &h)
	s := o.h.Online(user.Bare()).Sessions()[0]
	if err := s.Attach(ctx, conn, h); err != nil {
		return nil, xmpp.New("", "failed", xmpp.Text(err.Error()))
	}
	return s, xmpp.Element{}
}

func bind(t *testing.T, h *server.Host, jid xmpp.JID) *servertest.Wire {
	t.Helper()
	w, err := servertest.Bind(t.Context(), h, jid)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// managed binds a session that counts, and that is kept.
func managed(t *testing.T, h *server.Host, jid xmpp.JID) *servertest.Wire {
	t.Helper()
	w := bind(t, h, jid)
	w.Count(true)
	w.Write(stream.Packet{Raw: "<enabled/>", Begins: true})
	synctest.Wait()
	return w
}

func again(t *testing.T, h *server.Host, jid xmpp.JID, handled int) *servertest.Wire {
	t.Helper()
	w, answer := servertest.Again(t.Context(), h, jid, xmpp.New("", "resume").With("h", fmt.Sprint(handled)))
	if w == nil {
		t.Fatalf("not resumed: %s", answer)
	}
	synctest.Wait()
	return w
}

func message(id string) *xmpp.Stanza {
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body", xmpp.Text("hi")))
	st.ID, st.From, st.To = id, romeo, juliet
	return st
}

func send(w *server.Session, ids ...string) {
	for _, id := range ids {
		w.SendStanza(message(id))
	}
	synctest.Wait()
}

// idsIn are the ids in what came out of a wire.
func idsIn(got string) string {
	var out []string
	for _, part := range strings.Split(got, " id='")[1:] {
		id, _, _ := strings.Cut(part, "'")
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s\nwant %s", what, got, want)
	}
}

func TestSessionGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		w := managed(t, h, juliet)
		s := w.Session
		send(s, "1", "2", "3")
		expect(t, "first", idsIn(w.Got()), "1 2 3")
		if err := s.Acknowledge(1); err != nil {
			t.Error(err)
		}
		w.Lose()
		send(s, "4", "5")
		w = again(t, h, juliet, 2)
		expect(t, "again", idsIn(w.Got()), "3 4 5")
		send(s, "6")
		expect(t, "and on", idsIn(w.Got()), "3 4 5 6")
		if err := s.Acknowledge(7); !errors.Is(err, stream.ErrTooHigh) {
			t.Errorf("too high: %v", err)
		}
		if err := s.Acknowledge(6); err != nil || s.Sent() != 6 {
			t.Errorf("acknowledged: %v, sent %d", err, s.Sent())
		}
		w.Goodbye()
		if a := h.InUse(juliet.Bare()); a != nil || h.Stats.Sessions() != 0 {
			t.Errorf("the account is still held: %+v", a)
		}
		expect(t, "diary", d.String(), "balcony lost; balcony resumed; balcony closed")
	})
}

// A connection that is still there when another one comes for its session is told of the conflict, and nothing is lost between the two.
func TestSessionIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		old := managed(t, h, juliet)
		send(old.Session, "1", "2")
		w := again(t, h, juliet, 0)
		if why := old.Why(); why == nil || why.Condition != stream.Conflict {
			t.Errorf("the old one ended with %v", why)
		}
		send(w.Session, "3")
		expect(t, "the new one's", idsIn(w.Got()), "1 2 3")
		if _, answer := servertest.Again(t.Context(), h, juliet, xmpp.New("", "resume").With("h", "9")); answer.Content() != stream.ErrTooHigh.Error() {
			t.Errorf("who makes numbers up: %s", answer)
		}
		send(w.Session, "4")
		expect(t, "undisturbed", idsIn(w.Got()), "1 2 3 4")
		w.Goodbye()
		expect(t, "diary", d.String(), "balcony lost; balcony resumed; balcony closed; balcony missed 1 2 3 4")
	})
}

// Only a session that counts, and is to be kept, and whose client did not end the stream, outlives its connection.
func TestSessionEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		plain := bind(t, h, juliet)
		send(plain.Session, "1")
		plain.Lose()
		unkept := bind(t, h, juliet)
		unkept.Count(false)
		unkept.Write(stream.Packet{Raw: "<enabled/>", Begins: true})
		send(unkept.Session, "2")
		unkept.Lose()
		polite := managed(t, h, juliet)
		send(polite.Session, "3")
		polite.Goodbye()
		ended := managed(t, h, juliet)
		ended.End(nil)
		<-ended.Gone()
		expect(t, "diary", d.String(), "balcony closed; balcony closed; balcony missed 2; balcony closed; balcony missed 3; balcony closed")
	})
}

func TestLapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		friend := bind(t, h, romeo)
		w := managed(t, h, juliet)
		s := w.Session
		w.Lose()
		first := s.Absence()
		w = again(t, h, juliet, 0)
		s.Lapse(first)
		if s.IsClosed() {
			t.Error("it is there again")
		}
		w.Lose()
		s.Lapse(first)
		if s.IsClosed() {
			t.Error("that was another time")
		}
		ask := xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New("urn:xmpp:ping", "ping"))
		ask.ID, ask.From, ask.To = "ask", romeo, juliet
		s.SendStanza(ask)
		for i := range 40 { // what is kept for long is kept small
			s.SendStanza(message(fmt.Sprint(i)).Addressed(juliet))
			s.SendStanza(xmpp.NewStanza(xmpp.Message, "", xmpp.New(xmpp.NSClient, "body", xmpp.Text(strings.Repeat("x", 2000)))))
		}
		s.Lapse(s.Absence())
		<-s.Gone()
		synctest.Wait()
		if got := friend.Got(); !strings.Contains(got, "id='ask'") || !strings.Contains(got, "service-unavailable") {
			t.Errorf("who asked got %q", got)
		}
		if !strings.HasPrefix(d.String(), "balcony lost; balcony resumed; balcony lost; balcony closed; balcony missed ask 0  1  2 ") {
			t.Errorf("diary: %s", d)
		}
		friend.Goodbye()
	})
}

// Who binds a resource takes it from a session that waits, and is told nothing that was for that one.
func TestResourceOfOneWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		w := managed(t, h, juliet)
		send(w.Session, "1")
		w.Lose()
		now := bind(t, h, juliet)
		send(now.Session, "2")
		expect(t, "the new one's", idsIn(now.Got()), "2")
		now.Goodbye()
		expect(t, "diary", d.String(), "balcony lost; balcony closed; balcony missed 1; balcony closed")
	})
}

// A client that takes nothing back while it is away can't use up the memory of the server.
func TestOneWhoWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		w := managed(t, h, juliet)
		w.Lose()
		n := 0
		for ; !w.IsClosed() && n < 10_000; n++ {
			big := message(fmt.Sprint(n))
			big.Inner = "<body>" + strings.Repeat("x", 10_000) + "</body>"
			w.SendStanza(big)
			synctest.Wait()
		}
		if n < 20 || n > 200 {
			t.Errorf("it ended after %d messages", n)
		}
		missed := d.String()[strings.Index(d.String(), "missed"):]
		if got := len(strings.Fields(missed)) - 1; got != n {
			t.Errorf("%d of %d messages are left", got, n)
		}
	})
}

// A server that stops keeps those who wait, with all that is theirs, and those whose connections it ends; another process goes on with them.
func TestSessionsOutliveTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		keep := observer(func(h *server.Host) {
			slot := server.NewSessionSlot[string](h)
			hooks := h.Hooks()
			hooks.SessionOpened = append(hooks.SessionOpened, func(_ context.Context, s *server.Session) { *slot.Get(s) = "of " + s.JID.Resource() })
			hooks.SessionSaved = append(hooks.SessionSaved, func(s *server.Session, put func(string, []byte)) { put("keep", []byte(*slot.Get(s))) })
			hooks.SessionRestored = append(hooks.SessionRestored, func(s *server.Session, get func(string) []byte) { d.note("restored %s", get("keep")) })
		})
		h := newHost(t, d, keep)
		waits := managed(t, h, juliet)
		send(waits.Session, "1", "2", "3")
		if err := waits.Acknowledge(1); err != nil {
			t.Fatal(err)
		}
		waits.Lose()
		send(waits.Session, "4")
		waits.Write(stream.Packet{Mark: 7})
		there := managed(t, h, romeo)
		there.Receive(t.Context(), stream.Event{Stanza: message("to juliet")})
		send(there.Session, "5")
		mortal := bind(t, h, xmpp.MustParseJID("nurse@example.org/chamber"))
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if why := mortal.Why(); why == nil || why.Condition != stream.SystemShutdown {
			t.Errorf("ended with %v", why)
		}
		if why := there.Why(); why != nil {
			t.Errorf("a stream that is to go on was closed: %v", why)
		}
		if !mortal.IsClosed() || !there.IsAway() {
			t.Error("the wrong ones have ended")
		}
		if _, ok := mortal.Saved(); ok {
			t.Error("a session that has ended is saved")
		}

		next := newHost(t, d, keep)
		next.UseArchive((&shelf{}).open(map[int64]string{7: "archived"}))
		for _, w := range []*servertest.Wire{waits, there} {
			saved, ok := w.Saved()
			if !ok {
				t.Fatal("not saved")
			}
			raw, err := json.Marshal(saved)
			if err != nil {
				t.Fatal(err)
			}
			var in server.Saved
			if err := json.Unmarshal(raw, &in); err != nil {
				t.Fatal(err)
			}
			s, err := next.Revive(in)
			if err != nil {
				t.Fatal(err)
			}
			if s.ID != w.ID || s.JID != w.JID || s.Told() != w.Told() || !s.Since.Equal(w.Since) || s.Remote() != w.Remote() {
				t.Errorf("%+v is not %+v", s, w.Session)
			}
		}
		w := again(t, next, juliet, 2)
		expect(t, "juliet's", idsIn(w.Got()), "3 4 archived to juliet")
		if err := w.Acknowledge(6); err != nil || w.Sent() != 6 {
			t.Errorf("acknowledged: %v, sent %d", err, w.Sent())
		}
		other := again(t, next, romeo, 0)
		expect(t, "romeo's", idsIn(other.Got()), "5")
		w.Goodbye()
		other.Goodbye()
		expect(t, "diary", strings.Replace(d.String(), "chamber closed; ", "", 1), "balcony lost; orchard lost; restored of balcony; balcony lost; "+
			"restored of orchard; orchard lost; balcony resumed; balcony reached [7]; orchard resumed; balcony closed; orchard closed; orchard missed 5")
	})
}

func TestReviveRefuses(t *testing.T) {
	t.Parallel()
	h := newHost(t, &diary{}, func(h *server.Host) {
		h.Hooks().SessionRestored = append(h.Hooks().SessionRestored, func(*server.Session, func(string) []byte) { panic("as the test wants it") })
	})
	for name, in := range map[string]server.Saved{
		"what a module does not understand": {JID: juliet.String(), ID: "x"},
		"nothing":                           {},
		"no resource":                       {JID: "juliet@example.org", ID: "x"},
		"no address":                        {JID: "@/", ID: "x"},
		"more than it has":                  {JID: juliet.String(), ID: "x", Sent: 2, Left: []server.SavedPacket{{Mark: 1}}},
		"less than none":                    {JID: juliet.String(), ID: "x", Sent: 1, Acked: 2},
	} {
		if s, err := h.Revive(in); err == nil {
			t.Errorf("%s: %v", name, s.JID)
		}
	}
	if h.Stats.Sessions() != 0 || h.InUse(juliet.Bare()) != nil {
		t.Error("something is left of them")
	}
}

// A shelf is an archive. Until it is opened it is away.
type shelf struct {
	mu  sync.Mutex
	ids map[int64]string
}

func (a *shelf) open(ids map[int64]string) *shelf {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = ids
	return a
}

func (a *shelf) Packets(_ context.Context, _ xmpp.JID, marks []int64) (map[int64]stream.Packet, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil {
		return nil, server.ErrAway
	}
	out := map[int64]stream.Packet{}
	for _, m := range marks {
		if id, ok := a.ids[m]; ok {
			out[m] = stream.Packet{Stanza: message(id), To: juliet, Mark: m}
		}
	}
	return out, nil
}

// What is named by its mark is filled in, however much there is, whatever comes meanwhile, and as soon as the archive is there.
func TestMarksAreFilledIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		archive := &shelf{}
		h.UseArchive(archive)
		w := bind(t, h, juliet)
		var want []string
		full := map[int64]string{}
		for i := range 300 {
			w.Write(stream.Packet{Mark: int64(1000 + i)})
			if i%10 == 3 {
				continue // it is not there any more
			}
			full[int64(1000+i)] = fmt.Sprint("m", i)
			want = append(want, fmt.Sprint("m", i))
		}
		send(w.Session, "live")
		time.Sleep(3 * time.Second)
		expect(t, "while it is away", w.Got(), "")
		archive.open(full)
		time.Sleep(2 * time.Second)
		send(w.Session, "later")
		expect(t, "then", idsIn(w.Got()), strings.Join(append(want, "live", "later"), " "))
		if got := d.String(); !strings.Contains(got, "reached [1000 1001 1002 1004") {
			t.Errorf("diary: %s", got)
		}
		w.Goodbye()
		if got := d.String(); strings.Contains(got, "missed") {
			t.Errorf("diary: %s", got)
		}
	})
}

// What could not be filled in, or written, is missed by who does not come back, and is sent to who does.
func TestMarksOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := newHost(t, d)
		archive := &shelf{}
		h.UseArchive(archive)
		plain := bind(t, h, juliet)
		plain.Write(stream.Packet{Mark: 1})
		send(plain.Session, "2")
		plain.Lose()
		w := managed(t, h, juliet)
		w.Write(stream.Packet{Mark: 3})
		send(w.Session, "4")
		w.Lose()
		send(w.Session, "5")
		archive.open(map[int64]string{3: "3"})
		w = again(t, h, juliet, 0)
		time.Sleep(2 * time.Second)
		expect(t, "again", idsIn(w.Got()), "3 4 5")
		w.Goodbye()
		expect(t, "diary", d.String(), "balcony closed; balcony missed mark 1 2; balcony lost; balcony resumed; balcony closed; balcony missed 3 4 5")
	})
}

// Who has much to get from an archive that is away, and does not read on, is not waited for; the session goes on later.
func TestBacklogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, &diary{})
		archive := &shelf{}
		h.UseArchive(archive)
		w := managed(t, h, juliet)
		w.Write(stream.Packet{Mark: 1})
		n := 0
		for ; w.Why() == nil && n < 10_000; n++ {
			w.Write(stream.Packet{Stanza: message("x"), Mark: int64(n + 2)})
			synctest.Wait()
		}
		if n < 1000 || n == 10_000 || w.Why().Condition != stream.ResourceConstraint {
			t.Errorf("after %d packets: %v", n, w.Why())
		}
		time.Sleep(time.Minute)
		w.Lose()
		all := map[int64]string{}
		for i := range n + 1 {
			all[int64(i+1)] = fmt.Sprint(i)
		}
		archive.open(all)
		w = again(t, h, juliet, 0)
		time.Sleep(2 * time.Second)
		if got := len(strings.Fields(idsIn(w.Got()))); got != n+1 {
			t.Errorf("got %d of %d", got, n+1)
		}
		w.Goodbye()
	})
}
