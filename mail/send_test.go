package mail_test

import (
	"io"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"palabre/mail"
)

func TestSend(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	p.run(t)
	l := letterTo("juliet@example.org", "nurse@example.org")
	l.Recipients[0].Name, l.ReplyTo = "Juliet", mail.Recipient{Name: "Roméo", Address: "romeo@example.org"}
	id := p.send(t, l)
	got := r.wait(t, 1)[0]
	if got.from != "chat@example.org" || !slices.Equal(got.to, []string{"juliet@example.org", "nurse@example.org"}) {
		t.Errorf("%+v", got)
	}
	m, err := netmail.ReadMessage(strings.NewReader(got.data))
	must(t, err)
	for name, want := range map[string]string{
		"To": "Juliet <juliet@example.org>, nurse@example.org", "Reply-To": "=?utf-8?q?Rom=C3=A9o?= <romeo@example.org>", "Subject": "The balcony",
		"From": "chat@example.org", "Message-ID": "<" + id + "@example.org>", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if at, err := m.Header.Date(); err != nil || time.Since(at) > time.Minute {
		t.Errorf("Date: %v, %v", at, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	must(t, err)
	if string(body) != "It is the east.\r\n" {
		t.Errorf("body: %q", body)
	}
	p.empty(t)
	if p.Stats.Sent() != 2 || p.Stats.Refused() != 0 || p.Stats.Away() {
		t.Error("the counts are wrong")
	}
}

// While there is work, one connection carries it.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	for range 50 {
		p.send(t, letterTo("juliet@example.org"))
	}
	p.run(t)
	all := r.wait(t, 50)
	p.empty(t)
	ids := map[string]bool{}
	for _, m := range all {
		ids[m.messageID()] = true
	}
	if len(ids) != 50 || len(r.all()) != 50 || p.Stats.Connections() > 4 { // two at once; one may find nothing to do for a moment
		t.Errorf("%d mails of %d ids on %d connections", len(r.all()), len(ids), p.Stats.Connections())
	}
}

// A refusal concerns the one it is about: the others get their mail, once, and the requester hears of the one.
func TestRefusalsPerRecipient(t *testing.T) {
	t.Parallel()
	r := newRelay()
	tries := 0
	r.rcpt = func(_ *smtp.Conn, to string) error {
		switch {
		case to == "unknown@example.org":
			return code(550, "no such user here")
		case to == "grey@example.org" && tries < 3:
			tries++
			return code(450, "later")
		}
		return nil
	}
	r.start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	p.run(t)
	m := p.outcome(t, letterTo("juliet@example.org", "unknown@example.org", "grey@example.org"), nobodyWaits)
	notices := p.waitTold(t, 1)
	if len(notices) != 1 || notices[0].Requester != romeo || notices[0].Text !=
		"Your mail “The balcony” did not reach:\nunknown@example.org: 550 5.1.1 no such user here\nThe others it was sent to are not affected." {
		t.Errorf("told: %+v", notices)
	}
	all := r.wait(t, 2)
	if len(all) != 2 || !slices.Equal(all[0].to, []string{"juliet@example.org"}) || !slices.Equal(all[1].to, []string{"grey@example.org"}) ||
		all[0].messageID() != all[1].messageID() || tries != 3 {
		t.Errorf("arrived: %+v", all)
	}
	if m.To[0].State != mail.Taken || m.To[1].State != mail.Told || m.To[2].State != mail.Taken {
		t.Errorf("%+v", m.To)
	}
	failed, err := p.List(t.Context(), mail.Failed, mail.Mark{}, 9)
	must(t, err)
	if len(failed) != 1 || failed[0].ID != m.ID {
		t.Errorf("kept: %+v", failed)
	}
}
