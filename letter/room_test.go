package letter_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/history"
	"palabre/letter"
	"palabre/server"
	"palabre/store"
	"palabre/store/storetest"
	"palabre/xmpp"
)

var room = xmpp.MustParseJID("garden@rooms.example.org")

// A room's past, in a real archive whose clock the test sets.
type past struct {
	t     testing.TB
	store *store.Store
	*history.Module
	now time.Time
}

func newPast(t testing.TB) *past {
	t.Helper()
	p := &past{t: t, now: time.Date(2026, 11, 20, 8, 3, 0, 0, time.UTC)}
	o := store.Options{
		DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Error(err) },
		Now: func() time.Time { return p.now },
	}
	if os.Getenv("PALABRE_TEST_ENGINE") == "postgres" {
		o.URL = storetest.Schema(t, storetest.URL(t))
	}
	var err error
	if p.store, err = store.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if p.Module, err = history.New(history.Options{Store: p.store, Key: make([]byte, 32)}); err != nil {
		t.Fatal(err)
	}
	return p
}

// commit writes, and waits until that is durable.
func (p *past) commit(writes ...server.Write) {
	p.t.Helper()
	done := make(chan error, 1)
	p.store.Commit(writes, func(err error) { done <- err })
	if err := <-done; err != nil {
		p.t.Fatal(err)
	}
}

// after lets time pass.
func (p *past) after(d time.Duration) { p.now = p.now.Add(d) }

// say has somebody say something in the room, by a nick of theirs, and tells under which name and id it is kept.
func (p *past) say(account, nick, id, inside string) (name string, number int64) {
	p.t.Helper()
	from := room
	if nick != "" {
		var err error
		if from, err = room.WithResource(nick); err != nil {
			p.t.Fatal(err)
		}
	}
	st := parse(p.t, fmt.Sprintf("<message type='groupchat' id='%s' from='%s'>%s</message>", id, escape(from.String()), inside))
	said := p.Say(room, st, st.Addressed(room), "")
	said.Entries[0].Peer = xmpp.MustParseJID(account)
	p.commit(said)
	return p.Name(said.ID()), said.ID()
}

func parse(t testing.TB, raw string) *xmpp.Stanza {
	t.Helper()
	st, err := xmpp.ParseStanza(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return st
}

func escape(s string) string { return string(xmpp.AppendText(nil, s)) }

func body(s string) string { return "<body>" + escape(s) + "</body>" }

// ask asks for a letter about the room.
func (p *past) ask(change func(*letter.Query)) *letter.Letter {
	p.t.Helper()
	templates, err := letter.OpenTemplates("")
	if err != nil {
		p.t.Fatal(err)
	}
	q := letter.Query{Archive: room, Within: []letter.Span{{}}, Language: "en", Title: "The garden", Requester: "Juliet Capulet"}
	if change != nil {
		change(&q)
	}
	scribe := &letter.Scribe{Archive: daemon.LetterArchive(p.Module), Templates: templates}
	l, err := scribe.Letter(p.t.Context(), q)
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

// text is a letter as plain text.
func (p *past) text(change func(*letter.Query)) string {
	p.t.Helper()
	var b bytes.Buffer
	if err := p.ask(change).WriteText(p.t.Context(), &b); err != nil {
		p.t.Fatal(err)
	}
	return b.String()
}

func TestFirst(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.say("juliet@example.org", "Juliet", "1", body("Hello everybody, have a look at https://example.org/a/rather/long/address?with=parameters, and tell me what you think of it."))
	p.after(time.Minute)
	p.say("romeo@example.org", "Romeo", "2", body("> have a look\nI do"))
	p.after(24 * time.Hour)
	p.say("romeo@example.org", "Romeo", "3", body("/me sleeps"))
	want := "08:03  Juliet\n" +
		"    Hello everybody, have a look at\n" +
		"    https://example.org/a/rather/long/address?with=parameters, and tell\n" +
		"    me what you think of it.\n\n" +
		"08:04  Romeo\n" +
		"    > have a look\n" +
		"    I do\n\n\n" +
		"Saturday 21 November 2026\n" + strings.Repeat("-", 72) + "\n\n" +
		"08:04  Romeo\n" +
		"    * Romeo sleeps\n"
	if text := p.text(nil); !strings.Contains(text, want) {
		t.Error(text)
	}
}
