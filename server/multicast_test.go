package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// ledger commits at once and keeps what it was given, a line for each append.
type ledger struct {
	mu      sync.Mutex
	appends []string
	fail    error
}

func (l *ledger) Commit(writes []Write, done func(error)) {
	l.mu.Lock()
	fail := l.fail
	if fail == nil {
		line := ""
		for _, w := range writes {
			line += w.Owner().Local()
		}
		l.appends = append(l.appends, line)
	}
	l.mu.Unlock()
	done(fail)
}

// entry is a write that learns of its commit.
type entry struct {
	owner     xmpp.JID
	committed func()
}

func (e entry) Owner() xmpp.JID { return e.owner }
func (e entry) Committed()      { e.committed() }

// wire keeps what a session is sent as it would be written.
type wire struct {
	sink
	sent []stream.Packet
}

func (w *wire) Send(p stream.Packet) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, p)
	return true
}

func (w *wire) take() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.sent {
		out = append(out, string(p.AppendTo(nil)))
	}
	w.sent = nil
	return out
}

// deciders is a module whose recipients decide each in a way of their own.
type deciders struct {
	inbound map[string]Hook
	away    []*xmpp.Stanza
	err     error
}

func (*deciders) Info() Info { return Info{Name: "deciders"} }
func (d *deciders) Register(h *Host) {
	h.Hooks().Inbound = append(h.Hooks().Inbound, func(ctx context.Context, p *Passage) error {
		if p.Stanza.To.Bare() != p.Recipient.JID {
			return fmt.Errorf("to %s, recipient %s", p.Stanza.To, p.Recipient.JID)
		}
		if fn := d.inbound[p.Recipient.JID.Local()]; fn != nil {
			return fn(ctx, p)
		}
		return nil
	})
	h.HandleDomain("away.example", func(_ context.Context, p *Passage) error {
		d.away = append(d.away, p.Stanza)
		return d.err
	})
}

func hall(t *testing.T, l *ledger, d *deciders, people ...string) (*Host, map[string]*wire) {
	t.Helper()
	h, err := New(Options{Domains: []string{"example.org"}, Users: everyone{}, Store: l}, d)
	if err != nil {
		t.Fatal(err)
	}
	wires := map[string]*wire{}
	for _, name := range people {
		for _, resource := range []string{"on", "off"} {
			w := &wire{}
			s, err := h.Bind(t.Context(), xmpp.MustParseJID(name+"@example.org"), resource, w)
			if err != nil {
				t.Fatal(err)
			}
			if resource == "on" {
				s.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
			}
			wires[name+"/"+resource] = w
			t.Cleanup(func() { s.Closed(context.Background()) })
		}
	}
	return h, wires
}

func presenceFrom(from string) *xmpp.Stanza {
	return &xmpp.Stanza{Kind: xmpp.Presence, ID: "p", From: xmpp.MustParseJID(from)}
}

func TestMulticast(t *testing.T) {
	t.Parallel()
	l, d := &ledger{}, &deciders{err: errors.New("test: no route")}
	h, wires := hall(t, l, d, "a", "b", "c", "d", "e", "f")
	other := presenceFrom("z@example.org/x")
	other.ID = "other"
	order := []string{}
	d.inbound = map[string]Hook{
		"b": func(context.Context, *Passage) error { return ErrDrop },
		"c": func(context.Context, *Passage) error { return xmpp.ErrForbidden },
		"d": func(_ context.Context, p *Passage) error { p.Stanza = other; p.Tail = "<x/>"; return nil },
		"e": func(_ context.Context, p *Passage) error {
			p.Write(entry{p.Recipient.JID, func() { order = append(order, "committed") }})
			p.Then(func(context.Context, *Passage) error { order = append(order, "then"); return nil })
			p.After(func(context.Context) { order = append(order, "after") })
			return nil
		},
	}
	st := presenceFrom("a@example.org/x")
	var to []xmpp.JID
	for _, j := range []string{
		"a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org", "f@example.org/off", "f@example.org/gone",
		"g@example.org", "example.org", "h@nowhere.example", "i@away.example",
	} {
		to = append(to, xmpp.MustParseJID(j))
	}
	h.Multicast(t.Context(), st, slices.Values(to))
	want := map[string]string{
		"a/on":  "<presence id='p' to='a@example.org' from='a@example.org/x'/>",
		"d/on":  "<presence id='other' to='d@example.org' from='z@example.org/x'><x/></presence>",
		"e/on":  "<presence id='p' to='e@example.org' from='a@example.org/x'/>",
		"f/off": "<presence id='p' to='f@example.org/off' from='a@example.org/x'/>",
	}
	for name, w := range wires {
		got := w.take()
		if want[name] == "" && len(got) != 0 || want[name] != "" && !slices.Equal(got, []string{want[name]}) {
			t.Errorf("%s got %q, want %q", name, got, want[name])
		}
	}
	if fmt.Sprint(order) != "[committed then after]" || fmt.Sprint(l.appends) != "[e]" {
		t.Errorf("order %v, appends %v", order, l.appends)
	}
	if len(d.away) != 1 || d.away[0].To != to[10] || !st.To.IsZero() {
		t.Errorf("elsewhere got %v; the shared stanza is to %q", d.away, st.To)
	}
}

