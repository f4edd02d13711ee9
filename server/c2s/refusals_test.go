package c2s_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"palabre/server/c2s"
)

const (
	starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
)

// TestHeaders: RFC 6120 §4.7 and §4.9.3. Each is refused in clear and over TLS, after a header of ours.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct{ name, send, condition string }{
		{"the namespace of streams", strings.Replace(header, "etherx", "other", 1), "invalid-namespace"},
		{"the content namespace", strings.Replace(header, "jabber:client", "jabber:server", 1), "invalid-namespace"},
		{"a domain that we do not serve", headerTo("example.com"), "host-unknown"},
		{"a domain below ours", headerTo("x.example.org"), "host-unknown"},
		{"no domain", strings.Replace(header, "to=", "id=", 1), "host-unknown"},
		{"an account instead of a domain", headerTo("juliet@example.org"), "improper-addressing"},
		{"no address at all", headerTo("@@"), "improper-addressing"},
		{"no version", strings.Replace(header, "version='1.0' to", "to", 1), "unsupported-version"},
		{"version 0.9", strings.Replace(header, "version='1.0' to", "version='0.9' to", 1), "unsupported-version"},
		{"no version that is one", strings.Replace(header, "version='1.0' to", "version='one' to", 1), "unsupported-version"},
		{"from another domain", strings.Replace(header, "to=", "from='romeo@example.net' to=", 1), "invalid-from"},
		{"from nobody", strings.Replace(header, "to=", "from='@' to=", 1), "invalid-from"},
		{"not a stream", "<message to='romeo@example.org'/>", "bad-format"},
		{"a stanza before login", header + "<message to='romeo@example.org'/>", "not-authorized"},
		{"an element that nobody knows", header + "<x xmlns='urn:test:unknown'/>", "not-authorized"},
		{"an element of a later phase", header + "<active xmlns='urn:xmpp:csi:0'/>", "not-authorized"},
		{"HTTP", "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "not-well-formed"},
		{"a document type", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + header, "restricted-xml"},
		{"a header without end", "<?xml version='1.0'?><stream:stream x='" + strings.Repeat("x", 9000), "policy-violation"},
		{"an element without end", header + "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>" + strings.Repeat("A", 9000), "policy-violation"},
		{"too many elements", header + "<x xmlns='urn:test:unknown'>" + strings.Repeat("<y/>", 40), "policy-violation"},
	} {
		for port, dial := range map[string]func(testing.TB) *line{"STARTTLS": w.dial, "direct TLS": w.dialTLS} {
			t.Run(port+"/"+test.name, func(t *testing.T) {
				l := dial(t)
				l.send(test.send)
				got := l.dies(test.condition)
				if strings.Count(got, "<stream:stream ") != 1 || strings.Contains(got, "from=''") {
					t.Errorf("the refusal comes without one header of ours: %s", got)
				}
			})
		}
	}
}

// TestHeaderAnswer: RFC 6120 §4.7.1 to §4.7.5.
func TestHeaderAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.dialTLS(t)
	l.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='11.2' to='EXAMPLE.org' from='juliet@example.org/x' xml:lang='de'>")
	got := l.until("</stream:features>")
	for _, want := range []string{" from='example.org'", " to='juliet@example.org'", " version='1.0'", " xml:lang='en'"} {
		if !strings.Contains(got, want) {
			t.Errorf("no%s in %s", want, got)
		}
	}
	id := attribute(got, "id")
	l.send(plainAuth("juliet", password))
	l.until("<success")
	l.send(header)
	got = l.until("</stream:features>")
	if other := attribute(got, "id"); len(id) < 22 || len(other) < 22 || id == other {
		t.Errorf("stream ids %q and %q: not two of 128 bits", id, other)
	}
	if strings.Contains(got, " to='") {
		t.Errorf("a 'to' where no 'from' was: %s", got)
	}
}

func attribute(xml, name string) string {
	_, rest, _ := strings.Cut(xml, " "+name+"='")
	value, _, _ := strings.Cut(rest, "'")
	return value
}

