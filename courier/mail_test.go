package courier_test

import (
	"slices"
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

const scene = `
person juliet name='Juliet Capulet' account=juliet email=juliet@mail.example.org
person nurse name='The Nurse' account=nurse email=nurse@mail.example.org
group family name=Capulets
members family juliet nurse
mailbox friary name='Friary' email=friary@mail.example.org
`

// B9, B10: each of three who came at different times sends what they could see, and nothing else; all are told, by name.
func TestRoomByMail(t *testing.T) {
	t.Parallel()
	s, p := start(t, nil)
	roll(t, s, scene)
	for _, name := range []string{"romeo", "juliet", "nurse", "tybalt"} {
		s.Account(t, xmpp.MustParseJID(name+"@example.org"))
	}
	romeo := host(t, s, "romeo", "group", field("muc#roomconfig_roomname", "The feast"))
	invited(t, romeo, "juliet", "nurse", "tybalt")
	say(t, romeo, "first of all")
	juliet := login(t, s, "juliet")
	enter(t, juliet, "Juliet")
	say(t, romeo, "to both")
	nurse := login(t, s, "nurse")
	enter(t, nurse, "Nurse")
	say(t, juliet, "to all three")
	tybalt := login(t, s, "tybalt")
	enter(t, tybalt, "Tybalt")
	for _, c := range []struct {
		name   string
		client *servertest.Client
		to     string
		sees   []string
		hidden []string
		reply  string
	}{
		{"romeo", romeo, "nurse@mail.example.org", []string{"first of all", "to both", "to all three"}, nil, ""},
		{"juliet", juliet, "friary@mail.example.org", []string{"to both", "to all three"}, []string{"first of all"}, "Juliet Capulet <juliet@mail.example.org>"},
		{"nurse", nurse, "someone@elsewhere.example", []string{"to all three"}, []string{"first of all", "to both"}, "The Nurse <nurse@mail.example.org>"},
	} {
		if note, failed := asks(t, c.client, feast, toRoom, field("to", c.to)); failed {
			t.Fatal(note)
		}
		m := p.next(t)
		if !slices.Equal(m.to, []string{c.to}) || m.from != "chat@example.org" || !strings.Contains(m.subject, "The feast") {
			t.Errorf("%s: from %s to %v: %s", c.name, m.from, m.to, m.subject)
		}
		if got := m.head.Get("Reply-To"); got != c.reply {
			t.Errorf("%s: answers go to %s", c.name, got)
		}
		for _, text := range []string{m.text, m.html} {
			for _, want := range c.sees {
				if !strings.Contains(text, want) {
					t.Errorf("%s misses %q in\n%s", c.name, want, text)
				}
			}
			for _, no := range c.hidden {
				if strings.Contains(text, no) {
					t.Errorf("%s sees %q in\n%s", c.name, no, text)
				}
			}
		}
	}
	for _, want := range []string{"Romeo sends what was said here by e-mail to The Nurse.", "Juliet sends what was said here by e-mail to Friary.", "Nurse sends what was said here by e-mail to someone@elsewhere.example."} {
		if e := until(t, tybalt, says("by e-mail")); e.ContentOf(xmpp.NSClient, "body") != want || e.Attr("from") != feast+"/Mail" {
			t.Errorf("all are told %s", e)
		}
	}
	send(t, nurse, "<iq type='set' id='past' to='"+feast+"'><query xmlns='urn:xmpp:mam:2'/></iq>")
	told := 0
	until(t, nurse, func(e xmpp.Element) bool {
		if strings.Contains(string(e.AppendXML(nil, "")), "by e-mail") {
			told++
		}
		return e.Attr("id") == "past"
	})
	if told != 3 {
		t.Errorf("the archive has %d notices", told)
	}
}

// A group without an address gets it member by member, and one who is named twice gets it once.
func TestGroupByMail(t *testing.T) {
	t.Parallel()
	s, p := start(t, nil)
	roll(t, s, scene)
	romeo := host(t, s, "romeo", "open", "")
	say(t, romeo, "welcome")
	guest := login(t, s, "paris")
	enter(t, guest, "Paris")
	note, failed := asks(t, romeo, feast, toRoom, field("to", "capulets", "Juliet Capulet", "JULIET@mail.example.org; friary", "secret@elsewhere.example"))
	if failed {
		t.Fatal(note)
	}
	m := p.next(t)
	slices.Sort(m.to)
	if want := []string{"friary@mail.example.org", "juliet@mail.example.org", "nurse@mail.example.org", "secret@elsewhere.example"}; !slices.Equal(m.to, want) {
		t.Errorf("it goes to %v", m.to)
	}
	const want = "Romeo sends what was said here by e-mail to Capulets, Juliet Capulet, Friary and another address."
	if e := until(t, guest, says("by e-mail")); e.ContentOf(xmpp.NSClient, "body") != want {
		t.Errorf("in a room where anybody may come in, all are told %s", e)
	}
}

// A conversation of two is sent by either of them, and the other is told.
func TestConversationByMail(t *testing.T) {
	t.Parallel()
	s, p := start(t, nil)
	roll(t, s, scene)
	romeo, juliet := login(t, s, "romeo"), login(t, s, "juliet")
	send(t, juliet, "<presence/>")
	send(t, romeo, "<presence/>")
	send(t, romeo, "<message to='juliet@example.org' type='chat' id='1'><body>by yonder moon</body></message>")
	until(t, juliet, says("moon"))
	send(t, juliet, "<message to='romeo@example.org' type='chat' id='2'><body>swear not by it</body></message>")
	until(t, romeo, says("swear"))
	if note, failed := asks(t, juliet, "juliet@example.org", toMe, field("with", "romeo@example.org")+field("to", "friary")+field("language", "fr")); failed {
		t.Fatal(note)
	}
	m := p.next(t)
	if a, b := strings.Index(m.text, "by yonder moon"), strings.Index(m.text, "swear not by it"); a < 0 || b < a || strings.Count(m.text, "yonder") != 1 {
		t.Errorf("it says\n%s", m.text)
	}
	if e := until(t, romeo, says("courriel")); e.Attr("from") != "juliet@example.org" || e.ContentOf(xmpp.NSClient, "body") != "Juliet Capulet envoie par courriel ce qui a été dit ici à Friary." {
		t.Errorf("the other one is told %s", e)
	}
}
