package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// roll is who is who.
const roll = `id,kind,name,email,account
romeo,person,Roméo Montague,romeo@montague.example,romeo@example.org
juliet,person,Juliet Capulet,juliet@capulet.example,juliet@example.org
laurence,person,Friar Laurence,laurence@friary.example,
lawrence,person,Lawrence of Verona,lawrence@verona.example,
`

// What was said in the room, and how much of it each may see: those who came first, all of it.
var (
	spoken = []string{
		"first: he jests at scars that never felt a wound",
		"second: what light through yonder window breaks? see https://example.org/east?sun=1&moon=0",
		`second: ay me — <b>déjà</b> & "vu" 🌙`,
		"second: it was the nightingale, and not the lark",
		"your lady mother is coming to your chamber: the day is broke; be wary, look about",
		"third: " + strings.Repeat("farewell, ", 30) + "one kiss, and I’ll descend",
	}
	unseen  = map[string]int{"romeo": 0, "juliet": 1, "nurse": 4}
	notices = map[string]int{"romeo": 0, "juliet": 1, "nurse": 2} // of those who have sent it before
	answers = map[string][]string{"romeo": {"romeo@montague.example"}, "juliet": {"juliet@capulet.example"}, "nurse": {}}
)

// slixmpp sends what was said in a room by e-mail, Python's own package reads the mails, and each has what its sender may see, in both of its parts.
func TestMail(t *testing.T) {
	t.Parallel()
	needSlixmpp(t)
	eachDatabase(t, func(t *testing.T, url string) {
		r := newRelay(t, url == "")
		p := serve(t, url, r.configuration)
		command(t, roll, "directory", "import", "--config", filepath.Join(p.Dir, "palabre.toml"), "-")
		mails := 0
		script{"slixmpp_mail.py", p.host, p.port, p.ca}.play(t, func(what string) {
			words := strings.Fields(what)
			if len(words) != 3 || words[0] != "mail" {
				t.Fatalf("%q can't be done", what)
			}
			readAndCheck(t, r.next(t), words[1], words[2])
			mails++
		})
		r.none(t)
		if mails != len(unseen) {
			t.Errorf("%d mails came", mails)
		}
	})
}

// Profanity shows what the room says when its history is sent. Addresses that are in no directory are not named where anybody may come in.
func TestMailTold(t *testing.T) {
	t.Parallel()
	needSlixmpp(t)
	need(t, "tmux")
	need(t, "profanity")
	r := newRelay(t, true)
	p := serve(t, "", r.configuration)
	command(t, roll, "directory", "import", "--config", filepath.Join(p.Dir, "palabre.toml"), "-")
	w := newWay(t, net.JoinHostPort(p.host, p.port))
	juliet := &roomGuest{terminal: profanity(t)}
	juliet.login("juliet", w.host, w.port)
	script{"slixmpp_told.py", p.host, p.port, p.ca}.play(t, func(what string) { juliet.obey(strings.TrimPrefix(what, "juliet ")) })
	if got, want := r.next(t).to, []string{"laurence@friary.example", "someone@elsewhere.example"}; !slices.Equal(got, want) {
		t.Errorf("the mail goes to %v", got)
	}
}

// A letter is a mail as Python reads it.
type letter struct {
	Defects, Types                             []string
	From, Sender, Subject, Language, Automatic string
	ID                                         string
	To, Reply                                  []string
	Dated                                      bool
	Text, Page                                 string // with one space for each white space
	Links, Elements                            []string
}

// readMail has another program read a mail.
func readMail(t *testing.T, raw []byte) (l letter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-B", "testdata/read_mail.py")
	var trouble strings.Builder
	cmd.Stdin, cmd.Stderr = bytes.NewReader(raw), &trouble
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the mail can't be read: %v\n%s\n%s", err, &trouble, raw)
	}
	must(t, json.Unmarshal(out, &l))
	return l
}

func readAndCheck(t *testing.T, e envelope, by, language string) {
	t.Helper()
	l := readMail(t, e.data)
	if !e.secure || e.from != "chat@example.org" || !slices.Equal(e.to, []string{"laurence@friary.example"}) {
		t.Errorf("%s: the mail goes from %s to %v, over TLS: %v", by, e.from, e.to, e.secure)
	}
	if len(l.Defects) > 0 || !slices.Equal(l.Types, []string{"multipart/alternative", "text/plain", "text/html"}) {
		t.Errorf("%s: %v has %v", by, l.Types, l.Defects)
	}
	if l.From != e.from || !slices.Equal(l.To, e.to) || !slices.Equal(l.Reply, answers[by]) || l.Automatic != "auto-generated" || l.ID == "" || !l.Dated {
		t.Errorf("%s: from %q %s to %v, answers to %v, %s, %s, dated: %v", by, l.Sender, l.From, l.To, l.Reply, l.Automatic, l.ID, l.Dated)
	}
	if !strings.Contains(l.Subject, "The Orchard & the « balcon »") || l.Language != language {
		t.Errorf("%s: %q is about %q", by, l.Language, l.Subject)
	}
	for name, part := range map[string]string{"the text": l.Text, "the page": l.Page} {
		for i, s := range spoken {
			if want, got := i >= unseen[by], strings.Count(part, s); want && got != 1 || !want && got != 0 {
				t.Errorf("%s: %q stands %d times in %s:\n%s", by, s, got, name, part)
			}
		}
		if others := strings.Count(part, "Friar Laurence"); others != notices[by] {
			t.Errorf("%s: %d notices stand in %s:\n%s", by, others, name, part)
		}
		if strings.Contains(part, "nott") {
			t.Errorf("%s: what was corrected stands in %s:\n%s", by, name, part)
		}
	}
	for _, link := range l.Links {
		if u, err := url.Parse(link); err != nil || u.Scheme != "https" || u.Host != "example.org" {
			t.Errorf("%s: the page has a link to %q", by, link)
		}
	}
	for _, no := range []string{"script", "img", "link", "iframe", "object", "form"} {
		if slices.Contains(l.Elements, no) {
			t.Errorf("%s: the page has a <%s>", by, no)
		}
	}
}