// TestClear: before TLS there is STARTTLS and nothing else (RFC 6120 §5.3.1, §6.3.4).
func TestClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.dial(t)
	l.send(header)
	if got := l.until("</stream:features>"); !strings.HasSuffix(got, "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>") {
		t.Errorf("features in clear: %s", got)
	}
	l.send(plainAuth("juliet", password))
	l.until("<failure xmlns='" + nsSASL + "'><encryption-required/>")
	l.until("</failure>")
	l.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" + plainData("juliet", password) + "</initial-response></authenticate>")
	l.until("<failure xmlns='urn:xmpp:sasl:2'><encryption-required xmlns='" + nsSASL + "'/>")
	l.until("</failure>")
	l.send(starttls)
	l.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
}

// TestInjection: what was sent before the handshake never counts as sent after it.
func TestInjection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct{ name, first, second string }{
		{"a stream in one packet with the request", header, starttls + header},
		{"all in one packet", "", header + starttls + plainAuth("juliet", password)},
		{"half an element", header, starttls + "<auth"},
		{"white space", header, starttls + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := w.dial(t)
			if test.first != "" {
				l.send(test.first)
				l.until("</stream:features>")
			}
			l.send(test.second)
			if got := l.dies("policy-violation"); strings.Contains(got, "<proceed") || strings.Contains(got, "<success") {
				t.Errorf("the server goes on: %s", got)
			}
		})
	}
	if n := w.c2s.Stats.Logins()[c2s.Login{Mechanism: "PLAIN", Result: "success"}]; n > 0 {
		t.Errorf("%d injected logins", n)
	}
}

// TestSASL is what RFC 6120 §6.4 and §6.5 say about tries that fail. The stream goes on after each.
func TestSASL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	auth := func(mechanism, data string) string {
		return "<auth xmlns='" + nsSASL + "' mechanism='" + mechanism + "'>" + data + "</auth>"
	}
	authenticate := func(mechanism, inner string) string {
		return "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='" + mechanism + "'>" + inner + "</authenticate>"
	}
	good := plainData("juliet", password)
	for _, test := range []struct{ name, send, condition string }{
		{"a wrong password", plainAuth("juliet", "wrong"), "not-authorized"},
		{"an unknown user", plainAuth("mercutio", password), "not-authorized"},
		{"a user of another domain", plainAuth("nurse", password), "not-authorized"},
		{"an unknown mechanism", auth("ANONYMOUS", ""), "invalid-mechanism"},
		{"no mechanism", "<auth xmlns='" + nsSASL + "'/>", "invalid-mechanism"},
		{"no base64", auth("PLAIN", "!"), "incorrect-encoding"},
		{"base64 without padding", auth("PLAIN", "AGE"), "incorrect-encoding"},
		{"base64 with padding bits", auth("PLAIN", "AGF="), "incorrect-encoding"},
		{"base64 with white space", auth("PLAIN", good[:4]+"\n"+good[4:]), "incorrect-encoding"},
		{"base64 with blanks around it", auth("PLAIN", " "+good+" "), "incorrect-encoding"},
		{"an element in the data", auth("PLAIN", good+"<x xmlns='urn:test:unknown'/>"), "incorrect-encoding"},
		{"an empty initial response", auth("PLAIN", "="), "malformed-request"},
		{"a response to nothing", "<response xmlns='" + nsSASL + "'>AAAA</response>", "malformed-request"},
		{"an abort of nothing", "<abort xmlns='" + nsSASL + "'/>", "aborted"},
		{"somebody else's name", auth("PLAIN", "cm9tZW9AZXhhbXBsZS5vcmcAanVsaWV0AFIwbTMwICYgY28="), "invalid-authzid"},
		{"SASL2: a wrong password", authenticate("PLAIN", "<initial-response>"+plainData("juliet", "wrong")+"</initial-response>"), "not-authorized"},
		{"SASL2: an unknown mechanism", authenticate("OTP", ""), "invalid-mechanism"},
		{"SASL2: the equals sign has no meaning", authenticate("PLAIN", "<initial-response>=</initial-response>"), "incorrect-encoding"},
		{"SASL2: an empty initial response", authenticate("PLAIN", "<initial-response/>"), "malformed-request"},
		{"SASL2: a response to nothing", "<response xmlns='urn:xmpp:sasl:2'>AAAA</response>", "malformed-request"},
		{"SASL2: an abort of nothing", "<abort xmlns='urn:xmpp:sasl:2'/>", "aborted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := w.opened(t)
			l.send(test.send)
			got := l.until("</failure>")
			want := "<failure xmlns='" + nsSASL + "'><" + test.condition + "/>"
			if strings.HasPrefix(test.name, "SASL2") {
				want = "<failure xmlns='urn:xmpp:sasl:2'><" + test.condition + " xmlns='" + nsSASL + "'/>"
			}
			if !strings.HasPrefix(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
			l.send(plainAuth("juliet", password))
			l.until("<success xmlns='" + nsSASL + "'/>")
		})
	}
}

