package letter_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

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

// An archive is the real one as letters know it; daemon joins them in the same way.
type archive struct{ *history.Module }

func (a archive) Read(ctx context.Context, r letter.Reading, fn func(letter.Row) error) error {
	within := make([]history.Span, len(r.Within))
	for i, s := range r.Within {
		within[i] = history.Span(s)
	}
	reading := history.Reading{
		Archive: r.Archive, With: r.With, Within: within, IDs: r.IDs, Before: r.Before, Since: r.Since, Until: r.Until, Backwards: r.Backwards,
	}
	return a.Module.Read(ctx, reading, func(row history.RoomRow) error {
		return fn(letter.Row{ID: row.ID, At: history.TimeOf(row.ID), Stanza: row.Stanza, Sender: row.Sender, Tombstone: row.Tombstone})
	})
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
	st := parse(p.t, string(xmpp.AppendAttr(xmpp.AppendAttr([]byte("<message type='groupchat'"), "id", id), "from", from.String()))+">"+inside+"</message>")
	said := p.Say(room, st, st.Addressed(room), "")
	said.Entries[0].Peer = xmpp.MustParseJID(account)
	p.commit(said)
	return p.Name(said.ID()), said.ID()
}

// archive puts what two say into Juliet's archive.
func (p *past) archive(from, to, id, typ, inside string) {
	p.t.Helper()
	p.entry(from, to, id, typ, inside, 0)
}

// hidden keeps a message for a client of Juliet's, out of what archives show.
func (p *past) hidden(from, to, id, inside string) {
	p.t.Helper()
	p.entry(from, to, id, "chat", inside, history.Hidden|history.Waits)
}

func (p *past) entry(from, to, id, typ, inside string, kind history.Kind) {
	p.t.Helper()
	sender, recipient := xmpp.MustParseJID(from), xmpp.MustParseJID(to)
	e := history.Entry{Owner: xmpp.MustParseJID(juliet), Peer: sender.Bare(), Kind: kind}
	if sender.Bare() == e.Owner {
		e.Peer, e.Kind = recipient.Bare(), kind|history.Sent
	}
	st := parse(p.t, fmt.Sprintf("<message type='%s' id='%s' from='%s' to='%s'>%s</message>", typ, id, escape(from), escape(to), inside))
	raw := st.String()
	p.commit(&history.Append{Entries: []history.Entry{e}, Stanza: []byte(raw), Inner: strings.IndexByte(raw, '>') + 1})
}

// everything asks for one row of a room.
func everything(number int64) history.RoomQuery {
	return history.RoomQuery{Within: []history.Span{{}}, IDs: []int64{number}}
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
	scribe := &letter.Scribe{Archive: archive{p.Module}, Templates: templates}
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

// What a room says by itself is nobody's, and no message.
func TestRoomItself(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.say("juliet@example.org", "Juliet", "1", body("Good night"))
	p.after(time.Minute)
	p.say(room.String(), "", "2", "<sent xmlns='urn:palabre:room:mail'/>"+body("Juliet sends what was said here by e-mail to Friar Laurence."))
	text := p.text(nil)
	const head, want = "\n1 message\nParticipants:\n  Juliet\n\n", "08:04  *** Juliet sends what was said here by e-mail to Friar Laurence.\n"
	if !strings.Contains(text, head) || !strings.Contains(text, want) || strings.Contains(text, "?") {
		t.Error(text)
	}
}
