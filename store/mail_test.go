package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"palabre/mail"
	"palabre/xmpp"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// anOutbox has a relay that nobody talks to.
func anOutbox(t *testing.T, s *Store) *mail.Outbox {
	t.Helper()
	o, err := mail.New(mail.Options{Store: s, Relay: mail.Relay{Address: "mail.example.org:587", From: "chat@example.org"}, Now: func() time.Time { return noon }})
	must(t, err)
	return o
}

func aLetter(body string) mail.Letter {
	return mail.Letter{
		ReplyTo: mail.Recipient{Name: "Roméo", Address: "romeo@example.org"}, Subject: "The balcony", Language: "en",
		Requester: romeo, About: xmpp.MustParseJID("coven@conference.example.org"),
		Recipients:  []mail.Recipient{{Name: "Juliet", Address: "juliet@example.org"}, {Address: `"the nurse"@example.org`}, {Address: "JULIET@Example.org"}, {Address: "juliet@EXAMPLE.org"}},
		Alternative: []mail.Part{{Type: "text/plain", Write: func(w io.Writer) error { _, err := io.WriteString(w, body); return err }}},
	}
}

// contentOf is a mail as its chunks hold it.
func contentOf(t *testing.T, s *Store, m *mail.Mail) string {
	t.Helper()
	var b bytes.Buffer
	for i := range m.Chunks {
		c, err := s.Chunk(t.Context(), m.ID, i)
		must(t, err)
		b.Write(c)
	}
	if int64(b.Len()) != m.Size {
		t.Errorf("%d bytes in chunks, %d said", b.Len(), m.Size)
	}
	return b.String()
}

func TestMailIsQueuedInATransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, o := t.Context(), anOutbox(t, s)
		addAccounts(t, s, romeo)
		d, err := o.Compose(ctx, aLetter(strings.Repeat("It is the east, and Juliet is the sun.\n", 10000)))
		must(t, err)
		if _, err := s.Mail(ctx, d.ID); !errors.Is(err, mail.ErrUnknown) {
			t.Errorf("a draft: %v", err)
		}
		// what goes with it fails: it stays a draft
		if err := commit(s, d.Queue(), published(juliet, tune, "x")); err == nil {
			t.Error("juliet has no account")
		}
		if list, err := s.Mails(ctx, mail.Waits, mail.Mark{}, 9); len(list) != 0 || err != nil {
			t.Fatalf("queued nevertheless: %+v, %v", list, err)
		}
		must(t, commit(s, d.Queue(), published(romeo, tune, "x")))
		if err := commit(s, d.Queue()); !errors.Is(err, mail.ErrUnknown) {
			t.Errorf("queued twice: %v", err)
		}
		d.Drop(ctx) // does nothing any more
		m, err := s.Mail(ctx, d.ID)
		must(t, err)
		text := contentOf(t, s, m)
		if m.Chunks < 3 || !strings.Contains(text, "Message-ID: <"+d.ID+"@example.org>\r\n") || !strings.Contains(text, "\r\n\r\nIt is the east") {
			t.Errorf("%d chunks: %.500s", m.Chunks, text)
		}
		var to []string
		for _, d := range m.To {
			to = append(to, fmt.Sprint(d.Seq, " ", d.Name, " ", d.Address, " ", d.State))
		}
		if want := []string{"0 Juliet juliet@example.org 0", `1  "the nurse"@example.org 0`, "2  JULIET@example.org 0"}; !reflect.DeepEqual(to, want) {
			t.Errorf("to %q, want %q", to, want)
		}
		if m.State != mail.Waits || !m.Due.Equal(noon) || !m.Queued.Equal(noon) || m.Subject != "The balcony" || m.Language != "en" || m.ReplyTo.String() != "romeo@example.org" ||
			m.Called != "Roméo" || m.Requester != romeo || m.About.Local() != "coven" {
			t.Errorf("%+v", m)
		}
		list, err := s.Mails(ctx, mail.Waits, mail.Mark{}, 9)
		must(t, err)
		m.To = nil
		if len(list) != 1 || !reflect.DeepEqual(list[0], *m) {
			t.Errorf("listed: %+v", list)
		}
	})
}

