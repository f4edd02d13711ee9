package mail_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"palabre/mail"
)

// once runs fn the first time that it is called.
func once(fn func(*smtp.Conn) error) func(*smtp.Conn) error {
	var done atomic.Bool
	return func(c *smtp.Conn) error {
		if done.Swap(true) {
			return nil
		}
		return fn(c)
	}
}

// says is an answer, to once.
func says(n int, text string) func(*smtp.Conn) error {
	return func(*smtp.Conn) error { return code(n, text) }
}

// hang ends the connection of a client, as a relay that crashes does.
func hang(c *smtp.Conn) error {
	_ = c.Conn().Close()
	return errors.New("closed")
}

// What goes wrong once delays a mail; it arrives once, unless it was the relay's answer that was lost.
func TestTroubleThatPasses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   func(r *relay)
		times int // that it arrives
	}{
		"lost at MAIL": {func(r *relay) {
			do := once(hang)
			r.mail = func(c *smtp.Conn, _ string, _ *smtp.MailOptions) error { return do(c) }
		}, 1},
		"lost at RCPT": {func(r *relay) {
			do := once(hang)
			r.rcpt = func(c *smtp.Conn, _ string) error { return do(c) }
		}, 1},
		"lost in DATA": {func(r *relay) {
			do := once(hang)
			r.data = func(c *smtp.Conn, in io.Reader) error {
				_, err := io.ReadFull(in, make([]byte, 10))
				return errors.Join(err, do(c))
			}
		}, 1},
		"lost after DATA": {func(r *relay) {
			do := once(hang)
			r.done = func(c *smtp.Conn, data string) error {
				err := do(c)
				if err != nil { // it has taken it, and can't say so
					r.mu.Lock()
					defer r.mu.Unlock()
					r.mails = append(r.mails, received{data: data})
				}
				return err
			}
		}, 2},
		"421 at MAIL": {func(r *relay) {
			do := once(says(421, "closing"))
			r.mail = func(c *smtp.Conn, _ string, _ *smtp.MailOptions) error { return do(c) }
		}, 1},
		"421 at RCPT": {func(r *relay) {
			do := once(says(421, "closing"))
			r.rcpt = func(c *smtp.Conn, _ string) error { return do(c) }
		}, 1},
		"421 after DATA": {func(r *relay) {
			do := once(says(421, "closing"))
			r.done = func(c *smtp.Conn, _ string) error { return do(c) }
		}, 1},
		"451 at MAIL": {func(r *relay) {
			do := once(says(451, "busy"))
			r.mail = func(c *smtp.Conn, _ string, _ *smtp.MailOptions) error { return do(c) }
		}, 1},
		"450 at RCPT": {func(r *relay) {
			do := once(says(450, "grey"))
			r.rcpt = func(c *smtp.Conn, _ string) error { return do(c) }
		}, 1},
		"451 after DATA": {func(r *relay) {
			do := once(says(451, "busy"))
			r.done = func(c *smtp.Conn, _ string) error { return do(c) }
		}, 1},
		"421 instead of a greeting": {func(r *relay) {
			do := once(says(421, "not now"))
			r.greet = func(_ int, c *smtp.Conn) error { return do(c) }
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay()
			c.set(r)
			r.start(t, false)
			p := newPost(t, options(r.ln.Addr().String()))
			p.run(t)
			id := p.send(t, letterTo("juliet@example.org"))
			r.wait(t, c.times)
			p.empty(t)
			if all := r.all(); len(all) != c.times || !strings.Contains(all[0].messageID(), id) || all[0].messageID() != all[len(all)-1].messageID() {
				t.Errorf("%d mails have arrived, want %d: %+v", len(all), c.times, all)
			}
			if n := p.Stats.Refused(); n > 0 {
				t.Errorf("%d are told of", n)
			}
		})
	}
}

