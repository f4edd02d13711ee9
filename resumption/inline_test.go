package resumption_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// authenticate logs in by SASL2, with what else is asked for, and gives the answer.
func authenticate(t *testing.T, s *servertest.Server, name, asked string) (*servertest.Client, xmpp.Element) {
	t.Helper()
	s.Account(t, address(name))
	c, err := s.Connect(servertest.Domain)
	must(t, err)
	t.Cleanup(c.Drop)
	must(t, c.Send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>"+
		base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00"+servertest.Password))+"</initial-response>"+asked+"</authenticate>"))
	e, err := c.Next()
	must(t, err)
	return c, e
}

func next(t *testing.T, c *servertest.Client) xmpp.Element {
	t.Helper()
	e, err := c.Next()
	must(t, err)
	return e
}

func hasFeature(e xmpp.Element, space, local string) bool {
	_, ok := e.Child(space, local)
	return ok
}

const bindAndEnable = "<bind xmlns='urn:xmpp:bind:0'><tag>phone</tag><enable xmlns='" + ns + "' resume='true'/></bind>"

// XEP-0198 §9: the count begins with the <success/>, and a session is resumed together with authentication.
func TestInline(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c, success := authenticate(t, s, "romeo", bindAndEnable)
	bound, _ := success.Child("urn:xmpp:bind:0", "bound")
	enabled, ok := bound.Child(ns, "enabled")
	id := enabled.Attr("id")
	if !ok || id == "" || enabled.Attr("resume") != "true" || enabled.Attr("max") != "600" {
		t.Fatalf("answer: %s", success)
	}
	jid := success.ContentOf("urn:xmpp:sasl:2", "authorization-identifier")
	if features := next(t, c); !hasFeature(features, ns, "sm") {
		t.Errorf("features: %s", features)
	}
	must(t, c.Send("<message to='"+jid+"' id='1'/><message to='"+jid+"' id='2'/><r xmlns='"+ns+"'/>"))
	for stanzas := 0; ; {
		e := next(t, c)
		if e.Is(ns, "a") {
			if e.Attr("h") != "2" || stanzas != 2 {
				t.Errorf("after %d stanzas: %s", stanzas, e)
			}
			break
		}
		if e.Name.Local == "message" {
			stanzas++
		}
	}
	c.Drop()

	c, success = authenticate(t, s, "romeo", "<resume xmlns='"+ns+"' previd='"+id+"' h='1'/>"+bindAndEnable)
	resumed, ok := success.Child(ns, "resumed")
	if !ok || resumed.Attr("h") != "2" || resumed.Attr("previd") != id || hasFeature(success, "urn:xmpp:bind:0", "bound") ||
		success.ContentOf("urn:xmpp:sasl:2", "authorization-identifier") != jid {
		t.Fatalf("answer: %s", success)
	}
	if e := next(t, c); e.Attr("id") != "2" { // no features: the stream is where it was
		t.Errorf("first came %s", e)
	}
	must(t, c.Leave())

	c, success = authenticate(t, s, "romeo", "<resume xmlns='"+ns+"' previd='"+id+"' h='2'/>"+bindAndEnable)
	if got := childrenOf(success); got != "authorization-identifier failed bound" {
		t.Errorf("answer: %s", success)
	}
	failed, _ := success.Child(ns, "failed")
	if got := failed.String(); got != notFound {
		t.Errorf("refused: %s", got)
	}
	bound, _ = success.Child("urn:xmpp:bind:0", "bound")
	if enabled, ok := bound.Child(ns, "enabled"); !ok || enabled.Attr("id") == id {
		t.Errorf("bound: %s", bound)
	}
	next(t, c)
	must(t, c.Leave())

	_, success = authenticate(t, s, "romeo", "<resume xmlns='"+ns+"' h='2'/>")
	if got := childrenOf(success); got != "authorization-identifier failed" {
		t.Errorf("answer: %s", success)
	}
}

func childrenOf(e xmpp.Element) string {
	var out []string
	for _, x := range e.Elements() {
		out = append(out, x.Name.Local)
	}
	return strings.Join(out, " ")
}

// What is offered, and what is not where no session waits for its client.
func TestOffers(t *testing.T) {
	t.Parallel()
	for _, wait := range []string{"10m", "0s"} {
		s := servertest.StartWith(t, waiting(wait))
		c, err := s.Connect(servertest.Domain)
		must(t, err)
		c.Drop()
		inline := c.Features.String()
		if got, want := strings.Contains(inline, "</bind><sm xmlns='urn:xmpp:sm:3'/></inline>"), wait != "0s"; got != want {
			t.Errorf("%s: resumption is offered: %v", wait, got)
		}
		if !strings.Contains(inline, "<feature var='urn:xmpp:sm:3'/>") {
			t.Errorf("%s: %s", wait, inline)
		}
		d := manage(t, s, "romeo", "phone", "resume='true'")
		if (d.id != "") != (wait != "0s") {
			t.Errorf("%s: the stream's id is %q", wait, d.id)
		}
		e := d.ask()
		if wait == "0s" && !strings.Contains(e.String(), "feature-not-implemented") {
			t.Errorf("%s: %s", wait, e)
		}
		d.Drop()
	}
}

// Whoever asks: what is not there, and what is another's, is the same.
func TestOthersSessions(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := manage(t, s, "romeo", "phone", "resume='true'")
	gone := manage(t, s, "juliet", "tablet", "resume='true'")
	must(t, gone.Leave())
	for _, asked := range []string{
		"previd='" + romeo.id + "' h='0'", "previd='" + gone.id + "' h='0'", "previd='' h='0'", "h='0'", "previd='" + strings.Repeat("a", 26) + "'",
		"previd='" + strings.ToUpper(romeo.id) + "' h='0'", "previd='" + strings.Repeat("x", 5000) + "' h='99'", "previd='%27%3B&apos; OR 1=1' h='0'", "",
	} {
		_, success := authenticate(t, s, "juliet", "<resume xmlns='"+ns+"' "+asked+"/>")
		if failed, _ := success.Child(ns, "failed"); failed.String() != notFound {
			t.Errorf("%.60s: %s", asked, success)
		}
	}
	must(t, romeo.Fence()) // undisturbed
	if n := romeo.server.Host.Stats.Sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
	must(t, romeo.Leave())
}
