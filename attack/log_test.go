package attack

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"palabre/server/servertest"
)

// logKeys are those that a line of the log may have.
var logKeys = []string{"time", "level", "msg", "conn", "jid", "peer", "kind", "id", "module", "err", "stack", "path"}

var (
	logField = regexp.MustCompile(`^([a-z]+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)( |$)`)
	forged   = "\r\ntime=2026-01-01T00:00:00.000Z level=ERROR msg=forged jid=juliet@example.org"
)

// TestW12Injection: whatever clients put into what is logged, an event is one line, with the keys of the server and no others.
func TestW12Injection(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.errors = true // the words stand in a resource
	s.Account(t, mallory)
	in := func(attr string) string { return strings.ReplaceAll(escape(attr), "\r\n", "&#13;&#10;") }
	for _, sent := range []string{
		"<auth xmlns='" + nsSASL + "' mechanism='PLAIN" + in(forged) + "'>AA==</auth>", "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>" + in(forged) + "</auth>", plain("", "mallory"+forged, "Wr0ng guess"),
		plain("mallory"+forged, "mallory", servertest.Password), plain(forged, "mallory@example.org", "Wr0ng guess"),
		"<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-1'>" + base64.StdEncoding.EncodeToString([]byte("n,,n=mallory"+forged+",r=x")) + "</auth>",
		"<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-1'>" + base64.StdEncoding.EncodeToString([]byte("p="+forged+",,n=mallory,r=x")) + "</auth>",
	} {
		w := s.opened(t)
		w.send(sent)
		w.until("</failure>")
	}
	for _, h := range []string{
		strings.Replace(header, "example.org", "example.org"+in(forged), 1), strings.Replace(header, " to=", " from='mallory"+in(forged)+"@example.org' to=", 1),
		strings.Replace(header, " to=", " id='"+in(forged)+"' xml:lang='"+in(forged)+"' version='"+in(forged)+"' to=", 1),
	} {
		w := s.tls(t)
		w.send(h)
		w.ends()
	}
	// A resource may hold blanks, quotes and equals signs; line ends and other control characters are refused.
	for _, resource := range []string{`x level=ERROR msg=forged`, `x" level=ERROR msg="forged`, `x\" level=ERROR msg=\"forged`, "x='forged'", "%s%n", "x\u00a0forged=1"} {
		w := s.login(t, mallory, resource)
		w.send("<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + in(forged) + "</text><forged xmlns='urn:x' a='" + in(forged) + "'/></stream:error>")
		w.ends()
	}
	for _, resource := range []string{forged, "x\n", "x\u0085forged", "x\u2028forged", "\x7f"} {
		w := s.authenticated(t, mallory)
		w.send("<iq type='set' id='" + in(forged) + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + in(resource) + "</resource></bind></iq>")
		w.until("<bad-request")
	}
	w := s.login(t, mallory, "pc")
	for _, stanza := range []string{
		"<message id='%s' type='%[1]s' to='%[1]s'><body>" + secretBody + "%[1]s</body></message>", "<message id='%s' to='nobody%[1]s@example.org'/>", "<iq id='%s' type='%[1]s'><q xmlns='urn:x'/></iq>",
		"<iq id='%s' type='set'><query xmlns='jabber:iq:register'><username>%[1]s</username><password>%[1]s</password></query></iq>", "<presence id='%s'><status>%[1]s</status><show>%[1]s</show></presence>",
		"<iq id='%s' type='set'><vCard xmlns='vcard-temp'><FN>%[1]s</FN></vCard></iq>", "<iq id='%s' type='set'><query xmlns='jabber:iq:roster'><item jid='x@example.org' name='%[1]s'/></query></iq>",
	} {
		w.send(fmt.Sprintf(stanza, in(forged)))
		w.fence()
	}
	c := clientTLS()
	c.NextProtos = []string{"h2" + forged}
	if conn, err := tls.Dial("tcp", s.Addr("c2s_tls").String(), c); err == nil {
		_ = conn.Close()
		t.Error("a client of another protocol is let in")
	}
	eventually(t, "the handshake's failure is logged", func() bool { return s.C2S.Stats.HandshakeFailures() > 0 && strings.Contains(s.Logged(), "handshake") })
	checkLines(t, s.Logged(), "forged")
}

// checkLines holds each line of a log to its form.
func checkLines(t *testing.T, log string, evil string) {
	t.Helper()
	met := 0
	for line := range strings.Lines(log) {
		rest := strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(rest, "time=") {
			t.Errorf("a line begins otherwise: %q", line)
		}
		var keys []string
		for rest != "" {
			m := logField.FindStringSubmatch(rest)
			if m == nil {
				t.Errorf("this is not a field: %q in %q", rest, line)
				break
			}
			if slices.Contains(keys, m[1]) || !slices.Contains(logKeys, m[1]) {
				t.Errorf("the key %s in %q", m[1], line)
			}
			if m[1] == "level" && m[2] == "ERROR" {
				t.Errorf("an error is logged: %q", line)
			}
			if m[1] == "msg" && strings.Contains(m[2], evil) {
				t.Errorf("a client has made the message of %q", line)
			}
			if strings.Contains(m[2], evil) {
				met++
			}
			keys, rest = append(keys, m[1]), rest[len(m[0]):]
		}
	}
	if met == 0 {
		t.Error("nothing of what the client sent is in the log: the test looks for the wrong thing")
	}
}

// TestW12Found: what TestMain looks for in the logs of all tests, it would find.
func TestW12Found(t *testing.T) {
	t.Parallel()
	r := &record{secrets: map[string]bool{"a long passphrase": true}}
	r.note("<auth mechanism='PLAIN'>AG5hbWUAb3RoZXIgcGFzcw==</auth>")
	r.note("<message><body>x</body></message></auth>")
	log := "time=1 msg=fine\ntime=2 jid=\"a long passphrase\"\ntime=3 err=AG5hbWUAb3RoZXIgcGFzcw==\ntime=4 kind=\"other pass\"\ntime=5 msg=others\n"
	if got := secretsIn(log, r.secrets); len(got) != 3 || strings.Contains(strings.Join(got, ""), "fine") {
		t.Errorf("found are %q", got)
	}
}
