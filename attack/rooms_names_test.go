package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"palabre/xmpp"
)

// TestF4Lookalikes (RFC 8266): a nickname that is only written in another way is somebody else's already: for who enters, who changes to it, and who reserves it.
func TestF4Lookalikes(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, evil, other := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc"), s.login(t, mallory, "tablet")
	room := s.open(host, "names", "open")
	host.send("<presence to='" + room + "/Jul\u00edet Montague'/>")
	host.fence()
	other.enters(room, "Mallory")
	for _, nick := range []string{
		"Jul\u00edet Montague", "jul\u00edet montague", "JUL\u00cdET MONTAGUE", "Jul\u00edet  Montague", " Jul\u00edet Montague", "Jul\u00edet Montague ", "Jul\u00edet\u00a0Montague", "Jul\u00edet\u3000Montague\u2003",
		"Juli\u0301et Montague", "\uff2a\uff55\uff4c\u00ed\uff45\uff54 Montague", "Jul\u00ed\u00adet Montague", "Jul\u00ed\u200bet Montague", "Jul\u00edet\u200e Montague", "Jul\u00edet Montague\u2060",
		"\u2000Jul\u00edet Montague", "Jul\u00edet\tMontague", "Jul\u00edet\nMontague", "\U0001d409ul\u00edet Montague", "Jul\u00edet Montagu\ufe0fe",
	} {
		for how, sent := range map[string]string{
			"enters":   enter(room, nick),
			"changes":  "<presence id='c' to='" + escape(room+"/"+nick) + "'/>",
			"reserves": "<iq type='set' id='r' to='" + room + "'><query xmlns='jabber:iq:register'><x xmlns='" + nsForm + "' type='submit'>" + field("FORM_TYPE", "http://jabber.org/protocol/muc#register") + field("muc#register_roomnick", escape(nick)) + "</x></query></iq>",
		} {
			w := evil
			if how == "changes" {
				w = other
			}
			if how == "reserves" && nick == "Jul\u00edet Montague" {
				continue // the host has it and has not reserved it
			}
			w.send(sent)
			got := parse(t, w.fence())
			if i := slices.IndexFunc(got, func(n node) bool { return n.condition() != "" }); how != "reserves" && i < 0 {
				t.Errorf("%s: %+q %v", how, nick, got)
			} else if how == "reserves" && i < 0 {
				w.send("<iq type='set' id='u' to='" + room + "'><query xmlns='jabber:iq:register'><remove/></query></iq>")
				w.fence()
			}
		}
	}
	for _, n := range parse(t, host.fence()) {
		if x, _ := n.child("x"); n.XMLName.Local == "presence" && !strings.Contains(deep(x), "mallory@example.org/tablet") {
			t.Errorf("the host sees %v", n)
		}
	}
	// Distinct ones stay so.
	for _, nick := range []string{"Juliet Montague", "Jul\u00edetMontague", "\u0408ul\u00edet Montague", "\u6731\u4e3d\u53f6", "\U0001f339"} {
		evil.send(enter(room, nick))
		if got := evil.fence(); !strings.Contains(got, "code='110'") {
			t.Errorf("%+q: %s", nick, got)
		}
		evil.send("<presence type='unavailable' to='" + escape(room+"/"+nick) + "'/>")
		evil.fence()
	}
	for _, nick := range []string{" ", "\u3000", "\u200b", "\u00ad", "\u2060\u2060", strings.Repeat("n", 1024), "a\u0000b", "\u202eevil"} {
		evil.send("<presence id='e' to='" + room + "/" + strings.ReplaceAll(escape(nick), "\x00", "") + "'><x xmlns='" + nsEnter + "'/></presence>")
		got := evil.fence()
		if strings.Contains(got, "code='110'") && nick != "a\u0000b" {
			t.Errorf("%+q: %s", nick, got)
		}
		if strings.Contains(got, "code='110'") {
			evil.send("<presence type='unavailable' to='" + room + "/ab'/>")
			evil.fence()
		}
	}
}

