package attack

import (
	"encoding/base64"
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// authenticate is a request to log in with PLAIN by XEP-0388, and to bind.
func authenticate(authzid, name, password string) string {
	data := base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + name + "\x00" + password))
	return "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" + data + "</initial-response><bind xmlns='urn:xmpp:bind:0'/></authenticate>"
}

// TestA2Authzid: nobody becomes somebody else by saying so, in no mechanism, however the name is written.
func TestA2Authzid(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, juliet)
	s.Account(t, mallory)
	for _, authzid := range []string{
		"juliet@example.org", "JULIET@example.org", "juliet", "juliet@example.net", "mallory@example.net", "MALLORY@example.org", "mallory@EXAMPLE.org",
		"mallory@example.org/pc", "mallory", "\uff4dallory@example.org", "mallory@example.org.", "example.org", "@", "juliet@example.org\nmallory@example.org",
	} {
		for name, request := range map[string]string{"PLAIN": plain(authzid, "mallory", servertest.Password), "SASL2": authenticate(authzid, "mallory", servertest.Password)} {
			w := s.opened(t)
			w.send(request)
			if got := w.until("</failure>"); !strings.Contains(got, "<invalid-authzid") {
				t.Errorf("%s as %q: %s", name, authzid, got)
			}
		}
		for mechanism := range hashes {
			escaped := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(authzid)
			c := &scram{mechanism: mechanism, name: "mallory", password: servertest.Password, gs2: "n,a=" + escaped + ","}
			if got := c.run(s.opened(t)); !strings.Contains(got, "<invalid-authzid") {
				t.Errorf("%s as %q: %s", mechanism, authzid, got)
			}
		}
	}
	if n := s.Host.Stats.Sessions(); n != 0 {
		t.Errorf("%d sessions were made", n)
	}
	w := s.opened(t)
	w.send(plain("mallory@example.org", "mallory", servertest.Password))
	w.until("<success")
	for _, mechanism := range []string{"EXTERNAL", "ANONYMOUS", "OAUTHBEARER", "HT-SHA-256-NONE", "DIGEST-MD5", "LOGIN", "X-OAUTH2", "plain", "SCRAM-SHA-256-plus"} {
		w := s.opened(t)
		w.send("<auth xmlns='" + nsSASL + "' mechanism='" + mechanism + "'>" + base64.StdEncoding.EncodeToString([]byte("juliet@example.org")) + "</auth>")
		w.until("<failure xmlns='" + nsSASL + "'><invalid-mechanism/>")
		w.until("</failure>")
	}
}

// TestA3Migration (CVE-2018-10847, CVE-2020-8086): what was negotiated with one domain is worth nothing at another, and an account is its name and its domain.
func TestA3Migration(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	other := xmpp.MustParseJID("juliet@example.net")
	must(t, s.Accounts.Add(t.Context(), other, "An0ther one"))
	for name, steps := range map[string]func(w *wire){
		"after login": func(w *wire) {
			w.send(header)
			w.until("</stream:features>")
			w.send(plain("", "juliet", servertest.Password))
			w.until("<success xmlns='" + nsSASL + "'/>")
			w.send(headerTo(servertest.Other))
		},
		"with a from of another account": func(w *wire) {
			w.send(header)
			w.until("</stream:features>")
			w.send(plain("", "juliet", servertest.Password))
			w.until("<success xmlns='" + nsSASL + "'/>")
			w.send(strings.Replace(header, "to=", "from='romeo@example.org' to=", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.tls(t)
			steps(w)
			if got := w.ends(); !strings.Contains(got, "<policy-violation") && !strings.Contains(got, "<invalid-from") {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("after STARTTLS", func(t *testing.T) {
		w := s.clear(t)
		w.send(header)
		w.until("</stream:features>")
		w.startTLS()
		w.send(headerTo(servertest.Other))
		w.dies("policy-violation")
	})
	t.Run("the password of one domain at the other", func(t *testing.T) {
		w := s.tls(t)
		w.send(headerTo(servertest.Other))
		w.until("</stream:features>")
		w.send(plain("", "juliet", servertest.Password))
		w.until("<not-authorized/>")
		w.send(plain("", "juliet@example.org", servertest.Password))
		w.until("<not-authorized/>")
		w.until("</failure>")
		w.send(plain("", "juliet", "An0ther one"))
		w.until("<success")
	})
	play(t, "a3_namesake")
}

// TestA7Certificates: a client's certificate is not asked for, and makes nobody of anyone.
func TestA7Certificates(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := s.tls(t)
	w.send(header)
	if mechanisms, _ := offers(w.until("</stream:features>")); strings.Contains(strings.Join(mechanisms, " "), "EXTERNAL") {
		t.Errorf("offered are %v", mechanisms)
	}
	w.send("<auth xmlns='" + nsSASL + "' mechanism='EXTERNAL'>=</auth>")
	w.until("<failure xmlns='" + nsSASL + "'><invalid-mechanism/>")
}

// TestA6Randomness (CVE-2016-1232): what is to be unguessable has 128 bits and never comes twice. That nothing of the product imports math/rand is a rule of TestStructure.
func TestA6Randomness(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, juliet)
	seen := map[string]bool{}
	unique := func(kind, id string, least int) {
		t.Helper()
		if len(id) < least || seen[id] {
			t.Errorf("the %s %q is short or has been there", kind, id)
		}
		seen[id] = true
	}
	for range 30 {
		w := s.tls(t)
		w.send(header)
		unique("stream id", attribute(w.until("</stream:features>"), "id"), 22)
		c := &scram{mechanism: "SCRAM-SHA-1", name: "juliet", password: servertest.Password}
		c.begin(w)
		unique("nonce", strings.TrimPrefix(c.attr("r"), "clientsnonce"), 22)
		c.finish(w)
		w.send(header)
		unique("stream id", attribute(w.until("</stream:features>"), "id"), 22)
		w.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
		_, resource, _ := strings.Cut(w.until("</jid>"), "juliet@example.org/")
		unique("resource", strings.TrimSuffix(resource, "</jid>"), 22)
	}
}

// attribute is the first one of this name.
func attribute(xml, name string) string {
	_, rest, _ := strings.Cut(xml, " "+name+"='")
	value, _, _ := strings.Cut(rest, "'")
	return value
}
