package attack

import (
	"fmt"
	"strings"
	"testing"
)

// TestF8Rooms: answers that nobody has asked for do not get through a room, however they are numbered; errors take out nobody but who sends them.
func TestF8Rooms(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, victim, evil := s.login(t, juliet, "balcony"), s.login(t, romeo, "orchard"), s.login(t, mallory, "pc")
	room := s.open(host, "relay", "open", field("muc#roomconfig_whois", "moderators"))
	victim.enters(room, "Romeo")
	evil.enters(room, "Mallory")
	host.fence()
	victim.fence()
	// The victim asks the host; what the host is asked, only the host answers.
	victim.send("<iq type='get' id='v1' to='" + room + "/Host'><query xmlns='jabber:iq:version'/></iq>")
	victim.fence()
	asked := of("iq", parse(t, host.fence()))
	if len(asked) != 1 || strings.Contains(deep(asked[0]), "romeo@") {
		t.Fatalf("the host is asked %v", asked)
	}
	forged := "<query xmlns='jabber:iq:version'><name>forged</name></query>"
	for _, id := range []string{"v1", asked[0].attr("id"), "1", "fence", "bind", ""} {
		for _, to := range []string{room + "/Romeo", room + "/Host", room} {
			for _, typ := range []string{"result", "error"} {
				evil.send("<iq type='" + typ + "' id='" + escape(id) + "' to='" + to + "'>" + forged + "</iq>")
			}
		}
	}
	evil.fence()
	host.hearsNothing()
	victim.hearsNothing()
	host.send("<iq type='result' id='" + escape(asked[0].attr("id")) + "' to='" + room + "/Romeo'><query xmlns='jabber:iq:version'><name>true</name></query></iq>")
	host.fence()
	if got := parse(t, victim.fence()); len(got) != 1 || got[0].attr("id") != "v1" || got[0].attr("from") != room+"/Host" || strings.Contains(deep(got[0]), "juliet@") {
		t.Errorf("the answer is %v", got)
	}
	// It is not answered twice.
	host.send("<iq type='result' id='" + escape(asked[0].attr("id")) + "' to='" + room + "/Romeo'>" + forged + "</iq>")
	host.fence()
	victim.hearsNothing()

	// An error in somebody's name: of a message or presence that they are said to have refused.
	outside := s.login(t, tybalt, "street")
	for _, w := range []*wire{outside, evil} {
		for _, kind := range []string{"message", "presence"} {
			for _, to := range []string{room + "/Romeo", room + "/Host"} {
				for _, c := range []string{"feature-not-implemented", "service-unavailable"} {
					w.send("<" + kind + " type='error' id='x' to='" + to + "'><error type='cancel'><" + c + " xmlns='" + nsStanza + "'/></error></" + kind + ">")
				}
			}
		}
		w.fence()
	}
	for _, c := range []string{"gone", "item-not-found", "recipient-unavailable", "remote-server-not-found", "remote-server-timeout"} {
		outside.send("<message type='error' id='x' to='" + room + "/Romeo'><error type='cancel'><" + c + " xmlns='" + nsStanza + "'/></error></message>")
	}
	outside.fence()
	victim.says(room, "still-inside")
	for _, n := range parse(t, host.fence()) {
		if n.XMLName.Local == "presence" && n.attr("from") == room+"/Romeo" {
			t.Errorf("the victim is out: %v", n)
		}
	}

	// Requests that are never answered are bounded, and end when who was asked leaves.
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "<iq type='get' id='n%d' to='%s/Romeo'><query xmlns='jabber:iq:version'/></iq>", i, room)
	}
	evil.send(b.String())
	answered := 0
	count := func() {
		for _, n := range parse(t, evil.fence()) {
			if n.XMLName.Local == "iq" && strings.HasPrefix(n.attr("id"), "n") && n.condition() != "" {
				answered++
			}
		}
	}
	count()
	if n := len(of("iq", parse(t, victim.fence()))); n == 3000 {
		t.Errorf("%d requests are under way", n)
	}
	victim.send("<presence type='unavailable' to='" + room + "/Romeo'/>")
	victim.fence()
	for range 20 {
		if answered < 3000 {
			count()
		}
	}
	if answered != 3000 {
		t.Errorf("of 3000 requests %d are answered when nobody is left to do it", answered)
	}
}

// TestF10Voice: who asks for voice again and again annoys nobody.
func TestF10Voice(t *testing.T) {
	t.Parallel()
	s := start(t)
	host, evil := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc")
	room := s.open(host, "voice", "open", field("muc#roomconfig_moderatedroom", "1"))
	evil.enters(room, "Mallory")
	host.fence()
	request := "<message id='v' to='" + room + "'><x xmlns='" + nsForm + "' type='submit'>" + field("FORM_TYPE", "http://jabber.org/protocol/muc#request") + field("muc#role", "participant") + "</x></message>"
	evil.send(strings.Repeat(request, 200))
	evil.fence()
	if n := strings.Count(host.fence(), "<message"); n == 0 || n > 20 {
		t.Errorf("the moderator is asked %d times", n)
	}
	// A role that one can't ask for, and a form that says yes to itself.
	for _, r := range []string{"moderator", "none", "owner", ""} {
		evil.send(strings.Replace(request, "participant", r, 1))
	}
	evil.send("<message to='" + room + "'><x xmlns='" + nsForm + "' type='submit'>" + field("FORM_TYPE", "http://jabber.org/protocol/muc#request") + field("muc#role", "participant") +
		field("muc#jid", "mallory@example.org/pc") + field("muc#roomnick", "Mallory") + field("muc#request_allow", "1") + "</x></message>")
	evil.fence()
	evil.send(say(room, "x"))
	if got := parse(t, evil.fence()); len(got) != 1 || got[0].condition() != "forbidden" {
		t.Errorf("it has voice: %v", got)
	}
	if got := host.fence(); strings.Contains(got, "role='participant'") || strings.Contains(got, secretBody) {
		t.Errorf("the host gets %s", got)
	}
}

// TestF2Occupants (XEP-0421 §5): an occupant is known by the same id in one room, whatever the nickname, and by nothing that others or other rooms know.
func TestF2Occupants(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, w := s.login(t, juliet, "balcony"), s.login(t, romeo, "orchard")
	seen := map[string]string{}
	for _, name := range []string{"one", "two"} {
		room := s.open(host, name, "open", field("muc#roomconfig_whois", "moderators"))
		for _, nick := range []string{"Romeo", "Somebody"} {
			w.enters(room, nick)
			id := ""
			for _, n := range of("presence", parse(t, host.fence())) {
				if o, ok := n.child("occupant-id"); ok && n.attr("from") == room+"/"+nick {
					id = o.attr("id")
				}
			}
			if len(id) < 16 || strings.Contains(id, "romeo") {
				t.Errorf("%s in %s is %q", nick, room, id)
			}
			if before := seen[id]; before != "" && before != name || before == "" && nick == "Somebody" {
				t.Errorf("%s in %s is %q, which is known from %q", nick, room, id, before)
			}
			seen[id] = name
			w.send("<presence type='unavailable' to='" + room + "/" + nick + "'/>")
			w.fence()
			host.fence()
		}
	}
}
