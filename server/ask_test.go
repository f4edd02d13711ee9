package server

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// An outcomes list keeps what became of requests.
type outcomes []string

func (o *outcomes) note(name string) func(context.Context, *xmpp.Stanza, error) {
	return func(_ context.Context, answer *xmpp.Stanza, err error) {
		switch {
		case errors.Is(err, ErrNoAnswer) && answer == nil:
			*o = append(*o, name+" none")
		case err == nil:
			*o = append(*o, name+" "+answer.Type)
		default:
			*o = append(*o, name+" "+err.Error())
		}
	}
}

func (o *outcomes) are(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*o, want) {
		t.Errorf("outcomes are %q, not %q", *o, want)
	}
}

func answer(s *Session, typ, id, to string) {
	st := xmpp.NewStanza(xmpp.IQ, typ)
	st.ID, st.To = id, xmpp.MustParseJID(to)
	s.Receive(context.Background(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, atA, _ := pair(t, newSlowStore(), keeper{}, Options{})
		b := a.Host().Sessions()[0]
		if b == a {
			b = a.Host().Sessions()[1]
		}
		h, payload := a.Host(), xmpp.New("urn:x", "q")
		var got outcomes
		last := func() string { return atA.got[len(atA.got)-1] }

		h.Ask(a, xmpp.TypeGet, payload, got.note("first"))
		first := last()
		answer(b, xmpp.TypeResult, first, "example.org") // another session's answer does not count
		answer(a, xmpp.TypeResult, first, "a@example.org")
		answer(a, xmpp.TypeResult, "other", "example.org")
		got.are(t)
		answer(a, xmpp.TypeResult, first, "example.org")
		answer(a, xmpp.TypeResult, first, "example.org") // nor does a second one
		got.are(t, "first result")

		h.Ask(a, xmpp.TypeGet, payload, got.note("second"))
		answer(a, xmpp.TypeError, last(), "example.org")
		got.are(t, "first result", "second error")

		got = nil
		h.Ask(a, xmpp.TypeGet, payload, got.note("slow"))
		slow := last()
		time.Sleep(askPatience) // of the bubble's clock
		synctest.Wait()
		got.are(t, "slow none")
		answer(a, xmpp.TypeResult, slow, "example.org")
		got.are(t, "slow none")

		got = nil
		for range mostAsked {
			h.Ask(a, xmpp.TypeGet, payload, got.note("x"))
		}
		h.Ask(a, xmpp.TypeGet, payload, got.note("one too many"))
		got.are(t, "one too many none")
		got = nil
		a.Closed(context.Background())
		if len(got) != mostAsked {
			t.Errorf("%d were told that the session has gone", len(got))
		}
		h.Ask(a, xmpp.TypeGet, payload, got.note("late"))
		if n := len(got); n != mostAsked+1 || got[n-1] != "late none" {
			t.Errorf("outcomes are %q", got)
		}
		b.Closed(context.Background())
	})
}