// TestF4Nicknames: a nickname that somebody has, or has reserved, is nobody else's; whoever asks for it stays who they are.
func TestF4Nicknames(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, evil := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc")
	s.Account(t, romeo)
	room := s.open(host, "nicks", "open")
	host.send(admin("set", "m", room, "<item jid='romeo@example.org' affiliation='member' nick='Romeo'/>"))
	host.until("id='m'")
	host.fence()
	evil.enters(room, "Mallory")
	host.fence()
	for _, nick := range []string{"Host", "host", "Romeo", "ROMEO", "\uff32omeo"} {
		for _, sent := range []string{
			"<presence id='e' to='" + room + "/" + nick + "'/>", "<presence id='e' to='" + room + "/" + nick + "'><x xmlns='" + nsEnter + "'/></presence>",
			"<presence id='e' to='" + room + "/" + nick + "'><show>away</show><nick xmlns='http://jabber.org/protocol/nick'>x</nick></presence>",
		} {
			evil.send(sent)
			if got := parse(t, evil.fence()); len(got) != 1 || got[0].condition() != "conflict" {
				t.Errorf("%s: %v", sent, got)
			}
		}
	}
	evil.send("<presence type='unavailable' to='" + room + "/Host'/>" + say(room, "still"))
	evil.fence()
	for _, n := range parse(t, host.fence()) {
		if n.attr("from") != room+"/Mallory" {
			t.Errorf("the host gets %v", n)
		}
	}
	// Nobody gives themselves another's affiliation by registering in their name.
	for _, nick := range []string{"Host", "Romeo", "host"} {
		_, answer := evil.asks(fmt.Sprintf("<iq type='set' id='q' to='%s'><query xmlns='jabber:iq:register'><x xmlns='%s' type='submit'>%s%s</x></query></iq>", room, nsForm,
			field("FORM_TYPE", "http://jabber.org/protocol/muc#register"), field("muc#register_roomnick", nick)))
		if answer.condition() != "conflict" {
			t.Errorf("%s is reserved a second time: %v", nick, answer)
		}
	}
}

// TestF4RoomNames: whatever a room is called, it is made or refused, and found again by the name that the server gives back.
func TestF4RoomNames(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	w, other := s.login(t, mallory, "pc"), s.login(t, romeo, "orchard")
	made := map[string]string{}
	for _, name := range []string{
		"a", strings.Repeat("a", 1023), strings.Repeat("a", 1024), strings.Repeat("\u00e9", 511), "A", "\uff41", "STRASSE", "stra\u00dfe", "..", ".", "%", "%2e%2e%2f", "a b", "a'b", "a\"b", "a&b", "a<b", "a/b", "a:b",
		"a\u202eb", "a\u200bb", "a\u00adb", "\u0130", "\U0001f339", "\u0627\u0628", "-", "'; DROP TABLE rooms; --", "\u00b5", "\ufb01", "null", "0", "\u0661", "admin", "urn:palabre:room:start",
	} {
		to := name + "@conference.example.org"
		w.send(enter(to, "Nick"))
		got := of("presence", parse(t, w.fence()))
		if len(got) == 0 {
			t.Errorf("%+.50q: no answer", name)
			continue
		}
		last := got[len(got)-1]
		if last.condition() != "" {
			continue
		}
		room, _, _ := strings.Cut(last.attr("from"), "/")
		if jid, err := xmpp.ParseJID(room); err != nil || jid.String() != room || jid.Domain() != "conference.example.org" {
			t.Errorf("%+.50q is made as %+.50q", name, room)
		}
		if before, taken := made[room]; taken {
			if strings.Contains(deep(last), "code='201'") {
				t.Errorf("%+.50q and %+.50q are one room, made twice", name, before)
			}
			continue
		}
		made[room] = name
		w.send("<iq type='set' id='i' to='" + escape(room) + "'><query xmlns='" + nsOwner + "'><x xmlns='" + nsForm + "' type='submit'>" + field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig") + field("urn:palabre:room:preset", "open") + "</x></query></iq>")
		if got := w.until("id='i'"); strings.Contains(got+w.until(">"), "type='error'") {
			t.Errorf("%+.50q: %s", name, got)
		}
		w.fence()
		other.send(enter(room, "Other"))
		if got := other.fence(); !strings.Contains(got, "code='110'") || strings.Contains(got, "code='201'") {
			t.Errorf("%+.50q is not found again as %+.50q: %s", name, room, got)
		}
		w.fence()
	}
	// Names that are none, and the service itself.
	for _, to := range []string{"conference.example.org/Nick", "@conference.example.org/Nick", "conference.example.org", "a@b@conference.example.org/Nick", "a@conference.example.org/"} {
		w.send("<presence id='e' to='" + to + "'><x xmlns='" + nsEnter + "'/></presence><message id='m' type='groupchat' to='" + to + "'><body>x</body></message>")
		if got := w.fence(); strings.Contains(got, "code='110'") {
			t.Errorf("%s: %s", to, got)
		}
	}
}