// TestUnknownUser: who does not exist fails with the bytes of a wrong password.
func TestUnknownUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fail := func(name string) string {
		l := w.opened(t)
		l.send(plainAuth(name, "wrong"))
		return l.until("</failure>")
	}
	if known, unknown := fail("juliet"), fail("mercutio"); known != unknown {
		t.Errorf("known: %s\nunknown: %s", known, unknown)
	}
}

// TestStoreAway: who can't be checked just now is told to come again, in both profiles, and an administrator hears of it.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.opened(t)
	must(t, w.store.Close())
	l.send(plainAuth("juliet", password))
	l.until("<failure xmlns='" + nsSASL + "'><temporary-auth-failure/>")
	l.until("</failure>")
	l.send(authenticate("juliet", bind2("tag", "")))
	l.until("<failure xmlns='urn:xmpp:sasl:2'><temporary-auth-failure xmlns='" + nsSASL + "'/>")
	if n := strings.Count(w.log.String(), "authentication is out of order"); n != 2 {
		t.Errorf("%d complaints in the log, want 2", n)
	}
}

// TestExchange: RFC 6120 §6.4.2 to §6.4.4, XEP-0388 §2.4.
func TestExchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	challenge := "<challenge xmlns='" + nsSASL + "'/>"
	ask := "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'/>"
	t.Run("an initial response that comes later", func(t *testing.T) {
		l := w.opened(t)
		l.send(ask)
		l.until(challenge)
		l.send("<response xmlns='" + nsSASL + "'>" + plainData("juliet", password) + "</response>")
		l.until("<success")
	})
	t.Run("abort", func(t *testing.T) {
		l := w.opened(t)
		l.send(ask)
		l.until(challenge)
		l.send("<abort xmlns='" + nsSASL + "'/>")
		l.until("<failure xmlns='" + nsSASL + "'><aborted/></failure>")
		l.send("<response xmlns='" + nsSASL + "'>" + plainData("juliet", password) + "</response>")
		l.until("<malformed-request/>")
	})
	t.Run("a second request discards the first", func(t *testing.T) {
		l := w.opened(t)
		l.send(ask)
		l.until(challenge)
		l.send(plainAuth("juliet", password))
		l.until("<success")
	})
	t.Run("the other profile in the middle", func(t *testing.T) {
		l := w.opened(t)
		l.send(ask)
		l.until(challenge)
		l.send("<response xmlns='urn:xmpp:sasl:2'>" + plainData("juliet", password) + "</response>")
		l.dies("not-authorized")
	})
	t.Run("SASL2: a second request in the middle", func(t *testing.T) {
		l := w.opened(t)
		l.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>")
		l.until("<challenge xmlns='urn:xmpp:sasl:2'/>")
		l.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>")
		l.dies("not-authorized")
	})
}

