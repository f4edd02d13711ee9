package letter_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"palabre/letter"
	"palabre/xmpp"
)

// A letter has what lies within the spans and the times that are asked for, and nothing else.
func TestBounds(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	var ids []int64
	begin := p.now
	for i := range 10 {
		_, id := p.say(juliet, "Juliet", fmt.Sprint(i), body(fmt.Sprint(i)))
		ids = append(ids, id)
		p.after(time.Minute)
	}
	for _, c := range []struct {
		name   string
		change func(*letter.Query)
		want   string
	}{
		{"all", nil, "0123456789"},
		{"none", func(q *letter.Query) { q.Within = nil }, ""},
		{"two spans", func(q *letter.Query) { q.Within = []letter.Span{{Since: ids[1], Until: ids[4]}, {Since: ids[7]}} }, "2389"},
		{"since", func(q *letter.Query) { q.Since = begin.Add(5 * time.Minute) }, "56789"},
		{"until", func(q *letter.Query) { q.Until = begin.Add(5 * time.Minute) }, "01234"},
		{"both", func(q *letter.Query) { q.Since, q.Until = begin.Add(90*time.Second), begin.Add(3*time.Minute) }, "2"},
		{"both, and spans", func(q *letter.Query) {
			q.Within = []letter.Span{{Until: ids[3]}}
			q.Since, q.Until = begin.Add(time.Minute), begin.Add(time.Hour)
		}, "12"},
		{"never", func(q *letter.Query) { q.Since = begin.Add(time.Hour) }, ""},
		{"before there was a time", func(q *letter.Query) { q.Until = time.Unix(-1, 0) }, ""},
		{"the other way round", func(q *letter.Query) { q.Since, q.Until = begin.Add(5*time.Minute), begin }, ""},
		{"another room", func(q *letter.Query) { q.Archive = xmpp.MustParseJID("street@rooms.example.org") }, ""},
	} {
		text, _, _ := p.write(t, c.change)
		if got := strings.ReplaceAll(strings.ReplaceAll(heard(text), "Juliet: ", ""), "|", ""); got != c.want {
			t.Errorf("%s: %s, not %s", c.name, got, c.want)
		}
		if empty := strings.Contains(text, "Nothing was said"); empty != (c.want == "") {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

// What comes after a letter was asked for is not in it; what is taken back meanwhile is.
func TestMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	_, id := p.say(juliet, "Juliet", "1", body("a secret"))
	p.say(romeo, "Romeo", "2", body("it"))
	_, corrected := p.say(romeo, "Romeo", "3", "<replace xmlns='urn:xmpp:message-correct:0' id='2'/>"+body("another secret"))
	l := p.ask(nil)
	p.say(juliet, "Juliet", "4", body("later"))
	p.takeBack(id, "5", "")
	p.takeBack(corrected, "6", "")
	const gone = "[This message was taken back.]"
	if got := heard(string(written(t, l.WriteText))); got != "Juliet: "+gone+"|Romeo: "+gone {
		t.Error(got)
	}
}

// A subject is short, and one line.
func TestSubject(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	subject := func(title, lang string) string {
		return p.ask(func(q *letter.Query) { q.Title, q.Language = title, lang }).Subject
	}
	if got := subject("The garden", "en"); got != "History of The garden" {
		t.Error(got)
	}
	p.say(juliet, "Juliet", "1", body("1"))
	if got := subject("The garden", "sv"); got != "Historik för The garden, 20 nov. 2026" {
		t.Error(got)
	}
	p.after(15 * 24 * time.Hour)
	p.say(juliet, "Juliet", "2", body("2"))
	if got := subject("a\r\nBcc: b@example.org\r\n"+strings.Repeat("long ", 100), "fr"); got != "Historique de « a Bcc: b@example.org long long long lon… », 20 nov. 2026 – 5 déc. 2026" {
		t.Error(got)
	}
}

// Where the clocks are changed, headings say so.
func TestClocksChange(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	p.now = time.Date(2027, 3, 27, 12, 0, 0, 0, time.UTC)
	for i, wait := range []time.Duration{0, 12*time.Hour + 30*time.Minute, time.Hour, 24 * time.Hour, 217 * 24 * time.Hour} {
		p.after(wait)
		p.say(juliet, "Juliet", fmt.Sprint(i), body(fmt.Sprint(i)))
	}
	text, _, _ := p.write(t, func(q *letter.Query) { q.Zone = stockholm })
	var got []string
	lines := strings.Split(text, "\n")
	for i := range lines {
		if strings.HasPrefix(lines[min(i+1, len(lines)-1)], "-----") {
			got = append(got, lines[i])
		}
		if strings.HasSuffix(lines[i], "  Juliet") && len(lines[i]) == 13 {
			got = append(got, lines[i][:5])
		}
	}
	const winter, summer = " (Europe/Stockholm, UTC+01:00)", " (Europe/Stockholm, UTC+02:00)"
	want := []string{"Saturday 27 March 2027", "13:00", "Sunday 28 March 2027", "01:30", "Sunday 28 March 2027" + summer, "03:30", "Monday 29 March 2027" + summer, "03:30", "Monday 1 November 2027" + winter, "02:30"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q\n%q", got, want)
	}
}

// A letter that is too long for a mail is attached, and the cover says under which name.
func TestAttachment(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.fill(5001)
	l := p.ask(nil)
	if !l.Long() || l.Count != 5001 {
		t.Fatalf("%d messages", l.Count)
	}
	z, err := gzip.NewReader(bytes.NewReader(written(t, l.WriteAttachment)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(got, written(t, l.WriteText)) {
		t.Errorf("the attachment is another letter: %v", err)
	}
	var cover, page bytes.Buffer
	if err := errors.Join(l.WriteCoverText(&cover), l.WriteCoverHTML(&page)); err != nil {
		t.Fatal(err)
	}
	checkText(t, cover.Bytes())
	checkHTML(t, page.Bytes())
	for _, s := range []string{cover.String(), page.String()} {
		if !strings.Contains(strings.ReplaceAll(s, "\n", " "), "5,001 messages") || !strings.Contains(s, l.AttachmentName()) {
			t.Error(s)
		}
	}
	if l.AttachmentName() != "history-2026-11-20.txt.gz" {
		t.Error(l.AttachmentName())
	}
}

// A few very long messages make a long letter, too.
func TestLongBySize(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	for i := range 30 {
		p.say(juliet, "Juliet", fmt.Sprint(i), body(strings.Repeat("many words ", 7000)))
	}
	if l := p.ask(nil); !l.Long() {
		t.Error("it is not long")
	}
	for i := range 30 {
		p.say(juliet, "Juliet", fmt.Sprint("c", i), "<replace xmlns='urn:xmpp:message-correct:0' id='"+fmt.Sprint(i)+"'/>"+body("few words"))
	}
	if l := p.ask(nil); l.Long() {
		t.Error("it is long")
	}
	for i := range 30 {
		p.say(juliet, "Juliet", fmt.Sprint("d", i), "<replace xmlns='urn:xmpp:message-correct:0' id='"+fmt.Sprint(i)+"'/>"+body(strings.Repeat("many words ", 7000)))
	}
	if l := p.ask(nil); !l.Long() {
		t.Error("it is not long any more")
	}
}

// Of a hundred people at most the names are listed.
func TestManyPeople(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	for i := range 120 {
		p.say(fmt.Sprintf("u%d@example.org", i), fmt.Sprintf("User %03d", i), "1", body("hi"))
	}
	text, page, _ := p.write(t, nil)
	if strings.Count(text, "\n  User ") != 100 || !strings.Contains(text, "\n  and 20 more\n") || !strings.Contains(page, ", and 20 more</p>") {
		t.Error(text)
	}
}

// What can't be read or written is an error, and no letter.
func TestErrors(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.fill(1000)
	l := p.ask(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.WriteText(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	q := letter.Query{Archive: room, Within: []letter.Span{{}}}
	templates, err := letter.OpenTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&letter.Scribe{Archive: archive{p.Module}, Templates: templates}).Letter(ctx, q); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	full := errors.New("full")
	for _, write := range []func(context.Context, io.Writer) error{l.WriteText, l.WriteHTML, l.WriteAttachment} {
		if err := write(t.Context(), &narrow{room: 5000, err: full}); !errors.Is(err, full) {
			t.Error(err)
		}
	}
}

// A narrow writer takes some bytes, and then fails.
type narrow struct {
	room int
	err  error
}

func (n *narrow) Write(b []byte) (int, error) {
	if n.room -= len(b); n.room < 0 {
		return 0, n.err
	}
	return len(b), nil
}

// A conversation with an occupant of a room is told by their nick.
func TestPrivately(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	const private = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
	p.between(room.String()+"/Romeo", juliet, "1", private+body("psst"))
	p.between(juliet, room.String()+"/Romeo", "2", private+body("yes?"))
	p.between(room.String()+"/Nurse", juliet, "3", private+body("child!"))
	text, _, _ := p.write(t, func(q *letter.Query) {
		q.Archive, q.Title = xmpp.MustParseJID(juliet), "Romeo"
		q.With, _ = room.WithResource("Romeo")
	})
	if got, want := heard(text), "Romeo: psst|juliet@example.org: yes?"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
