package mail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"palabre/account"
	"palabre/mail"
	"palabre/server"
	"palabre/store"
)

// What the relay puts off for ever is given up in the end, and told with the last answer.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	r := newRelay()
	var tries atomic.Int64
	r.rcpt = func(*smtp.Conn, string) error {
		tries.Add(1)
		return code(450, "full")
	}
	r.start(t, false)
	o := options(r.ln.Addr().String())
	o.Retry = 500 * time.Millisecond
	p := newPost(t, o)
	p.run(t)
	id := p.send(t, letterTo("juliet@example.org"))
	if n := p.waitTold(t, 1)[0]; n.Text != "Your mail “The balcony” did not reach:\njuliet@example.org: it was tried for 500ms. The last time: 450 4.1.1 full" {
		t.Errorf("%q", n.Text)
	}
	if n := tries.Load(); n < 3 || n > 26 {
		t.Errorf("tried %d times", n)
	}

	// the administrator has it tried again
	must(t, p.Retry(t.Context(), id))
	p.waitTold(t, 2)
	must(t, p.Discard(t.Context(), id))
	p.empty(t)
	if err := p.Retry(t.Context(), id); !errors.Is(err, mail.ErrUnknown) {
		t.Errorf("one that is gone: %v", err)
	}
	if err := p.Discard(t.Context(), id); !errors.Is(err, mail.ErrUnknown) {
		t.Errorf("one that is gone: %v", err)
	}
}

// Also when the relay can't be reached all the time.
func TestGivenUpWithoutRelay(t *testing.T) {
	t.Parallel()
	o := options("127.0.0.1:1")
	o.Retry = 200 * time.Millisecond
	p := newPost(t, o)
	p.run(t)
	for range 3 {
		p.send(t, letterTo("juliet@example.org"))
	}
	for _, n := range p.waitTold(t, 3) {
		if want := "juliet@example.org: it was tried for 200ms. The last time: the mail relay 127.0.0.1:1 can't be reached: connect: connection refused"; !strings.HasSuffix(n.Text, want) {
			t.Errorf("%q", n.Text)
		}
	}
}

// A requester who could not be told is told later, over a restart too, and once.
func TestToldLater(t *testing.T) {
	t.Parallel()
	r := newRelay()
	r.rcpt = func(_ *smtp.Conn, to string) error {
		if strings.HasPrefix(to, "nobody") {
			return code(550, "who?")
		}
		return nil
	}
	r.start(t, false)
	o := options(r.ln.Addr().String())
	refused := make(chan struct{}, 100)
	o.Tell = func(context.Context, mail.Notice, server.Write) error {
		refused <- struct{}{}
		return fmt.Errorf("store: %w", server.ErrAway)
	}
	p := newPost(t, o)
	stop := p.run(t)
	p.send(t, letterTo("juliet@example.org", "nobody@example.org"))
	for range 3 {
		<-refused
	}
	stop()
	o.Tell = nil
	again := postOn(t, p.store, o)
	again.run(t)
	again.waitTold(t, 1)
	again.send(t, letterTo("nobody@example.org"))
	if n := again.waitTold(t, 2); len(n) != 2 || n[0].ID == n[1].ID {
		t.Errorf("%+v", n)
	}
	if n := len(r.all()); n != 1 {
		t.Errorf("%d mails have arrived", n)
	}
}

// What was queued before the start goes out with it, and drafts that nobody can queue any more go.
func TestAfterARestart(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	id := p.send(t, letterTo("juliet@example.org"))
	_, err := p.Compose(t.Context(), letterTo("juliet@example.org"))
	must(t, err)
	again := postOn(t, p.store, options(r.ln.Addr().String()))
	again.run(t)
	if m := r.wait(t, 1); !strings.Contains(m[0].messageID(), id) {
		t.Errorf("%+v", m)
	}
	again.empty(t)
}