// What the relay refuses for good is told to who asked, with what it said.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(r *relay)
		want string
	}{
		"MAIL": {func(r *relay) {
			r.mail = func(*smtp.Conn, string, *smtp.MailOptions) error { return code(553, "not yours") }
		}, "juliet@example.org: 553 5.1.1 not yours"},
		"RCPT":       {func(r *relay) { r.rcpt = func(*smtp.Conn, string) error { return code(550, "who?") } }, "juliet@example.org: 550 5.1.1 who?"},
		"after DATA": {func(r *relay) { r.done = func(*smtp.Conn, string) error { return code(554, "spam") } }, "juliet@example.org: 554 5.1.1 spam"},
		"SIZE":       {func(r *relay) { r.MaxMessageBytes = 100 }, "juliet@example.org: the mail has 0.0 MB, and the mail relay takes no more than 0.0 MB"},
		"an answer that steers terminals": {func(r *relay) {
			r.rcpt = func(*smtp.Conn, string) error { return code(550, "\x1b[2J\u202eevil\x00") }
		}, "juliet@example.org: 550 5.1.1 [2Jevil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay()
			c.set(r)
			r.start(t, false)
			p := newPost(t, options(r.ln.Addr().String()))
			p.run(t)
			id := p.send(t, letterTo("juliet@example.org"))
			notices := p.waitTold(t, 1)
			if want := "Your mail “The balcony” did not reach:\n" + c.want; notices[0].Text != want || notices[0].ID != id {
				t.Errorf("told: %q\nwant  %q", notices[0].Text, want)
			}
			if len(r.all()) > 0 {
				t.Errorf("arrived: %+v", r.all())
			}
		})
	}
}

// script is a relay that says what it is told to, line by line: "C:" lines are what it must hear (a prefix), others what it says.
func script(t *testing.T, conversations ...string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for i := 0; ; i++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			lines := conversations[min(i, len(conversations)-1)]
			serving.Go(func() { play(c, lines) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		serving.Wait()
	})
	return ln.Addr().String()
}

func play(c net.Conn, lines string) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(c)
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		want, hear := strings.CutPrefix(line, "C: ")
		switch {
		case hear && want == ".":
			for heard := ""; heard != ".\r\n"; {
				var err error
				if heard, err = in.ReadString('\n'); err != nil {
					return
				}
			}
		case hear:
			if heard, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(heard, want) {
				return
			}
		default:
			if _, err := io.WriteString(c, line+"\r\n"); err != nil {
				return
			}
		}
	}
	_, _ = io.Copy(io.Discard, in) // until the client goes
}

const opening = "220 relay\nC: EHLO chat.example.org\n250 relay\nC: MAIL FROM:<chat@example.org>\n250 ok\nC: RCPT TO:<juliet@example.org>\n250 ok\nC: DATA\n"

// A relay that says something else than a relay may is met with a retry, and never with half a mail.
func TestScripts(t *testing.T) {
	t.Parallel()
	good := opening + "354 go\nC: .\n250 taken\nC: QUIT\n221 bye"
	for name, bad := range map[string]string{
		"DATA is put off":           opening + "451 not now\nC: RSET\n250 ok\nC: QUIT\n221 bye",
		"DATA is not understood":    opening + "250 what?",
		"the answer is no answer":   opening + "354 go\nC: .\nthank you",
		"the answer is 354":         opening + "354 go\nC: .\n354 more?",
		"an answer without end":     "220 relay\nC: EHLO\n250 relay\nC: MAIL\n" + strings.Repeat("250-"+strings.Repeat("x", 1000)+"\n", 2000),
		"a line without end":        "220 relay\nC: EHLO\n250 " + strings.Repeat("x", 100000),
		"a greeting without sense":  "HTTP/1.1 400 Bad Request\n\n",
		"nothing":                   "",
		"silence after the mail":    opening + "354 go\nC: .",
		"silence after MAIL":        "220 relay\nC: EHLO\n250 relay\nC: MAIL",
		"silence after RCPT":        "220 relay\nC: EHLO\n250 relay\nC: MAIL\n250 ok\nC: RCPT",
		"RSET is refused":           "220 relay\nC: EHLO\n250 relay\nC: MAIL\n450 later\nC: RSET\n500 what?",
		"only HELO, and a farewell": "220 relay\nC: EHLO\n502 what?\nC: HELO\n421 bye",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(script(t, bad, good))
			o.Times.Answer, o.Times.Done = 300*time.Millisecond, 300*time.Millisecond
			p := newPost(t, o)
			p.run(t)
			if m := p.outcome(t, letterTo("juliet@example.org"), nobodyWaits); m.To[0].State != mail.Taken || m.To[0].Answer != "250 taken" {
				t.Errorf("%+v", m)
			}
			p.empty(t)
		})
	}
}

// DATA refused for good, before anything of the mail is sent.
func TestDataIsRefused(t *testing.T) {
	t.Parallel()
	p := newPost(t, options(script(t, opening+"554 5.5.1 no valid recipients\nC: RSET\n250 ok\nC: QUIT\n221 bye")))
	p.run(t)
	p.send(t, letterTo("juliet@example.org"))
	if text := p.waitTold(t, 1)[0].Text; !strings.HasSuffix(text, "juliet@example.org: 554 5.5.1 no valid recipients") {
		t.Errorf("told: %q", text)
	}
}