// TestEightTries: slixmpp 1.8 needs seven; the eighth failure is the last.
func TestEightTries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, try := range map[string]string{
		"wrong passwords": plainAuth("juliet", "wrong"),
		"bad encoding":    "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>!</auth>",
		"aborts":          "<abort xmlns='" + nsSASL + "'/>",
		"SASL2":           "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'/>",
	} {
		t.Run(name, func(t *testing.T) {
			l := w.opened(t)
			for range 7 {
				l.send(try)
				l.until("</failure>")
			}
			l.send(try)
			if got := l.dies("policy-violation"); strings.Count(got, "<failure") != 1 {
				t.Errorf("the last failure is missing: %s", got)
			}
		})
	}
	t.Run("the eighth may succeed", func(t *testing.T) {
		l := w.opened(t)
		for range 7 {
			l.send(plainAuth("juliet", "wrong"))
			l.until("</failure>")
		}
		l.send(plainAuth("juliet", password))
		l.until("<success")
	})
	t.Run("in clear", func(t *testing.T) {
		l := w.dial(t)
		l.send(header)
		l.until("</stream:features>")
		for range 8 {
			l.send(plainAuth("juliet", password))
		}
		if got := l.dies("policy-violation"); strings.Count(got, "<encryption-required/>") != 8 {
			t.Errorf("got %s", got)
		}
	})
}

// TestDomainStays: who has logged in to one domain can't open the next stream to another.
func TestDomainStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("after SASL", func(t *testing.T) {
		l := w.opened(t)
		l.send(plainAuth("juliet", password))
		l.until("<success xmlns='" + nsSASL + "'/>")
		l.send(headerTo(second))
		l.dies("policy-violation")
	})
	t.Run("after STARTTLS", func(t *testing.T) {
		l := w.dial(t)
		l.send(header)
		l.until("</stream:features>")
		l.startTLS()
		l.send(headerTo(second))
		l.dies("policy-violation")
	})
	t.Run("somebody else in 'from' before login", func(t *testing.T) {
		l := w.dialTLS(t)
		l.send(strings.Replace(header, "to=", "from='romeo@example.org' to=", 1))
		l.until("</stream:features>")
		l.send(plainAuth("juliet", password))
		l.until("<failure xmlns='" + nsSASL + "'><invalid-authzid/>")
	})
	t.Run("somebody else in 'from' after login", func(t *testing.T) {
		l := w.opened(t)
		l.send(plainAuth("juliet", password))
		l.until("<success xmlns='" + nsSASL + "'/>")
		l.send(strings.Replace(header, "to=", "from='romeo@example.org' to=", 1))
		l.dies("invalid-from")
	})
	t.Run("a stanza instead of a new stream", func(t *testing.T) {
		l := w.opened(t)
		l.send(plainAuth("juliet", password))
		l.until("<success xmlns='" + nsSASL + "'/>")
		l.send("<message to='romeo@example.org'/>")
		l.dies("bad-format")
	})
}

// TestTLSOnce: RFC 6120 §5.4.2.2.
func TestTLSOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.opened(t)
	l.send(starttls)
	if got := l.end(); got != "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>" {
		t.Errorf("got %s", got)
	}
}

// TestAllowance: who sends more than a login takes is cut off, be it in pieces that TLS keeps until they are whole.
func TestAllowance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.LoginTime = 2 * patience })
	t.Run("a client's hello that does not end", func(t *testing.T) {
		t.Parallel()
		conn, err := net.Dial("tcp", w.direct.String())
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(patience)))
		hello := strings.Repeat("h", 60<<10)
		for i := 0; err == nil; i += 1 << 10 {
			piece := "\x16\x03\x01\x04\x00" + hello[i:i+1<<10] // a record of 1 KiB
			if i == 0 {
				piece = "\x16\x03\x01\x04\x00\x01\x00\xf0\x00" + hello[:1<<10-4]
			}
			if _, err = conn.Write([]byte(piece)); err == nil && i == 17<<10 {
				_, err = conn.Read(make([]byte, 1))
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the server reads on")
		}
	})
	t.Run("blanks", func(t *testing.T) {
		t.Parallel()
		l := w.opened(t)
		for range 32 {
			l.send(strings.Repeat(" ", 1<<10))
		}
		l.dies("policy-violation")
	})
	t.Run("after login", func(t *testing.T) {
		t.Parallel()
		l := w.authenticated(t)
		l.send(strings.Repeat(" ", 40<<10) + "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
		l.until("</jid>")
		l.fence()
	})
}
