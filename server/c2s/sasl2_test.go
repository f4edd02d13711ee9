package c2s_test

import (
	"regexp"
	"strings"
	"testing"

	"palabre/server/c2s"
)

func authenticate(name, inner string) string {
	return "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" + plainData(name, password) + "</initial-response>" + inner + "</authenticate>"
}

const agent = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>AwesomeXMPP</software><device>Kiva's Phone</device></user-agent>"

func bind2(tag, inner string) string {
	if tag != "" {
		tag = "<tag>" + tag + "</tag>"
	}
	return "<bind xmlns='urn:xmpp:bind:0'>" + tag + inner + "</bind>"
}

// TestSASL2: XEP-0388 §2.6.1. There is no new stream, and the features come at once.
func TestSASL2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.opened(t)
	l.send(authenticate("juliet", agent))
	want := "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org</authorization-identifier></success>" +
		"<stream:features><bind xmlns='" + bindNS + "'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sub xmlns='urn:test:feature' of='example.org'/></stream:features>"
	if got := l.until("</stream:features>"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	l.send("<iq type='set' id='b'><bind xmlns='" + bindNS + "'><resource>balcony</resource></bind></iq>")
	l.until("<jid>juliet@example.org/balcony</jid></bind></iq>")
	l.fence()
}

// TestSASL2Again: XEP-0388 §4.8.
func TestSASL2Again(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, again := range []string{authenticate("juliet", ""), plainAuth("romeo", password)} {
		l := w.opened(t)
		l.send(authenticate("juliet", ""))
		l.until("</stream:features>")
		l.send(again)
		l.dies("policy-violation")
	}
}

// TestBind2: XEP-0386 §3.2.
func TestBind2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.opened(t)
	l.send(authenticate("juliet", agent+bind2("AwesomeXMPP", "<enable xmlns='urn:test:inline'/><unknown xmlns='urn:test:unknown'/>")))
	got := l.until("</stream:features>")
	form := regexp.MustCompile(`^<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org/(AwesomeXMPP/[a-z2-7]{16})</authorization-identifier>` +
		`<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:test:inline' for='(AwesomeXMPP/[a-z2-7]{16})'/></bound></success>` +
		`<stream:features><sub xmlns='urn:test:feature' of='example.org'/></stream:features>$`)
	m := form.FindStringSubmatch(got)
	if m == nil || m[1] != m[2] {
		t.Fatalf("got %s", got)
	}
	if strings.Contains(m[1], "d4565fa7") {
		t.Errorf("the client's identifier shows in its resource %s", m[1])
	}
	l.fence()
}

// TestStableResource: the same installation gets the same resource, and replaces what it has left behind, under whatever tag (XEP-0386 §3.2).
func TestStableResource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bound := func(name, inner string) (*line, string) {
		l := w.opened(t)
		l.send(authenticate(name, inner))
		return l, between(l.until("</stream:features>"), "<authorization-identifier>", "</authorization-identifier>")
	}
	first, jid := bound("juliet", agent+bind2("A", ""))
	_, other := bound("romeo", agent+bind2("A", ""))
	if resource(jid) == resource(other) {
		t.Errorf("two accounts have the resource %s", resource(jid))
	}
	second, again := bound("juliet", strings.Replace(agent, "d4565fa7", "D4565FA7", 1)+bind2("A", ""))
	if jid != again {
		t.Errorf("%s is %s the second time", jid, again)
	}
	first.dies("conflict")
	_, renamed := bound("juliet", agent+bind2("B", ""))
	if strings.TrimPrefix(resource(renamed), "B/") != strings.TrimPrefix(resource(jid), "A/") {
		t.Errorf("%s is %s under another tag", jid, renamed)
	}
	second.dies("conflict")
	_, one := bound("juliet", bind2("", ""))
	_, two := bound("juliet", bind2("", ""))
	_, three := bound("juliet", "<user-agent id='not a uuid'/>"+bind2("", ""))
	_, four := bound("juliet", "<user-agent id='not a uuid'/>"+bind2(strings.Repeat("x", 2000), ""))
	for i, a := range []string{one, two, three, four} {
		for j, b := range []string{one, two, three, four} {
			if i != j && a == b || len(resource(a)) != 16 {
				t.Errorf("clients without an identifier got %s and %s", a, b)
			}
		}
	}
}

func resource(jid string) string { return jid[strings.Index(jid, "/")+1:] }

// TestBind2Refused: nothing of a request is carried out when the login fails (XEP-0388 §2.6.2).
func TestBind2Refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.opened(t)
	l.send(strings.Replace(authenticate("juliet", agent+bind2("A", "<enable xmlns='urn:test:inline'/>")), plainData("juliet", password), plainData("juliet", "wrong"), 1))
	l.until("</failure>")
	if w.host.Online(juliet) != nil {
		t.Error("a session was made")
	}
	l.send(authenticate("juliet", ""))
	if got := l.until("</success>"); strings.Contains(got, "/") && strings.Contains(got, "<bound") {
		t.Errorf("the former request was carried out: %s", got)
	}
	if n := w.c2s.Stats.Logins()[c2s.Login{Mechanism: "PLAIN", Result: "not-authorized"}]; n != 1 {
		t.Errorf("%d failures counted, want 1", n)
	}
}