// A relay that takes no bytes of a mail is left after a while; the mail waits, and the reason is shown.
func TestRelayThatDoesNotRead(t *testing.T) {
	t.Parallel()
	r := newRelay()
	stop := make(chan struct{})
	r.data = func(*smtp.Conn, io.Reader) error {
		<-stop
		return errors.New("stopped")
	}
	r.start(t, false)
	t.Cleanup(func() { close(stop) })
	o := options(r.ln.Addr().String())
	o.Times.Block = 200 * time.Millisecond
	p := newPost(t, o)
	p.run(t)
	l := letterTo("juliet@example.org")
	l.Attachments = []mail.Part{{Type: "application/octet-stream", Name: "big", Write: func(w io.Writer) error {
		_, err := w.Write(make([]byte, 12<<20))
		return err
	}}}
	m := p.outcome(t, l, tried)
	if m.State != mail.Waits || m.Problem != "the mail relay did not answer in time" {
		t.Errorf("%+v", m)
	}
}

// A connection that the relay has closed since is no fault of the next mail: it goes over another one, at once.
func TestConnectionThatWasUsedBefore(t *testing.T) {
	t.Parallel()
	r := newRelay()
	seen := map[*smtp.Conn]bool{}
	var mu sync.Mutex
	r.mail = func(c *smtp.Conn, _ string, _ *smtp.MailOptions) error {
		mu.Lock()
		defer mu.Unlock()
		if seen[c] {
			return hang(c)
		}
		seen[c] = true
		return nil
	}
	r.start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	for range 10 {
		p.send(t, letterTo("juliet@example.org"))
	}
	p.run(t)
	r.wait(t, 10)
	p.empty(t)
	if n := len(r.all()); n != 10 || p.Stats.Deferred() != 0 {
		t.Errorf("%d mails, %d put off", n, p.Stats.Deferred())
	}
}

// A relay that takes few recipients at once gets the others at once, in further transactions.
func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRelay()
	r.MaxRecipients = 7
	r.start(t, false)
	o := options(r.ln.Addr().String())
	o.Times.First, o.Times.Longest = time.Hour, time.Hour
	p := newPost(t, o)
	p.run(t)
	var to, got []string
	for i := range 25 {
		to = append(to, fmt.Sprintf("user%02d@example.org", i))
	}
	p.send(t, letterTo(to...))
	r.wait(t, 4)
	p.empty(t)
	for _, m := range r.all() {
		got = append(got, m.to...)
	}
	if !slices.Equal(got, to) {
		t.Errorf("%q", got)
	}
}

// Beyond the limit, the letter is refused with a sentence.
func TestTooManyRecipients(t *testing.T) {
	t.Parallel()
	p := newPost(t, options("127.0.0.1:1"))
	for _, n := range []int{mail.MaxRecipients, mail.MaxRecipients + 1, 10000, 100000} {
		var to []string
		for i := range n {
			to = append(to, fmt.Sprintf("user%d@example.org", i))
		}
		d, err := p.Compose(t.Context(), letterTo(to...))
		switch {
		case n <= mail.MaxRecipients && err == nil:
			d.Drop(t.Context())
		case n > mail.MaxRecipients && errors.Is(err, mail.ErrTooMany) && err.Error() == "a mail can go to at most 100 recipients":
		default:
			t.Errorf("%d: %v", n, err)
		}
	}
	if _, err := p.Compose(t.Context(), letterTo()); !errors.Is(err, mail.ErrNobody) {
		t.Errorf("nobody: %v", err)
	}
	if n, err := p.store.CountMails(t.Context(), mail.Drafted); n != 0 || err != nil {
		t.Errorf("%d drafts are left, %v", n, err)
	}
}

// A mail whose bytes are not all there is not sent at all.
func TestHalfAMailIsNotSent(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	d, err := p.Compose(t.Context(), letterTo("juliet@example.org"))
	must(t, err)
	q := d.Queue().(*mail.Queued)
	q.Chunks++
	must(t, p.commit(q))
	p.run(t)
	results := make(chan mail.Mail, 100)
	defer p.Watch(d.ID, func(m mail.Mail) { results <- m })()
	m := <-results
	if m.To[0].State != mail.Pending || len(r.all()) != 0 {
		t.Errorf("%+v, %+v", m, r.all())
	}
}
