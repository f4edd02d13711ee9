package attack

import (
	"fmt"
	"strings"
	"testing"

	"palabre/xmpp"
)

// lies are what only one's own server may say, in a message, each with the word forged in it; "%s" is whom it is to deceive.
var lies = func() string {
	var b strings.Builder
	for _, by := range []string{
		"%s", "%s", "%s/balcony", "JULIET@EXAMPLE.ORG", "\uff4auliet@example.org", "&#106;uliet@example.org", "juliet@example&#46;org", " %s", "%s ", "%s&#10;", "&#9;%s", "example.org", "EXAMPLE.org", "example.org.", "mallory@example.org",
		"romeo@example.net", "example.net", "", "@", "juliet\\40example.org", "nobody@example.org", "juliet@@example.org", "juliet@example.org/",
	} {
		b.WriteString("<stanza-id xmlns='urn:xmpp:sid:0' by='" + by + "' id='forged'/>")
	}
	b.WriteString("<stanza-id xmlns='urn:xmpp:sid:0' id='forged'/><s:stanza-id xmlns:s='urn:xmpp:sid:0' by='%s' id='forged'/><stanza-id xmlns='urn:xmpp:sid:0' xmlns:a='urn:a' a:by='x' by='%s' a:id='x' id='forged'><stanza-id by='%s' id='forged'/></stanza-id>")
	copied := "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z'/><message xmlns='jabber:client' from='romeo@example.org/orchard' to='%s'><body>forged</body></message></forwarded>"
	for _, e := range []string{
		"<sent xmlns='urn:xmpp:carbons:2'>" + copied + "</sent>", "<received xmlns='urn:xmpp:carbons:2'>" + copied + "</received>", "<c:received xmlns:c='urn:xmpp:carbons:2'>" + copied + "</c:received>",
		"<result xmlns='" + nsArchive + "' queryid='forged' id='forged'>" + copied + "</result>", "<m:result xmlns:m='" + nsArchive + "' id='forged'>" + copied + "</m:result>",
	} {
		b.WriteString(e + e)
	}
	for _, from := range []string{"example.org", "EXAMPLE.ORG", "romeo@example.org", "example.net", " example.org", "example.org."} { // XEP-0203 §5
		b.WriteString("<delay xmlns='urn:xmpp:delay' from='" + from + "' stamp='2001-01-01T00:00:00Z'>forged</delay>")
	}
	return b.String()
}()

// own is true in a message of Juliet's, and a lie in one of anybody else's.
const own = "<delay xmlns='urn:xmpp:delay' from='juliet@example.org/balcony' stamp='2001-01-01T00:00:00Z'>own</delay>"

// truths are what a message may hold though it looks like a lie: what others have said, and what the sender says of itself.
const truths = "<stanza-id xmlns='urn:xmpp:sid:0' by='room@chat.example.com' id='kept1'/><origin-id xmlns='urn:xmpp:sid:0' id='kept2'/><delay xmlns='urn:xmpp:delay' from='chat.example.com' stamp='2001-01-01T00:00:00Z'>kept3</delay>" +
	"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' from='example.org' stamp='2001-01-01T00:00:00Z'>kept4</delay><message xmlns='jabber:client'><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='kept5'/></message></forwarded>"

// believed checks what has arrived: nothing is forged, what was true is there, and the ids are as many as the server gives, all the same.
func believed(t *testing.T, how string, got node, id string) {
	t.Helper()
	text := fmt.Sprint(got)
	if strings.Contains(text, "forged") {
		t.Errorf("%s: forged things arrive: %.500s", how, text[strings.Index(text, "forged"):])
	}
	for i := range 5 {
		if !strings.Contains(text, fmt.Sprint("kept", i+1)) {
			t.Errorf("%s: what was no lie is missing: %s", how, text)
		}
	}
	if strings.Contains(text, " own ") != strings.HasPrefix(got.attr("from"), "juliet@") {
		t.Errorf("%s: a time in the sender's name, or in another's: %s", how, text)
	}
	ours := 0
	for _, c := range got.Children {
		if c.XMLName.Local == "stanza-id" && c.attr("by") == "juliet@example.org" {
			if ours++; c.attr("id") != id {
				t.Errorf("%s: the id is %q and not %q", how, c.attr("id"), id)
			}
		}
	}
	if ours > 1 || (ours == 1) != (id != "") {
		t.Errorf("%s: there are %d ids", how, ours)
	}
}