func TestHand(t *testing.T) {
	t.Parallel()
	d := &deciders{inbound: map[string]Hook{"a": func(_ context.Context, p *Passage) error {
		if p.Sender().Local() == "c" {
			return ErrDrop
		}
		return nil
	}}}
	h, wires := hall(t, &ledger{}, d, "a")
	addressed := presenceFrom("d@example.org/x")
	addressed.To = xmpp.MustParseJID("a@example.org")
	h.Hand(t.Context(), h.Online(addressed.To).Session("off"), slices.Values([]*xmpp.Stanza{
		presenceFrom("b@example.org/x"), presenceFrom("c@example.org/x"), addressed,
	}))
	want := []string{
		"<presence id='p' to='a@example.org/off' from='b@example.org/x'/>",
		"<presence id='p' to='a@example.org' from='d@example.org/x'/>",
	}
	if got := wires["a/off"].take(); !slices.Equal(got, want) || len(wires["a/on"].take()) != 0 {
		t.Errorf("got %q", got)
	}
}

// deaf takes what it is sent and keeps nothing.
type deaf struct{ sink }

func (*deaf) Send(stream.Packet) bool { return true }

func TestMulticastAllocatesNothingForARecipient(t *testing.T) {
	h, _ := hall(t, &ledger{}, &deciders{})
	var to []xmpp.JID
	for i := range 200 {
		s, err := h.Bind(t.Context(), xmpp.MustParseJID(fmt.Sprintf("p%d@example.org", i)), "on", &deaf{})
		if err != nil {
			t.Fatal(err)
		}
		s.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
		t.Cleanup(func() { s.Closed(context.Background()) })
		to = append(to, s.JID.Bare())
	}
	st := presenceFrom("z@example.org/x")
	cost := func(n int) float64 {
		return testing.AllocsPerRun(100, func() { h.Multicast(t.Context(), st, slices.Values(to[:n])) })
	}
	if one, many := cost(1), cost(200); many > one {
		t.Errorf("one recipient takes %v allocations, 200 take %v", one, many)
	}
}

func TestRouteTogether(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	var told []string
	writes := func(_ context.Context, p *Passage) error {
		p.Write(entry{p.Recipient.JID, func() { told = append(told, "commit "+p.Recipient.JID.Local()) }})
		p.Then(func(context.Context, *Passage) error { told = append(told, "tell"); return nil })
		return nil
	}
	d := &deciders{inbound: map[string]Hook{"a": writes, "b": writes, "c": func(context.Context, *Passage) error { return ErrDrop }}}
	h, wires := hall(t, l, d, "a", "b", "c")
	var sts []*xmpp.Stanza
	for _, name := range []string{"a", "c", "b"} {
		st := presenceFrom("z@example.org")
		st.To = xmpp.MustParseJID(name + "@example.org")
		sts = append(sts, st)
	}
	own := entry{xmpp.MustParseJID("z@example.org"), func() { told = append(told, "commit z") }}
	between := func() { told = append(told, "between") }
	l.fail = fmt.Errorf("test: %w", ErrAway)
	if err := h.RouteTogether(t.Context(), []Write{own}, between, sts...); !errors.Is(err, ErrAway) {
		t.Errorf("a commit that failed: %v", err)
	}
	if len(told) != 0 || len(wires["a/on"].take()) != 0 {
		t.Errorf("told %v of what was not committed", told)
	}
	l.fail = nil
	if err := h.RouteTogether(t.Context(), []Write{own}, between, sts...); err != nil {
		t.Fatal(err)
	}
	if want := "[commit z commit a commit b between tell tell]"; fmt.Sprint(told) != want || fmt.Sprint(l.appends) != "[zab]" {
		t.Errorf("told %v, appends %v", told, l.appends)
	}
	if len(wires["a/on"].take()) != 1 || len(wires["b/on"].take()) != 1 || len(wires["c/on"].take()) != 0 {
		t.Error("delivered wrongly")
	}
	broken := errors.New("test: broken")
	d.inbound["b"] = func(context.Context, *Passage) error { return broken }
	if err := h.RouteTogether(t.Context(), []Write{own}, between, sts...); !errors.Is(err, broken) || len(l.appends) != 1 {
		t.Errorf("a recipient whose decision failed: %v, %v", err, l.appends)
	}
}

