package attack

import (
	"fmt"
	"strings"
	"testing"

	"palabre/server"
	"palabre/server/servertest"
)

// TestF1From: what a stanza says of where it comes from does not count.
func TestF1From(t *testing.T) {
	t.Parallel()
	play(t, "f1_from")
}

// TestF1FromEverywhere sends every kind and type of stanza with a from of each kind of other: it never arrives with it.
func TestF1FromEverywhere(t *testing.T) {
	t.Parallel()
	s := start(t)
	must(t, s.Befriend(t, juliet, mallory))
	victim, w := s.present(t, juliet, "balcony"), s.login(t, mallory, "pc")
	seen := 0
	for _, from := range []string{"romeo@example.org", "romeo@example.org/orchard", "juliet@example.org", "juliet@example.org/balcony", "example.org", "mallory@example.org", "mallory@example.org/x", "elsewhere.example", "@", ""} {
		for _, stanza := range []string{
			"<message type='%s' from='" + from + "' to='juliet@example.org/balcony'/>", "<message type='%s' from='" + from + "' to='juliet@example.org'/>",
			"<presence type='%s' from='" + from + "' to='juliet@example.org/balcony'/>", "<presence type='%s' from='" + from + "' to='juliet@example.org'/>", "<presence type='%s' from='" + from + "'/>",
			"<iq type='%s' id='i' from='" + from + "' to='juliet@example.org/balcony'><q xmlns='urn:q'/></iq>", "<iq type='%s' id='i' from='" + from + "' to='juliet@example.org'><q xmlns='urn:q'/></iq>",
		} {
			for _, typ := range []string{"chat", "normal", "groupchat", "headline", "error", "unavailable", "probe", "get", "set", "result"} {
				w.send(fmt.Sprintf(stanza, typ))
			}
		}
		for _, got := range parse(t, victim.fenceAfter(w)) {
			seen++
			if f := got.attr("from"); f != "mallory@example.org/pc" && f != "mallory@example.org" && f != "juliet@example.org/balcony" {
				t.Errorf("from %q: %v", from, got)
			}
		}
		for _, got := range parse(t, w.fence()) {
			if to := got.attr("to"); to != "mallory@example.org/pc" && to != "mallory@example.org" {
				t.Errorf("from %q: the sender gets %v", from, got)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d stanzas arrive", seen)
	}
}

// TestF2Forged (CVE-2017-5589 and its kin, CVE-2015-8688, CVE-2019-16235): what only one's own server may say comes from nobody else.
func TestF2Forged(t *testing.T) {
	t.Parallel()
	play(t, "f2_forged")
}

// TestF5Leaks: who may not see somebody, or no longer, learns nothing.
func TestF5Leaks(t *testing.T) {
	t.Parallel()
	play(t, "f5_leaks")
}

// TestF6Blocking: who is blocked gets through on no way.
func TestF6Blocking(t *testing.T) {
	t.Parallel()
	play(t, "f6_blocking")
}

// TestF8Relay: there is no relay to be misused.
func TestF8Relay(t *testing.T) {
	t.Parallel()
	play(t, "f8_relay")
}

// TestF9Caps: nobody says what another's client can do.
func TestF9Caps(t *testing.T) {
	t.Parallel()
	play(t, "f9_caps")
}

// TestF9Answers: what a client answers to the server's own questions may hold anything.
func TestF9Answers(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := s.login(t, mallory, "pc")
	disco := append([]string{
		"<identity/><identity/>", "<identity category='client' type='pc'/><feature/><feature var=''/><feature var='a&lt;b'/>", "<feature var='" + strings.Repeat("f", 20000) + "'/>",
		numbered(3000, "<feature var='urn:x:%d'/>"), "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field></x>",
	}, insides...)
	for i, inside := range disco {
		w.send(fmt.Sprintf("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='v%d'/><c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>h%[1]d</hash></c></presence>", i))
		asked := w.until("<query xmlns='http://jabber.org/protocol/disco#info'")
		w.until("</iq>")
		id := attribute(asked[strings.LastIndex(asked, "<iq "):], "id")
		w.send("<iq type='result' id='" + id + "' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info' node='x'>" + inside + "</query></iq>")
		w.fence()
	}
	for i, answer := range []string{"<iq type='result' id='%s' to='example.org'/>", "<iq type='error' id='%s' to='example.org'/>", "<iq type='error' id='%s' to='example.org'><error/><error/></iq>",
		"<iq type='result' id='%s' to='example.org'><query xmlns='urn:x'/><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"} {
		w.send(fmt.Sprintf("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='w%d'/></presence>", i))
		asked := w.until("<query xmlns='http://jabber.org/protocol/disco#info'")
		w.until("</iq>")
		w.send(fmt.Sprintf(answer, attribute(asked[strings.LastIndex(asked, "<iq "):], "id")))
		w.fence()
	}
	// Who never answers is asked a few times only.
	for i := range 50 {
		w.send(fmt.Sprintf("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='x%d'/></presence>", i))
	}
	asked := strings.Count(w.fence(), "<query xmlns='http://jabber.org/protocol/disco#info'")
	if asked == 0 || asked > 10 {
		t.Errorf("a client that does not answer is asked %d times", asked)
	}
}

// TestF10Registration: nobody makes accounts, before login or after.
func TestF10Registration(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := s.tls(t)
	w.send(header)
	if got := w.until("</stream:features>"); strings.Contains(got, "register") {
		t.Errorf("registration is offered: %s", got)
	}
	w.send("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>newcomer</username><password>Wr0ng guess</password></query></iq>")
	w.dies("not-authorized")
	play(t, "f10_registration")
	list, err := s.Accounts.List(t.Context(), servertest.Domain, "", 10)
	must(t, err)
	if len(list) > 0 {
		t.Errorf("there are accounts: %v", list)
	}
}

// TestErrorsStay: errors and answers are never answered.
func TestErrorsStay(t *testing.T) {
	t.Parallel()
	play(t, "errors_stay")
}

// TestOwnOnly: what the server answers about an account to that account alone, a friend gets as little as a stranger.
func TestOwnOnly(t *testing.T) {
	t.Parallel()
	s := start(t)
	must(t, s.Befriend(t, juliet, mallory))
	w := s.login(t, mallory, "pc")
	open := map[string]bool{"http://jabber.org/protocol/disco#info": true, "http://jabber.org/protocol/disco#items": true, "jabber:iq:last": true, "http://jabber.org/protocol/commands": true}
	for _, n := range s.Host.Requests(server.ToAccount) {
		for _, typ := range []string{"get", "set"} {
			w.send("<iq type='" + typ + "' id='q' to='juliet@example.org'><" + n.Local + " xmlns='" + n.Space + "'/></iq>")
			got := parse(t, w.fence())
			if len(got) != 1 || got[0].attr("type") != "error" && !(open[n.Space] && typ == "get") {
				t.Errorf("%s of %s: %v", typ, n.Space, got)
			}
		}
	}
}
