package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"palabre/xmpp"
)

// words gives the bodies in what has come from an archive.
func words(rows []node) (out []string) {
	for _, r := range rows {
		if b, ok := inside(r).child("body"); ok {
			out = append(out, b.Text)
		}
	}
	return out
}

// says has somebody say something, and gives what the room calls it.
func (w *wire) says(room, body string) string {
	w.t.Helper()
	w.send("<message type='groupchat' id='" + body + "' to='" + room + "'><body>" + body + "</body></message>")
	for _, n := range parse(w.t.(*testing.T), w.fence()) {
		if s, ok := n.child("stanza-id"); ok && n.attr("id") == body {
			return s.attr("id")
		}
	}
	w.t.Fatalf("%s is not heard", body)
	return ""
}

// TestF4Intervals: a member of a group reads what was said while they were a member, and nothing else, by no question that one can ask of an archive.
func TestF4Intervals(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, w := s.login(t, juliet, "balcony"), s.login(t, romeo, "orchard")
	room := s.open(host, "group", "group")
	said := map[string]string{}
	say := func(body string) { said[body] = host.says(room, body) }
	quit := "<iq type='set' id='quit' to='" + room + "'><query xmlns='jabber:iq:register'><remove/></query></iq>"
	invite := "<message to='" + room + "'><x xmlns='" + nsUser + "'><invite to='romeo@example.org'/></x></message>"

	say("hidden-1")
	say("hidden-2")
	host.send(invite)
	host.fence()
	say("hidden-3") // an interval begins with the first entering
	w.enters(room, "Romeo")
	say("seen-1")
	say("seen-2")
	w.send(quit)
	w.until("id='quit'")
	w.fence()
	say("hidden-4")
	host.send(invite)
	host.fence()
	say("hidden-5")
	w.enters(room, "Romeo")
	say("seen-3")
	w.send("<presence type='unavailable' to='" + room + "/Romeo'/>")
	w.fence()
	say("seen-4")
	all := []string{"seen-1", "seen-2", "seen-3", "seen-4"}

	query := func(form, set string) ([]string, node) {
		t.Helper()
		if form != "" {
			form = "<x xmlns='" + nsForm + "' type='submit'>" + field("FORM_TYPE", nsArchive) + form + "</x>"
		}
		rows, answer := w.asks("<iq type='set' id='q' to='" + room + "'><query xmlns='" + nsArchive + "'>" + form + "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set></query></iq>")
		if strings.Contains(fmt.Sprint(rows, answer), "hidden") {
			t.Errorf("%s %s: %v %v", form, set, rows, answer)
		}
		return words(rows), answer
	}
	if got, fin := query("", ""); !slices.Equal(got, all) || strings.Contains(deep(fin), "<http://jabber.org/protocol/rsm count>7") {
		t.Errorf("all: %v %v", got, fin)
	}
	// Pages that begin or end at what is not to be seen: as many as there are, or an error, and never a hidden one.
	for name, id := range said {
		for _, set := range []string{"<after>" + id + "</after>", "<before>" + id + "</before>", "<max>1</max><after>" + id + "</after>", "<max>1</max><before>" + id + "</before>", "<max>2</max><before/>", "<max>0</max>"} {
			got, fin := query("", set)
			for _, g := range got {
				if !slices.Contains(all, g) {
					t.Errorf("%s: %s", set, g)
				}
			}
			if i := strings.Index(deep(fin), "rsm count>"); i >= 0 && deep(fin)[i+len("rsm count>")] > '4' {
				t.Errorf("%s: there are said to be more: %v", set, fin)
			}
		}
		for _, f := range []string{field("after-id", id), field("before-id", id), field("ids", id), "<field var='ids'><value>" + id + "</value><value>" + said["seen-1"] + "</value></field>"} {
			got, answer := query(f, "")
			if hidden := strings.HasPrefix(name, "hidden"); hidden && strings.Contains(f, "'ids'") && len(got) > 1 {
				t.Errorf("%s: %v", f, got)
			} else if !hidden && answer.attr("type") == "error" {
				t.Errorf("%s: %v", f, answer)
			}
		}
	}
	if a, _ := query(field("ids", said["hidden-2"]), ""); len(a) > 0 {
		t.Error("a hidden message is given by its id")
	}
	// Whether there is a message that one may not see is not told by how one is refused.
	_, known := query(field("ids", said["hidden-2"]), "")
	_, unknown := query(field("ids", "no-such-id"), "")
	if known.condition() != unknown.condition() {
		t.Errorf("a hidden message is answered by %q, one that there is not by %q", known.condition(), unknown.condition())
	}
	for _, f := range []string{field("start", "1970-01-01T00:00:00Z"), field("end", "2100-01-01T00:00:00Z"), field("with", room+"/Host"), field("with", "juliet@example.org"), field("with", room), field("include-groupchat", "true")} {
		query(f, "")
	}
	// XEP-0313 §5: the archive's ends are one's own.
	_, meta := w.asks("<iq type='get' id='q' to='" + room + "'><metadata xmlns='" + nsArchive + "'/></iq>")
	if s := deep(meta); !strings.Contains(s, said["seen-1"]) || !strings.Contains(s, said["seen-4"]) {
		t.Errorf("the archive's ends are %s", s)
	}
	// The history that one gets with entering.
	for _, history := range []string{"", "<history since='1970-01-01T00:00:00Z'/>", "<history maxstanzas='1000'/>", "<history seconds='100000000'/>", "<history maxchars='100000000'/>", "<history maxstanzas='-1' seconds='-1'/>"} {
		w.send("<presence id='e' to='" + room + "/Romeo'><x xmlns='" + nsEnter + "'>" + history + "</x></presence>")
		if got := w.fence(); strings.Contains(got, "hidden") {
			t.Errorf("%s: %s", history, got)
		}
	}
	// Taking out or answering what one does not see does nothing, and tells nothing.
	for name, id := range said {
		w.send(retraction(room, id))
		if got := w.fence(); strings.HasPrefix(name, "hidden") && strings.Contains(got, "hidden") {
			t.Errorf("%s: %s", name, got)
		}
	}
	host.fence()
	rows, _ := host.asks("<iq type='set' id='q' to='" + room + "'><query xmlns='" + nsArchive + "'/></iq>")
	if got := words(rows); len(got) < len(said) {
		t.Errorf("the host reads %v", got)
	}
	// After leaving for good: nothing at all, not even what one has seen.
	w.send(quit)
	w.until("id='quit'")
	w.fence()
	if _, answer := query("", ""); answer.condition() != "forbidden" {
		t.Errorf("one who has left for good: %v", answer)
	}
}

