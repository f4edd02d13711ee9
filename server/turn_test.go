package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"palabre/xmpp"
)

// A gatekeeper writes every message to the store, and holds up the telling of one.
type gatekeeper struct {
	id   string
	gate chan struct{}
}

func (gatekeeper) Info() Info { return Info{Name: "gatekeeper"} }
func (g gatekeeper) Register(h *Host) {
	h.Hooks().Outbound = append(h.Hooks().Outbound, func(_ context.Context, p *Passage) error {
		p.Write(note{p.Sender()})
		if p.Stanza.ID == g.id {
			p.Then(func(context.Context, *Passage) error { <-g.gate; return nil })
		}
		return nil
	})
}

// What several clients send to one account reaches it in the order of commits, though their streams are told beside each other; what goes to others waits for nothing.
func TestMessagesAreToldInTheOrderOfCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		g := gatekeeper{"1", make(chan struct{})}
		h, err := New(Options{Domains: []string{"example.org"}, Users: everyone{}, Store: store}, g)
		if err != nil {
			t.Fatal(err)
		}
		bind := func(user string) (*Session, *sink) {
			c := &sink{}
			s, err := h.Bind(t.Context(), xmpp.MustParseJID(user), "r", c)
			if err != nil {
				t.Fatal(err)
			}
			s.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
			return s, c
		}
		_, atB := bind("b@example.org")
		_, atC := bind("c@example.org")
		a, _ := bind("a@example.org")
		d, _ := bind("d@example.org")
		e, atE := bind("e@example.org")

		a.Receive(t.Context(), message("1", true))
		d.Receive(t.Context(), message("2", true)) // behind 1, by turn
		other := message("3", true)
		other.Stanza.To = xmpp.MustParseJID("c@example.org")
		d.Receive(t.Context(), other) // behind 2, by stream
		free := message("4", true)
		free.Stanza.To = xmpp.MustParseJID("c@example.org")
		e.Receive(t.Context(), free) // behind 3, by turn
		own := message("5", true)
		own.Stanza.To = xmpp.MustParseJID("e@example.org")
		e.Receive(t.Context(), own)
		time.Sleep(6 * time.Second) // all commits
		synctest.Wait()
		if got := atB.ids() + atC.ids() + atE.ids(); got != "[][][]" {
			t.Errorf("told before its turn: %s", got)
		}
		close(g.gate)
		synctest.Wait()
		if got := atB.ids() + atC.ids() + atE.ids(); got != "[1 2][3 4][5]" {
			t.Errorf("told: %s", got)
		}
		for _, s := range h.Sessions() {
			if n := len(s.Account.turns.waiting); n > 0 {
				t.Errorf("%d still wait for their turn at %s", n, s.Account.JID)
			}
		}
	})
}
