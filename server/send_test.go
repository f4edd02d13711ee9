package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"palabre/stream"
	"palabre/xmpp"
)

func TestRoute(t *testing.T) {
	t.Parallel()
	var elsewhere []string
	h := newHost(t, Options{}, func(h *Host) {
		h.HandleDomain("rooms.example.org", func(_ context.Context, p *Passage) error {
			elsewhere = append(elsewhere, p.Stanza.String())
			return nil
		})
		h.Hooks().Inbound = append(h.Hooks().Inbound, func(_ context.Context, p *Passage) error {
			if p.Session != nil || p.Recipient == nil {
				return errors.New("test: it has a sender's session, or no recipient")
			}
			return nil
		})
		h.Hooks().Outbound = append(h.Hooks().Outbound, func(context.Context, *Passage) error {
			return errors.New("test: what a module sends is not a client's")
		})
		h.Hooks().Barred = append(h.Hooks().Barred, func(_ context.Context, owner *Account, peer xmpp.JID) (bool, error) {
			return owner.JID.Local() == "angry", nil
		})
	})
	at := &wire{}
	s := mustBind(t, h, "a@example.org/r", at)
	defer s.Closed(t.Context())
	s.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
	const loud = xmpp.TypeGroupchat // which is refused where nobody is
	for name, c := range map[string]struct{ from, to, typ, arrives, answer string }{
		"on-line":   {"b@example.org", "a@example.org", "", "<message id='x' to='a@example.org' from='b@example.org'/>", ""},
		"gone":      {"b@example.org", "a@example.org/gone", loud, "", ""}, // nobody is there to hear of it
		"of a room": {"r@rooms.example.org", "a@example.org/gone", loud, "", "<message type='error' id='x' to='r@rooms.example.org' from='a@example.org/gone'>"},
		"barred":    {"angry@example.org", "a@example.org", "", "", ""},
	} {
		elsewhere = nil
		h.Route(t.Context(), &xmpp.Stanza{Kind: xmpp.Message, Type: c.typ, ID: "x", From: xmpp.MustParseJID(c.from), To: xmpp.MustParseJID(c.to)})
		if got := strings.Join(at.take(), ""); got != c.arrives {
			t.Errorf("%s: %q arrived", name, got)
		}
		if got := strings.Join(elsewhere, ""); !strings.HasPrefix(got, c.answer) || (got == "") != (c.answer == "") {
			t.Errorf("%s: the answer is %q", name, got)
		}
	}
	if a := h.InUse(xmpp.MustParseJID("angry@example.org")); a != nil {
		t.Error("the sender is still held")
	}
}

