package websocket_test

import (
	"strings"
	"testing"

	"palabre/xmpp"
)

// TestChat: one on a WebSocket and one on TCP write to each other.
func TestChat(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := login(t, s, juliet)
	other, err := s.Login(t, romeo, "tcp")
	must(t, err)
	c.send("<message xmlns='jabber:client' to='" + other.JID.String() + "' type='chat'><body>a &lt; b <![CDATA[</message>]]></body></message>")
	got, err := other.Next()
	must(t, err)
	if body := got.ContentOf(xmpp.NSClient, "body"); body != "a < b </message>" || got.Attr("from") != juliet.String()+"/web" {
		t.Errorf("the one on TCP got %s", got)
	}
	must(t, other.Send("<message to='"+juliet.String()+"/web' type='chat' id=' xmlns=&quot;x&quot;'><body>one</body></message>"+
		"<message to='"+juliet.String()+"/web' type='chat'><body>two > <![CDATA[ </body> ]]></body></message>"))
	if e := c.next(xmpp.NSClient, "message"); e.ContentOf(xmpp.NSClient, "body") != "one" || e.Attr("id") != ` xmlns="x"` {
		t.Errorf("got %s", e)
	}
	if e := c.next(xmpp.NSClient, "message"); e.ContentOf(xmpp.NSClient, "body") != "two >  </body> " {
		t.Errorf("got %s", e)
	}
	must(t, other.Leave())
	c.send(over) // RFC 7395 §3.6
	c.ends()
}

// TestLong: what is allowed on TCP is here, in one frame or in fragments.
func TestLong(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := login(t, s, juliet)
	body := strings.Repeat("x<br/>", 4000) + strings.Repeat("é", 50<<10)
	w, err := c.ws.Writer(t.Context(), 1)
	must(t, err)
	text := "<message xmlns='jabber:client' to='" + juliet.String() + "/web' type='chat'><body xmlns='x'>" + body + "</body></message>  "
	for at := 0; at < len(text); at += 7001 {
		_, err := w.Write([]byte(text[at:min(len(text), at+7001)]))
		must(t, err)
	}
	must(t, w.Close())
	if e := c.next(xmpp.NSClient, "message"); len(e.String()) < len(body) {
		t.Errorf("%d bytes came back", len(e.String()))
	}
}

// TestResume: a session goes on with another WebSocket, and nothing is lost (RFC 7395 §3.10, XEP-0198 §5).
func TestResume(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := login(t, s, juliet)
	c.send("<presence xmlns='jabber:client'/>")
	c.next(xmpp.NSClient, "presence")
	c.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	id := c.next("urn:xmpp:sm:3", "enabled").Attr("id")
	other, err := s.Login(t, romeo, "tcp")
	must(t, err)
	must(t, c.ws.CloseNow())
	must(t, s.Noticed(xmpp.MustParseJID(juliet.String()+"/web")))
	must(t, other.Send("<message to='"+juliet.String()+"' type='chat'><body>are you there?</body></message>"))
	must(t, other.Fence())

	again := dial(t, s)
	again.authenticate(juliet)
	again.send("<resume xmlns='urn:xmpp:sm:3' h='0' previd='" + id + "'/>")
	if e := again.next("urn:xmpp:sm:3", "resumed"); e.Attr("previd") != id {
		t.Errorf("got %s", e)
	}
	for {
		e, err := again.read()
		must(t, err)
		if e.Is(xmpp.NSClient, "message") {
			if e.ContentOf(xmpp.NSClient, "body") != "are you there?" {
				t.Errorf("got %s", e)
			}
			break
		}
	}
}

// TestAllAtOnce: SASL2 with Bind 2 is the same, and there is no new stream.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	c := dial(t, s)
	features := c.opened()
	if _, ok := features.Child("urn:ietf:params:xml:ns:xmpp-tls", "starttls"); ok { // RFC 7395 §3.9
		t.Error("STARTTLS is offered")
	}
	contains(t, features.String(), "<mechanism>SCRAM-SHA-256-PLUS</mechanism>")
	contains(t, features.String(), "<channel-binding type='tls-exporter'/>")
	c.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" + plain(juliet) + "</initial-response>" +
		"<bind xmlns='urn:xmpp:bind:0'><tag>web</tag></bind></authenticate>")
	c.next("urn:xmpp:sasl:2", "success")
	c.next(xmpp.NSStream, "features")
	c.fence()
}

// TestShutdown: the server says that it goes.
func TestShutdown(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := login(t, s, juliet)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Restart(t)
	}()
	c.dies("system-shutdown")
	<-done
	login(t, s, juliet).fence()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
