package server

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// ask is a request to the domain.
func askDomain(id, what string) stream.Event {
	st := xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New("urn:x", what))
	st.ID, st.To = id, xmpp.MustParseJID("example.org")
	return stream.Event{Kind: stream.Stanza, Stanza: st}
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlowStore()
		go store.run()
		defer close(store.ending)
		h := newHost(t, Options{Store: store}, func(h *Host) { keeper{}.Register(h) })
		a, at := attended(t, h, "a@example.org/r")
		b, atB := attended(t, h, "b@example.org/r")
		b.SetPresence(xmpp.NewStanza(xmpp.Presence, ""), 0)
		a.Receive(t.Context(), message("1", true))
		start := time.Now()
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("it took %v, not the second of the commit", waited)
		}
		for _, c := range []*stub{at, atB} {
			if c.why == nil || c.why.Condition != stream.SystemShutdown {
				t.Errorf("a stream ended with %v", c.why)
			}
		}
		if !a.IsClosed() || !b.IsClosed() || len(h.Sessions()) != 0 {
			t.Errorf("%d sessions are left", len(h.Sessions()))
		}
		var e *xmpp.Error
		if _, err := h.Bind(t.Context(), a.JID.Bare(), "r", newStub()); !errors.As(err, &e) || e.Condition != xmpp.ErrResourceConstraint.Condition {
			t.Errorf("after that, a resource is given: %v", err)
		}
	})
}

// What is answered beside a stream is waited for, and told to give up when there is no more time.
func TestShutdownAndRequestsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended error
		h := newHost(t, Options{}, func(h *Host) {
			h.HandleIQ(ToDomain, "urn:x", "slow", func(context.Context, *Request) (xmpp.Element, error) {
				return xmpp.Element{}, Later(func(ctx context.Context) (xmpp.Element, error) {
					<-ctx.Done()
					ended = ctx.Err()
					return xmpp.Element{}, ended
				})
			})
		})
		a, _ := attended(t, h, "a@example.org/r")
		a.Receive(t.Context(), askDomain("1", "slow"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
		synctest.Wait()
		if !errors.Is(ended, context.Canceled) {
			t.Errorf("the request ended with %v", ended)
		}
	})
}

func TestLaterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		h := newHost(t, Options{}, func(h *Host) {
			h.HandleIQ(ToAccount, "urn:x", "slow", OwnOnly(func(_ context.Context, r *Request) (xmpp.Element, error) {
				return xmpp.Element{}, Later(func(context.Context) (xmpp.Element, error) {
					<-answer
					if h.InUse(r.Account.JID) != r.Account {
						t.Error("the account of the request is no longer the one in use")
					}
					switch r.ID {
					case "0":
						return xmpp.Element{}, xmpp.ErrForbidden
					case "1":
						panic("as the test wants it")
					case "2":
						return xmpp.Element{}, ErrAnswered
					}
					return xmpp.New("urn:x", "done"), nil
				})
			}))
		})
		c := &wire{}
		a := mustBind(t, h, "a@example.org/r", c)
		ask := func(id string) {
			st := xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New("urn:x", "slow"))
			st.ID = id
			a.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
		}
		for i := range laterMost + 1 {
			ask(fmt.Sprint(i))
		}
		if got := c.take(); len(got) != 1 {
			t.Errorf("one too many is answered by %q", got)
		}
		end(a) // does not wait for them
		again := &wire{}
		a = mustBind(t, h, "a@example.org/r", again)
		close(answer)
		synctest.Wait()
		if got := again.take(); len(got) != laterMost-1 {
			t.Errorf("%d answers: %q", len(got), got)
		}
		ask("3")
		synctest.Wait()
		want := "<iq type='result' id='3' to='a@example.org/r' from='a@example.org'><done xmlns='urn:x'/></iq>"
		if got := again.take(); len(got) != 1 || got[0] != want {
			t.Errorf("the answer is %q", got)
		}
		end(a)
		if h.InUse(a.JID.Bare()) != nil {
			t.Error("the account is still held")
		}
	})
}