// Hooks run in the order of the modules, whatever their stage, and the list of stages says so.
func TestStages(t *testing.T) {
	t.Parallel()
	var ran []string
	module := func(name string) Module {
		return named{name, func(h *Host) {
			hooks := h.Hooks()
			note := func(stage string) Hook {
				return func(context.Context, *Passage) error {
					ran = append(ran, stage+" "+name)
					return nil
				}
			}
			watch := func(stage string) Observer {
				return func(context.Context, *Passage, []*Session) { ran = append(ran, stage+" "+name) }
			}
			hooks.Inbound = append(hooks.Inbound, note("inbound"))
			hooks.Outbound = append(hooks.Outbound, note("outbound"))
			hooks.Sent = append(hooks.Sent, watch("sent"))
			hooks.Delivered = append(hooks.Delivered, watch("delivered"))
			hooks.Undelivered = append(hooks.Undelivered, func(_ context.Context, p *Passage, _ []*Session) {
				ran = append(ran, "undelivered "+name)
			})
		}}
	}
	h, err := New(Options{Domains: []string{"example.org"}, Users: everyone{}, Store: &ledger{}}, module("one"), module("two"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range h.Stages() {
		want := ""
		if slices.Contains([]string{"Outbound", "Inbound", "Sent", "Delivered", "Undelivered"}, s.Name) {
			want = "one two"
		}
		if got := strings.Join(s.Modules, " "); got != want {
			t.Errorf("%s: %q", s.Name, got)
		}
	}
	at := &sink{}
	a := mustBind(t, h, "a@example.org/r", at)
	defer a.Closed(t.Context())
	decided := "outbound one, outbound two, inbound one, inbound two, "
	told := func(want string) {
		t.Helper()
		if got := strings.Join(ran, ", "); got != want {
			t.Errorf("ran %s", got)
		}
		ran = nil
	}
	a.Receive(t.Context(), message("1", false)) // to b, who is not there
	told(decided + "sent one, sent two, undelivered one, undelivered two")
	b := mustBind(t, h, "b@example.org/r", &sink{})
	defer b.Closed(t.Context())
	b.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
	a.Receive(t.Context(), message("2", false))
	told(decided + "sent one, sent two, delivered one, delivered two")
	if got := at.ids(); got != "[]" {
		t.Errorf("the sender got %s", got)
	}
}

type named struct {
	name string
	part
}

func (n named) Info() Info { return Info{Name: n.name} }

// Errors go to the very session that caused them, from whom it wrote to, once; never for an error, and never for an answer (RFC 6120 §8.3.1).
func TestWhoGetsAnError(t *testing.T) {
	t.Parallel()
	h := newHost(t, Options{}, func(h *Host) {
		h.Hooks().Outbound = append(h.Hooks().Outbound, func(_ context.Context, p *Passage) error {
			if strings.HasPrefix(p.Stanza.ID, "refused") {
				return xmpp.ErrNotAllowed
			}
			return nil
		})
	})
	at, other := &wire{}, &wire{}
	a, x := mustBind(t, h, "a@example.org/r", at), mustBind(t, h, "a@example.org/x", other)
	defer a.Closed(t.Context())
	defer x.Closed(t.Context())
	for i, c := range []struct {
		kind     xmpp.Kind
		typ, to  string
		id, from string // of the error; none if empty
	}{
		{xmpp.Message, "chat", "b@example.org", "m", ""}, // an error would tell that b is not there
		{xmpp.Message, "chat", "b@example.org/r", "m", ""},
		{xmpp.Message, "", "b@example.org/r", "m", ""},
		{xmpp.Message, "", "nowhere.example", "m", "nowhere.example"},
		{xmpp.Message, "", "", "refused", "a@example.org"}, // as if it were to its own account: §10.3.1
		{xmpp.Message, "error", "b@example.org", "m", ""},
		{xmpp.Message, "error", "nowhere.example", "refused", ""},
		{xmpp.Message, "headline", "b@example.org", "m", ""},
		{xmpp.Message, "groupchat", "b@example.org", "m", "b@example.org"},
		{xmpp.Presence, "", "", "refused", "a@example.org"},
		{xmpp.Presence, "", "b@example.org", "p", ""},
		{xmpp.Presence, "error", "b@example.org", "refused", ""},
		{xmpp.Presence, "unknown", "b@example.org", "p", "b@example.org"},
		{xmpp.IQ, "get", "b@example.org", "q", "b@example.org"},
		{xmpp.IQ, "get", "b@example.org/r", "q", "b@example.org/r"},
		{xmpp.IQ, "set", "example.org", "q", "example.org"},
		{xmpp.IQ, "get", "", "q", "a@example.org"},
		{xmpp.IQ, "none", "b@example.org", "q", "b@example.org"},
		{xmpp.IQ, "result", "b@example.org/r", "refused", ""},
		{xmpp.IQ, "error", "nowhere.example", "refused", ""},
	} {
		st := xmpp.NewStanza(c.kind, c.typ, xmpp.New("urn:x", "q"))
		st.ID = c.id
		if c.to != "" {
			st.To = xmpp.MustParseJID(c.to)
		}
		a.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
		got := at.take()
		want := fmt.Sprintf("<%s type='error' id='%s' to='a@example.org/r' from='%s'>", c.kind, c.id, c.from)
		if c.from == "" && len(got) != 0 || c.from != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("%d: %+v is answered by %q", i, c, got)
		}
	}
	if got := other.take(); len(got) != 0 {
		t.Errorf("another session got %q", got)
	}
}

// To its sender, a message that the recipient refuses is as one to nobody: in the store, for the sender's other devices, and in the answer. When
// something has gone wrong, nothing has happened at all.
func TestRefusalLooksLikeAbsence(t *testing.T) {
	t.Parallel()
	var seen []string
	l := &ledger{}
	h, err := New(Options{Domains: []string{"example.org"}, Store: l, Users: some{"shut", "broken"}}, part(func(h *Host) {
		hooks := h.Hooks()
		hooks.Outbound = append(hooks.Outbound, func(_ context.Context, p *Passage) error {
			p.Write(entry{p.Sender(), func() { seen = append(seen, "committed") }})
			p.Then(func(context.Context, *Passage) error { seen = append(seen, "then"); return nil })
			return nil
		})
		hooks.Inbound = append(hooks.Inbound, func(_ context.Context, p *Passage) error {
			p.Write(entry{p.Recipient.JID, func() { seen = append(seen, "committed at the recipient") }})
			p.Then(func(context.Context, *Passage) error { seen = append(seen, "then at the recipient"); return nil })
			if p.Recipient.JID.Local() == "broken" {
				return errors.New("test: broken")
			}
			return xmpp.ErrServiceUnavailable
		})
		hooks.Sent = append(hooks.Sent, func(context.Context, *Passage, []*Session) { seen = append(seen, "sent") })
	}))
	if err != nil {
		t.Fatal(err)
	}
	at := &wire{}
	a := mustBind(t, h, "a@example.org/r", at)
	defer a.Closed(t.Context())
	send := func(to string) string {
		seen = nil
		st := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat)
		st.To = xmpp.MustParseJID(to + "@example.org")
		a.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
		a.flow.settle()
		return strings.ReplaceAll(fmt.Sprint(seen, at.take()), to, "who")
	}
	nobody, shut := send("nobody"), send("shut")
	if nobody != shut || !strings.HasPrefix(shut, "[committed then sent]") {
		t.Errorf("to nobody: %s\nto one who refuses: %s", nobody, shut)
	}
	if got := send("broken"); !strings.HasPrefix(got, "[] ") || !strings.Contains(got, "internal-server-error") {
		t.Errorf("when something is broken: %s", got)
	}
}

type some []string

func (s some) Exists(_ context.Context, account xmpp.JID) (bool, error) {
	return slices.Contains(s, account.Local()), nil
}
