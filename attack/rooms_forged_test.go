package attack

import (
	"strings"
	"testing"

	"palabre/xmpp"
)

const (
	nsSID      = "urn:xmpp:sid:0"
	nsOccupant = "urn:xmpp:occupant-id:0"
	nsForm     = "jabber:x:data"
)

// open makes a room of a preset, and gives its address. More fields of its configuration may follow.
func (s *site) open(host *wire, name, preset string, fields ...string) string {
	host.t.Helper()
	room := name + "@conference.example.org"
	host.send(enter(room, "Host") + "<iq type='set' id='made' to='" + room + "'><query xmlns='" + nsOwner + "'><x xmlns='" + nsForm + "' type='submit'>" +
		field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig") + field("urn:palabre:room:preset", preset) + strings.Join(fields, "") + "</x></query></iq>")
	if got := host.until(" id='made'"); !strings.Contains(got[strings.LastIndex(got, "<iq"):]+host.until(">"), "type='result'") {
		host.t.Fatalf("the room %s is not made: %s", room, got)
	}
	host.fence()
	return room
}

// enters has a client enter a room, and drops what comes of it.
func (w *wire) enters(room, nick string) {
	w.t.Helper()
	w.send(enter(room, nick))
	if got := w.fence(); !strings.Contains(got, "<status code='110'/>") {
		w.t.Fatalf("%s does not get in: %s", nick, got)
	}
}

// admits makes somebody a member.
func (w *wire) admits(room string, who xmpp.JID) {
	w.t.Helper()
	w.send(admin("set", "admit", room, "<item jid='"+who.String()+"' affiliation='member'/>"))
	w.until("id='admit'")
	w.fence()
}

// roomLies are what only a room says, with the word forged in each. "%r" is the room's address.
var roomLies = func() string {
	var b strings.Builder
	for _, by := range []string{"%r", "%r", "LIES@Conference.Example.Org", "%r/Host", "&#108;ies@conference.example.org", "conference.example.org", "", "lies@conference.example.org.", " %r"} {
		b.WriteString("<stanza-id xmlns='" + nsSID + "' by='" + by + "' id='forged'/>")
	}
	b.WriteString("<stanza-id xmlns='" + nsSID + "' id='forged'/><s:stanza-id xmlns:s='" + nsSID + "' by='%r' id='forged'/>")
	b.WriteString("<occupant-id xmlns='" + nsOccupant + "' id='forged'/><occupant-id xmlns='" + nsOccupant + "' id='forged'/><o:occupant-id xmlns:o='" + nsOccupant + "' id='forged'/>")
	for _, from := range []string{"%r", "LIES@conference.example.org", "conference.example.org", "example.org"} {
		b.WriteString("<delay xmlns='urn:xmpp:delay' from='" + from + "' stamp='2001-01-01T00:00:00Z'>forged</delay>")
	}
	for _, x := range []string{
		"<x xmlns='" + nsUser + "'><item jid='forged@example.org/x' affiliation='owner' role='moderator'/><status code='110'/><status code='307'/></x>",
		"<u:x xmlns:u='" + nsUser + "'><u:status code='172'/><u:item jid='forged@example.org'/></u:x>",
		"<x xmlns='" + nsUser + "'><destroy jid='forged@conference.example.org'/></x>", "<x xmlns='" + nsUser + "'><invite from='forged@example.org'/></x>",
	} {
		b.WriteString(x + x)
	}
	b.WriteString("<hats xmlns='urn:xmpp:hats:0'><hat uri='urn:forged' title='forged'/></hats><moderated xmlns='urn:xmpp:message-moderate:1' by='forged'/><retracted xmlns='urn:xmpp:message-retract:1' id='forged' stamp='2001-01-01T00:00:00Z'/>")
	b.WriteString("<addresses xmlns='http://jabber.org/protocol/address'><address type='ofrom' jid='forged@example.org/x'/></addresses>")
	return b.String()
}()

// notForged checks what came from a room: nothing forged, and of what the room says as much as it says.
func notForged(t *testing.T, how string, n node, stored bool) {
	t.Helper()
	if s := strings.ToLower(strings.ReplaceAll(deep(n), secretBody, "")); strings.Contains(s, "forged") || strings.Contains(s, "2001-01-01") {
		t.Errorf("%s: a lie has come through: %s", how, s)
	}
	ids := map[string]int{}
	for _, c := range n.Children {
		ids[c.XMLName.Local]++
	}
	if ids["occupant-id"] != 1 {
		t.Errorf("%s: %d occupant-ids", how, ids["occupant-id"])
	}
	if stored && ids["stanza-id"] != 1 {
		t.Errorf("%s: %d stanza-ids", how, ids["stanza-id"])
	}
}

// deep writes down all that an element holds.
func deep(n node) string {
	var b strings.Builder
	b.WriteString("<" + n.XMLName.Space + " " + n.XMLName.Local)
	for _, a := range n.Attrs {
		b.WriteString(" " + a.Name.Local + "='" + a.Value + "'")
	}
	b.WriteString(">" + n.Text)
	for _, c := range n.Children {
		b.WriteString(deep(c))
	}
	return b.String()
}

// TestF3Rooms: what only a room says is cut out of what occupants send, all copies in whatever disguise, on every way: at once, in private, in presence, in the history
// that a newcomer gets, and in the archive.
func TestF3Rooms(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, evil, late := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc"), s.login(t, romeo, "orchard")
	room := s.open(host, "lies", "open")
	lies := strings.ReplaceAll(roomLies, "%r", room)

	evil.send("<presence id='enter' to='" + room + "/Evil'><x xmlns='" + nsEnter + "'/>" + lies + "</presence>")
	evil.fence()
	presence := of("presence", parse(t, host.fence()))
	if len(presence) != 1 {
		t.Fatalf("the host gets %v", presence)
	}
	notForged(t, "presence", presence[0], false)
	if x, ok := presence[0].child("x"); !ok || len(x.Children) != 1 {
		t.Errorf("presence: the room says %v", x)
	}

	one := func(how, sent string, stored bool) node {
		t.Helper()
		evil.send(sent)
		evil.fence()
		got := of("message", parse(t, host.fence()))
		if len(got) != 1 {
			t.Fatalf("%s: the host gets %v", how, got)
		}
		if how != "in private" {
			notForged(t, how, got[0], stored)
		}
		return got[0]
	}
	m := one("at once", "<message id='live' type='groupchat' to='"+room+"'>"+lies+"<body>"+secretBody+"</body><origin-id xmlns='"+nsSID+"' id='kept'/></message>", true)
	if m.attr("from") != room+"/Evil" || !m.has("origin-id") || m.has("delay") || m.has("x") {
		t.Errorf("at once: %v", m)
	}
	private := one("in private", "<message id='private' type='chat' to='"+room+"/Host'>"+lies+"<body>"+secretBody+"</body></message>", false)
	if s := deep(private); strings.Contains(s, "forged") {
		t.Errorf("in private: a lie has come through: %s", s)
	}
	// A subject is made by whose nickname it comes from.
	host.send("<iq type='set' id='c' to='" + room + "'><query xmlns='" + nsOwner + "'><x xmlns='" + nsForm + "' type='submit'>" +
		field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig") + field("muc#roomconfig_changesubject", "1") + "</x></query></iq>")
	host.until("id='c'")
	host.fence()
	evil.fence()
	one("subject", "<message id='subject' type='groupchat' to='"+room+"'>"+lies+"<subject>s</subject></message>", false)

	late.send(enter(room, "Late"))
	for _, n := range parse(t, late.fence()) {
		switch {
		case n.attr("id") == "live":
			if d := of("delay", n.Children); len(d) != 1 || d[0].attr("from") != room {
				t.Errorf("history: the delays are %v", d)
			}
			fallthrough
		case n.XMLName.Local == "presence" && n.attr("from") == room+"/Evil":
			notForged(t, "later "+n.XMLName.Local, n, n.XMLName.Local == "message")
		case strings.Contains(deep(n), "forged"):
			t.Errorf("later: a lie has come through: %s", deep(n))
		}
	}
	rows, _ := late.asks("<iq type='set' id='q' to='" + room + "'><query xmlns='" + nsArchive + "'/></iq>")
	if len(rows) == 0 {
		t.Error("nothing is archived")
	}
	for _, r := range rows {
		if s := deep(r); strings.Contains(s, "forged") {
			t.Errorf("in the archive: a lie has come through: %s", s)
		}
	}
}

// TestF7Others (CVE-2022-39835): nobody takes out what another has said: not under the nickname that the other had, not in the words of any version of the
// protocols, not in another's name.
func TestF7Others(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, victim, evil := s.login(t, juliet, "balcony"), s.login(t, romeo, "orchard"), s.login(t, mallory, "pc")
	room := s.open(host, "others", "open")
	victim.enters(room, "Romeo")
	victim.send(say(room, "theirs"))
	id := ""
	for _, n := range parse(t, victim.fence()) {
		if c, ok := n.child("stanza-id"); ok {
			id = c.attr("id")
		}
	}
	victim.send("<presence type='unavailable' to='" + room + "/Romeo'/>")
	victim.fence()
	evil.enters(room, "Romeo")
	host.fence()
	retract0 := "<retract xmlns='urn:xmpp:message-retract:0'/>"
	for _, name := range []string{id, "theirs"} {
		for _, inside := range []string{
			"<retract xmlns='urn:xmpp:message-retract:1' id='" + name + "'/>", "<r:retract xmlns:r='urn:xmpp:message-retract:1' id='" + name + "'/>",
			"<apply-to xmlns='urn:xmpp:fasten:0' id='" + name + "'>" + retract0 + "</apply-to>",
			"<apply-to xmlns='urn:xmpp:fasten:0' id='" + name + "'><moderated xmlns='urn:xmpp:message-moderate:0' by='" + room + "/Host'>" + retract0 + "</moderated></apply-to>",
			"<retract xmlns='urn:xmpp:message-retract:1' id='" + name + "'><moderated xmlns='urn:xmpp:message-moderate:1' by='" + room + "/Host'/></retract>",
			"<retract xmlns='urn:xmpp:message-retract:1' id='other'/><retract xmlns='urn:xmpp:message-retract:1' id='" + name + "'/>",
			"<retracted xmlns='urn:xmpp:message-retract:1' id='" + name + "' stamp='2026-01-01T00:00:00Z'/>",
		} {
			evil.send("<message id='e' type='groupchat' to='" + room + "'>" + inside + "<body>gone</body></message><message id='e' type='groupchat' to='" + room + "'>" + inside + "</message>")
			evil.fence()
		}
		for _, inside := range []string{
			"<moderate xmlns='urn:xmpp:message-moderate:1' id='" + name + "'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>",
			"<apply-to xmlns='urn:xmpp:fasten:0' id='" + name + "'><moderate xmlns='urn:xmpp:message-moderate:0'>" + retract0 + "</moderate></apply-to>",
		} {
			_, answer := evil.asks("<iq type='set' id='q' to='" + room + "'>" + inside + "</iq>")
			if answer.attr("type") != "error" {
				t.Errorf("%s: %v", inside, answer)
			}
		}
	}
	for _, n := range parse(t, host.fence()) {
		if n.attr("from") == room || strings.Contains(deep(n), "moderated") {
			t.Errorf("the host gets %v", n)
		}
	}
	rows, _ := host.asks("<iq type='set' id='q' to='" + room + "'><query xmlns='" + nsArchive + "'/></iq>")
	if len(rows) == 0 || !strings.Contains(deep(rows[0]), secretBody) {
		t.Errorf("the message is gone: %v", rows)
	}
}