// TestF3Lies (F2, F3): what only one's own server may say is cut out, all copies in whatever disguise, from others and from oneself; it does not come back on any way.
func TestF3Lies(t *testing.T) {
	t.Parallel()
	for _, from := range []xmpp.JID{mallory, juliet} {
		for _, hints := range []string{"", "<no-permanent-store xmlns='urn:xmpp:hints'/>", "<no-store xmlns='urn:xmpp:hints'/>"} {
			t.Run(from.Local()+hints, func(t *testing.T) {
				t.Parallel()
				everyWay(t, from, hints)
			})
		}
	}
}

// everyWay has a message full of lies go every way that there is to a client.
func everyWay(t *testing.T, from xmpp.JID, hints string) {
	s := start(t, limitsOff)
	s.Account(t, juliet)
	evil := s.login(t, from, "evil")
	n := 0
	lie := func(to string) string {
		n++
		id := fmt.Sprint("lie", n)
		evil.send("<message to='" + to + "' type='chat' id='" + id + "'>" + strings.ReplaceAll(lies, "%s", "juliet@example.org") + "<body>" + secretBody + "</body>" + truths + own + hints + "</message>")
		evil.fence()
		return id
	}
	stored := hints == ""
	var id string // in the archive
	known := func(got node) string {
		id = ""
		for _, c := range got.Children {
			if c.XMLName.Local == "stanza-id" && c.attr("by") == "juliet@example.org" {
				id = c.attr("id")
			}
		}
		if stored != (id != "") {
			t.Errorf("the id is %q", id)
		}
		return id
	}
	one := func(how string, all []node, name string) (m node) {
		t.Helper()
		if all = of("message", all); len(all) != 1 || all[0].attr("id") != name {
			t.Fatalf("%s: there come %v", how, all)
		}
		return all[0]
	}

	if !strings.Contains(hints, "no-store") {
		name := lie("juliet@example.org")
		w := s.login(t, juliet, "reader")
		w.send("<presence/>")
		got := parse(t, w.fence())
		m := one("off-line", got, name)
		believed(t, "off-line", m, known(m))
		if d := of("delay", m.Children); d[len(d)-1].attr("from") != "example.org" {
			t.Errorf("off-line: the delays are %v", d)
		}
		w.send(closed)
		w.ends()
	}

	p, copied := s.phone(t, juliet, "balcony"), s.login(t, juliet, "copied")
	p.send("<presence/>")
	p.take()
	copied.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	copied.fence()
	name := lie("juliet@example.org/balcony")
	m := one("at once", p.take(), name)
	believed(t, "at once", m, known(m))
	if carbons := of("message", parse(t, copied.fence())); len(carbons) != 1 {
		t.Errorf("%d carbons", len(carbons))
	} else {
		believed(t, "as a carbon", inside(carbons[0]), id)
	}
	copied.send(closed)
	copied.ends()

	p.got-- // the answer to the fence
	p.got-- // the message, too, has not arrived
	p.drop()
	name2 := lie("juliet@example.org")
	p.resume()
	again := of("message", append(p.upTo("<iq type='result' id='fence'"), p.take()...))
	if len(again) != 2 || again[0].attr("id") != name || again[1].attr("id") != name2 {
		t.Fatalf("resumed: there come %v", ids(again))
	}
	for _, m := range again {
		believed(t, "resumed", m, known(m))
	}

	p.send("<iq type='set' id='q'><query xmlns='" + nsArchive + "'/></iq>")
	got := p.until("</iq>")
	rows := 0
	for _, n := range of("message", parse(t, got)) {
		row := inside(n)
		believed(t, "in the archive", row, "")
		rows++
	}
	if stored != (rows > 0) {
		t.Errorf("%d rows", rows)
	}
}

// inside is the message in a carbon or a row.
func inside(n node) node {
	for _, c := range n.Children {
		if f, ok := c.child("forwarded"); ok && c.XMLName.Local != "forwarded" {
			m, _ := f.child("message")
			return m
		}
	}
	return node{}
}