// What is to be done at the very end is done whatever happens, and for what is committed after all: a commit that is under way is waited for.
func TestRouteTogetherGivesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		var seen []string
		see := func(what string) { seen = append(seen, what) }
		refuse := false
		h := newHost(t, Options{Store: store}, func(h *Host) {
			h.Hooks().Inbound = append(h.Hooks().Inbound, func(_ context.Context, p *Passage) error {
				name := p.Recipient.JID.Local()
				if refuse && name == "b" {
					return errors.New("test: broken")
				}
				p.Write(entry{p.Recipient.JID, func() { see("commit " + name) }})
				p.After(func(context.Context) { see("after " + name) })
				return nil
			})
		})
		var sts []*xmpp.Stanza
		for _, name := range []string{"a", "b"} {
			st := presenceFrom("z@example.org")
			st.To = xmpp.MustParseJID(name + "@example.org")
			sts = append(sts, st)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		try := func(want string) {
			t.Helper()
			err := h.RouteTogether(ctx, nil, nil, sts...)
			if got := fmt.Sprint(err, seen); got != want {
				t.Errorf("%s, not %s", got, want)
			}
			seen = nil
			if h.InUse(xmpp.MustParseJID("a@example.org")) != nil {
				t.Error("a recipient is still held")
			}
		}
		try("<nil> [commit a commit b after a after b]")
		store.setFailure(errors.New("test: full"))
		try("test: full [after a after b]")
		refuse = true
		try("test: broken [after a]")
	})
}

func TestAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		h := newHost(t, Options{Store: store}, func(*Host) {})
		var committed atomic.Int32
		w := entry{xmpp.MustParseJID("a@example.org"), func() { committed.Add(1) }}
		if err := h.Append(t.Context(), w, w); err != nil || committed.Load() != 2 {
			t.Errorf("%v, %d are committed", err, committed.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := h.Append(ctx, w); !errors.Is(err, context.DeadlineExceeded) || committed.Load() != 2 {
			t.Errorf("%v, %d are committed", err, committed.Load())
		}
		time.Sleep(time.Second) // of the bubble's clock: the first was not waited for
		store.setFailure(errors.New("test: full"))
		if err := h.Append(t.Context(), w); !errors.Is(err, store.failure()) || committed.Load() != 3 {
			t.Errorf("%v, %d are committed", err, committed.Load())
		}
	})
}

// Presence that the recipient drops leaves the sender's side as for an account that does not exist; its errors go to the resource that
// sent it, whatever a module has made of the address.
func TestDroppedPresenceKeepsTheSendersSide(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	d := &deciders{inbound: map[string]Hook{"b": func(_ context.Context, p *Passage) error {
		p.Write(entry{p.Recipient.JID, func() {}})
		return ErrDrop
	}}}
	h, wires := hall(t, l, d, "a", "b")
	var seen []string
	h.Hooks().Outbound = append(h.Hooks().Outbound, func(_ context.Context, p *Passage) error {
		st := *p.Stanza
		st.From = st.From.Bare()
		p.Stanza = &st
		p.Write(entry{p.Sender(), func() { seen = append(seen, "committed") }})
		p.Then(func(context.Context, *Passage) error { seen = append(seen, "then"); return nil })
		p.After(func(context.Context) { seen = append(seen, "after") })
		return nil
	})
	a := h.Online(xmpp.MustParseJID("a@example.org")).Session("on")
	send := func(to string) {
		st := presenceFrom("a@example.org")
		st.Type, st.To = xmpp.TypeSubscribe, xmpp.MustParseJID(to)
		a.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
	}
	send("b@example.org")
	if fmt.Sprint(seen) != "[committed then after]" || fmt.Sprint(l.appends) != "[a]" {
		t.Errorf("seen %v, appends %v", seen, l.appends)
	}
	if got := append(wires["a/on"].take(), wires["b/on"].take()...); len(got) != 0 {
		t.Errorf("told %q", got)
	}
	send("c@nowhere.example")
	if got := wires["a/on"].take(); len(got) != 1 || !strings.HasPrefix(got[0], "<presence type='error' id='p' to='a@example.org/on'") {
		t.Errorf("the error is %q", got)
	}
	l.fail = ErrAway
	seen = nil
	send("b@example.org")
	if got := wires["a/on"].take(); len(got) != 1 || fmt.Sprint(seen) != "[after]" {
		t.Errorf("after a failed commit: seen %v, told %q", seen, got)
	}
}