// Nothing is sent before it is committed, and a mail that is dropped while it waits is not sent.
func TestNothingBeforeTheCommit(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	p.run(t)
	d, err := p.Compose(t.Context(), letterTo("never@example.org"))
	must(t, err)
	p.send(t, letterTo("juliet@example.org")) // a fence
	r.wait(t, 1)
	d.Drop(t.Context())
	if err := p.commit(d.Queue()); !errors.Is(err, mail.ErrUnknown) {
		t.Errorf("queued after it was dropped: %v", err)
	}
	p.send(t, letterTo("juliet@example.org"))
	r.wait(t, 2)
	p.empty(t)
	for _, m := range r.all() {
		if m.to[0] != "juliet@example.org" {
			t.Errorf("arrived: %+v", m)
		}
	}
}

// The end of the server leaves time to what is under way, but not for ever.
func TestTheEnd(t *testing.T) {
	t.Parallel()
	r := newRelay()
	begun, finish := make(chan struct{}, 10), make(chan struct{})
	r.done = func(*smtp.Conn, string) error {
		begun <- struct{}{}
		<-finish
		return nil
	}
	r.start(t, false)
	o := options(r.ln.Addr().String())
	o.Times.Grace = 10 * time.Second
	p := newPost(t, o)
	stop := p.run(t)
	p.send(t, letterTo("juliet@example.org"))
	<-begun
	go func() { finish <- struct{}{} }()
	stop()
	p.nothingWaits(t)
	if n := len(r.all()); n != 1 {
		t.Errorf("%d mails have arrived", n)
	}

	o.Times.Grace = 50 * time.Millisecond
	p = newPost(t, o)
	stop = p.run(t)
	p.send(t, letterTo("juliet@example.org"))
	<-begun
	since := time.Now()
	stop()
	if d := time.Since(since); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if n, err := p.Waiting(t.Context()); n != 1 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	close(finish)
}

// nothingWaits asserts that no mail waits, without an outbox that runs.
func (p *post) nothingWaits(t *testing.T) {
	t.Helper()
	if n, err := p.Waiting(t.Context()); n != 0 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
}

// A requester whose account is gone before they could be told is not told, and the mail does not wait for it.
func TestRequesterIsGone(t *testing.T) {
	t.Parallel()
	r := newRelay()
	r.rcpt = func(*smtp.Conn, string) error { return code(550, "who?") }
	r.start(t, false)
	o := options(r.ln.Addr().String())
	refused := make(chan struct{}, 100)
	o.Tell = func(context.Context, mail.Notice, server.Write) error {
		refused <- struct{}{}
		return errors.New("not now")
	}
	p := newPost(t, o)
	must(t, p.store.Create(t.Context(), account.Account{JID: romeo}))
	stop := p.run(t)
	p.send(t, letterTo("nobody@example.org"))
	<-refused
	stop()
	must(t, p.store.Delete(t.Context(), romeo))
	o.Tell = nil
	again := postOn(t, p.store, o)
	again.run(t)
	for begun := time.Now(); ; {
		if n, err := p.store.CountMails(t.Context(), mail.Failed); n == 1 {
			must(t, err)
			break
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatal("it waits for ever")
		}
	}
	select {
	case <-again.told:
		t.Error("somebody is told")
	default:
	}
}

// flaky is a store whose database goes away when the relay has taken a mail.
type flaky struct {
	*store.Store
	away atomic.Int64 // how often
}

func (f *flaky) Settle(ctx context.Context, s *mail.Settlement) error {
	if f.away.Add(-1) >= 0 {
		return fmt.Errorf("store: %w", server.ErrAway)
	}
	return f.Store.Settle(ctx, s)
}

// While what the relay has said can't be stored, the relay hears nothing more, and the mail is not sent again.
func TestAnswerThatCanNotBeStored(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	o := options(r.ln.Addr().String())
	p := newPost(t, o)
	f := &flaky{Store: p.store}
	f.away.Store(2)
	o.Store = f
	p = postOn(t, p.store, o)
	p.run(t)
	p.send(t, letterTo("juliet@example.org"))
	p.empty(t)
	if n := len(r.all()); n != 1 || f.away.Load() >= 0 {
		t.Errorf("%d mails have arrived; %d", n, f.away.Load())
	}
	if n := strings.Count(p.log.String(), "could not be stored"); n != 1 {
		t.Errorf("said %d times", n)
	}
}