// TestF4Hidden: what a room is about, who is in it, and that it is there, is not told to strangers of a group.
func TestF4Hidden(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, evil := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc")
	room := s.open(host, "group", "group", field("muc#roomconfig_roomname", "Plans"), field("muc#roomconfig_publicroom", "0"))
	host.send("<message type='groupchat' id='s' to='" + room + "'><subject>Elopement</subject></message>")
	host.fence()
	for _, inside := range []string{
		"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>",
		"<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>", "<query xmlns='" + nsOwner + "'/>", "<query xmlns='jabber:iq:register'/>", "<query xmlns='jabber:iq:version'/>",
		"<query xmlns='" + nsAdmin + "'><item affiliation='owner'/></query>", "<query xmlns='" + nsAdmin + "'><item affiliation='member'/></query>", "<query xmlns='" + nsAdmin + "'><item role='moderator'/></query>",
		"<query xmlns='" + nsArchive + "'/>", "<metadata xmlns='" + nsArchive + "'/>", "<vCard xmlns='vcard-temp'/>", "<query xmlns='jabber:iq:last'/>", "<query xmlns='jabber:iq:search'/>", "<ping xmlns='urn:xmpp:ping'/>",
	} {
		for _, to := range []string{room, room + "/Host", "conference.example.org"} {
			for _, typ := range []string{"get", "set"} {
				_, answer := evil.ask("<iq type='" + typ + "' id='q' to='" + to + "'>" + inside + "</iq>")
				if got := deep(answer); strings.Contains(got, "Elopement") || strings.Contains(got, "juliet@example.org") || to != room && strings.Contains(got, "group@conference") && !strings.Contains(got, " from='"+to+"'") {
					t.Errorf("%s to %s: %s", inside, to, got)
				}
			}
		}
	}
	evil.send("<presence type='probe' to='" + room + "'/><presence type='probe' to='" + room + "/Host'/><presence type='subscribe' to='" + room + "'/><presence to='" + room + "/Host'/>" + enter(room, "Mallory") + say(room, "x"))
	if got := evil.fence(); strings.Contains(got, "juliet@") || strings.Contains(got, "Elopement") {
		t.Errorf("presence tells %s", got)
	}
	if got := host.fence(); strings.Contains(got, "mallory") {
		t.Errorf("the host gets %s", got)
	}
}

// ask sends a request of the id q, and gives its answer.
func (w *wire) ask(request string) (all []node, answer node) {
	w.t.Helper()
	w.send(request)
	for {
		all = append(all, parse(w.t.(*testing.T), w.fence())...)
		for _, n := range all {
			if n.XMLName.Local == "iq" && n.attr("id") == "q" && n.attr("type") != "get" && n.attr("type") != "set" {
				return all, n
			}
		}
	}
}

// strangers are several people.
func (s *site) strangers(t testing.TB, n int) (out []xmpp.JID) {
	for i := range n {
		j := xmpp.MustParseJID(fmt.Sprintf("stranger%d@example.org", i))
		s.Account(t, j)
		out = append(out, j)
	}
	return out
}