func TestMailIsSettled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, o := t.Context(), anOutbox(t, s)
		d, err := o.Compose(ctx, aLetter("x"))
		must(t, err)
		must(t, commit(s, d.Queue()))
		later := noon.Add(time.Hour)
		must(t, s.Settle(ctx, &mail.Settlement{ID: d.ID, State: mail.Waits, Due: later, Tries: 1, Problem: "450", Deliveries: []mail.Delivery{
			{Seq: 0, State: mail.Taken, Answer: "250 ok"}, {Seq: 1, State: mail.Refused, Answer: "550 who?"}, {Seq: 2, State: mail.Pending, Answer: "450 later"}}}))
		states := func(want mail.State, due time.Time, each ...mail.DeliveryState) {
			t.Helper()
			m, err := s.Mail(ctx, d.ID)
			must(t, err)
			var got []mail.DeliveryState
			for _, d := range m.To {
				got = append(got, d.State)
			}
			if m.State != want || !m.Due.Equal(due) || !reflect.DeepEqual(got, each) {
				t.Errorf("%+v", m)
			}
		}
		states(mail.Waits, later, mail.Taken, mail.Refused, mail.Pending)
		must(t, commit(s, &mail.ToldOf{ID: d.ID, Requester: romeo, State: mail.Failed, Due: noon}))
		states(mail.Failed, noon, mail.Taken, mail.Told, mail.Pending)
		must(t, s.Renew(ctx, d.ID, later))
		states(mail.Waits, later, mail.Taken, mail.Pending, mail.Pending)
		if err := s.Renew(ctx, "nothing", later); !errors.Is(err, mail.ErrUnknown) {
			t.Errorf("renewed: %v", err)
		}
		if n, err := s.CountMails(ctx, mail.Waits); n != 1 || err != nil {
			t.Errorf("counted: %d, %v", n, err)
		}
		must(t, s.Discard(ctx, d.ID, later))
		// one that is gone does not come back
		must(t, s.Settle(ctx, &mail.Settlement{ID: d.ID, State: mail.Waits, Due: later}))
		must(t, commit(s, &mail.ToldOf{ID: d.ID, State: mail.Waits, Due: later}))
		if _, err := s.Mail(ctx, d.ID); !errors.Is(err, mail.ErrUnknown) {
			t.Errorf("discarded: %v", err)
		}
	})
}

// What is dropped, and drafts that a crash left, go bit by bit, and nothing else does.
func TestMailIsPurged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, o := t.Context(), anOutbox(t, s)
		compose := func(body string) *mail.Draft {
			d, err := o.Compose(ctx, aLetter(body))
			must(t, err)
			return d
		}
		long := strings.Repeat("0123456789\n", 400000) // 67 chunks or more
		dropped, left, stays := compose(long), compose("left"), compose("stays")
		must(t, commit(s, stays.Queue()))
		dropped.Drop(ctx)
		must(t, s.DiscardOld(ctx, mail.Drafted, noon, noon)) // none is that old
		must(t, commit(s, compose("queued").Queue()))
		must(t, s.DiscardOld(ctx, mail.Drafted, noon.Add(time.Second), noon))
		if err := commit(s, left.Queue()); !errors.Is(err, mail.ErrUnknown) {
			t.Errorf("a draft that is gone: %v", err)
		}
		rounds := 0
		for more := true; more; rounds++ {
			var err error
			more, err = s.Purge(ctx)
			must(t, err)
		}
		var chunks, recipients, mails int64
		must(t, s.db.QueryRow(ctx, []any{&chunks, &recipients, &mails}, `SELECT (SELECT COUNT(*) FROM mail_chunk), (SELECT COUNT(*) FROM mail_recipient), (SELECT COUNT(*) FROM mail)`))
		if chunks != 2 || recipients != 6 || mails != 2 || rounds < 3 {
			t.Errorf("%d chunks, %d recipients, %d mails are left after %d rounds", chunks, recipients, mails, rounds)
		}
	})
}

func TestMailsInTheirOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, o := t.Context(), anOutbox(t, s)
		var want []string
		for i := range 5 {
			d, err := o.Compose(ctx, aLetter("x"))
			must(t, err)
			w := d.Queue().(*mail.Queued)
			w.At = noon.Add(time.Duration(5-i) * time.Minute)
			must(t, commit(s, w))
			want = append([]string{d.ID}, want...)
		}
		var got []string
		var at mail.Mark
		for {
			page, err := s.Mails(ctx, mail.Waits, at, 2)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				got = append(got, m.ID)
				at = mail.Mark{Due: m.Due, ID: m.ID}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// Whoever gets the name next is not told of the mail of the one before.
func TestMailOfOneWhoIsGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, o := t.Context(), anOutbox(t, s)
		addAccounts(t, s, romeo)
		d, err := o.Compose(ctx, aLetter("x"))
		must(t, err)
		must(t, commit(s, d.Queue()))
		must(t, s.Delete(ctx, romeo))
		m, err := s.Mail(ctx, d.ID)
		must(t, err)
		if !m.Requester.IsZero() || m.About.IsZero() {
			t.Errorf("%+v", m)
		}
	})
}

// While the mails of somebody's are very long that could not be sent, there are no more of theirs; others are not concerned.
func TestMailThatFillsTheOutbox(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, o := t.Context(), anOutbox(t, s)
		addAccounts(t, s, romeo)
		d, err := o.Compose(ctx, aLetter("x"))
		must(t, err)
		long := d.Queue().(*mail.Queued)
		long.Size = 10 * mail.MaxSize
		must(t, commit(s, long))
		if _, err := o.Compose(ctx, aLetter("x")); !errors.Is(err, mail.ErrFull) {
			t.Errorf("one more: %v", err)
		}
		other := aLetter("x")
		other.Requester = juliet
		_, err = o.Compose(ctx, other)
		must(t, err)
		must(t, s.Discard(ctx, d.ID, noon))
		_, err = o.Compose(ctx, aLetter("x"))
		must(t, err)
	})
}
