package websocket_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"palabre/daemon"
	"palabre/xmpp"
)

// TestHostileFrames: each gets a clear answer, before login and after.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	s := start(t)
	long := strings.Repeat("x", 300<<10)
	for _, test := range []struct{ name, frame, condition string }{
		{"nothing", "", "bad-format"},
		{"white space", " ", "bad-format"},
		{"text", "hello", "bad-format"},
		{"white space before an element", " " + ping, "bad-format"},
		{"a stream header", "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" + domain + "' version='1.0'>", "bad-format"},
		{"an XML declaration and a stream header", "<?xml version='1.0'?><stream:stream>", "restricted-xml"},
		{"a comment", "<!-- -->", "restricted-xml"},
		{"a stream's end", "</stream:stream>", "bad-format"},
		{"two elements", "<a xmlns='x'/><b xmlns='x'/>", "bad-format"},
		{"an element and text", "<a xmlns='x'/>b", "bad-format"},
		{"half an element", "<a xmlns='x'>", "not-well-formed"},
		{"half a tag", "<a xmlns='x", "not-well-formed"},
		{"a broken open", "<open", "not-well-formed"},
		{"an open with content", "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'>x</open>", "bad-format"},
		{"a long open", "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='" + long + "'/>", "policy-violation"},
		{"a huge frame", "<a xmlns='x'>" + long + "</a>", "policy-violation"},
		{"invalid UTF-8 in an open", "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='\xff'/>", "not-well-formed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, s)
			c.opened()
			c.send(test.frame)
			c.dies(test.condition)
		})
	}
	for _, test := range []struct{ name, frame, condition string }{
		{"no open", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>", "bad-format"},
		{"a close", over, "not-well-formed"},
		{"a stream header", "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" + domain + "' version='1.0'>", "bad-format"},
		{"a foreign domain", strings.Replace(open, domain, "example.com", 1), "host-unknown"},
		{"an old version", strings.Replace(open, "1.0", "0.9", 1), "unsupported-version"},
	} {
		t.Run("first/"+test.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, s)
			c.send(test.frame)
			c.dies(test.condition)
		})
	}
}

// TestHostileSessions: what somebody does who is logged in.
func TestHostileSessions(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i, test := range []struct{ name, frame, condition string }{
		{"an open", open, "restricted-xml"},
		{"no namespace", "<message><body>x</body></message>", "invalid-namespace"},
		{"invalid UTF-8", "<message xmlns='jabber:client'><body>\xff\xfe</body></message>", "not-well-formed"},
		{"a comment inside", "<message xmlns='jabber:client'><!-- ]]> --></message>", "restricted-xml"},
		{"two stanzas", "<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>", "bad-format"},
		{"a huge one", "<message xmlns='jabber:client'><body>" + strings.Repeat("x", 300<<10) + "</body></message>", "policy-violation"},
		{"a huge attribute", "<message xmlns='jabber:client' id='" + strings.Repeat("x", 600<<10), "policy-violation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := login(t, s, xmpp.MustParseJID("user"+string(rune('a'+i))+"@"+domain))
			c.send(test.frame)
			c.dies(test.condition)
		})
	}
	t.Run("binary", func(t *testing.T) {
		t.Parallel()
		c := login(t, s, juliet)
		c.write(websocket.MessageBinary, ping)
		c.dies("unsupported-encoding")
	})
	t.Run("elements named as those of framing", func(t *testing.T) {
		t.Parallel()
		c := login(t, s, romeo)
		c.send("<iq xmlns='jabber:client' type='get' id='1'><open xmlns='x'/></iq>")
		c.next(xmpp.NSClient, "iq")
		c.send("<open xmlns='x'/>")
		c.dies("unsupported-stanza-type")
	})
}

// TestHandshakes: who may connect, and how those are refused who may not.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *daemon.Config) { c.Web.Origins = []string{"https://chat.example.com"} })
	at := s.Addr("https").String()
	key := map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "xmpp"}
	for _, test := range []struct {
		name   string
		change map[string]string
		status int
		text   string
	}{
		{"no browser", nil, 101, ""},
		{"its own page", map[string]string{"Origin": "https://" + at}, 101, ""},
		{"a page of a domain", map[string]string{"Origin": "https://" + domain}, 101, ""},
		{"a page that is named", map[string]string{"Origin": "https://chat.example.com"}, 101, ""},
		{"one of several subprotocols", map[string]string{"Sec-WebSocket-Protocol": "soap, xmpp"}, 101, ""},
		{"a foreign page", map[string]string{"Origin": "https://example.com"}, 403, "may not connect"},
		{"a page without TLS", map[string]string{"Origin": "http://" + at}, 403, "may not connect"},
		{"another port of a domain", map[string]string{"Origin": "https://" + domain + ":8443"}, 403, "may not connect"},
		{"a page of nowhere", map[string]string{"Origin": "null"}, 403, "may not connect"},
		{"a domain as a prefix", map[string]string{"Origin": "https://" + domain + ".example.com"}, 403, "may not connect"},
		{"no subprotocol", map[string]string{"Sec-WebSocket-Protocol": ""}, 400, "must be xmpp"},
		{"another subprotocol", map[string]string{"Sec-WebSocket-Protocol": "xmpp2, soap"}, 400, "must be xmpp"},
		{"plain HTTP", map[string]string{"Upgrade": "", "Connection": ""}, 426, "WebSocket"},
		{"an old version", map[string]string{"Sec-WebSocket-Version": "8"}, 400, "13"},
		{"no key", map[string]string{"Sec-WebSocket-Key": ""}, 400, "Sec-WebSocket-Key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+at+"/xmpp-websocket", nil)
			must(t, err)
			for _, h := range []map[string]string{key, test.change} {
				for k, v := range h {
					r.Header.Set(k, v)
					if v == "" {
						r.Header.Del(k)
					}
				}
			}
			answer, err := browser(t).Do(r)
			must(t, err)
			defer answer.Body.Close()
			if answer.StatusCode != test.status {
				t.Errorf("the answer is %s", answer.Status)
			}
			if test.status == 101 {
				return
			}
			text, err := io.ReadAll(answer.Body)
			must(t, err)
			contains(t, string(text), test.text)
		})
	}
}

// TestHTTP2: pages come by it, and who asks for the WebSocket is told how.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browser(t)
	b.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	for path, status := range map[string]int{"/xmpp-websocket": 426, "/.well-known/host-meta": 200, "/": 404} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.Addr("https").String()+path, nil)
		must(t, err)
		answer, err := b.Do(r)
		must(t, err)
		must(t, answer.Body.Close())
		if answer.ProtoMajor != 2 || answer.StatusCode != status {
			t.Errorf("%s: %s %s", path, answer.Proto, answer.Status)
		}
	}
}

// TestPings: who answers stays; who does not is given up, and its session waits for it.
func TestPings(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *daemon.Config) { c.Tuning.Ping = 500 * time.Millisecond })
	c := login(t, s, juliet)
	pinged := make(chan struct{}, 100)
	ws, _, err := websocket.Dial(t.Context(), "wss://"+s.Addr("https").String()+"/xmpp-websocket", &websocket.DialOptions{
		HTTPClient: browser(t), Subprotocols: []string{"xmpp"},
		OnPingReceived: func(context.Context, []byte) bool {
			select {
			case pinged <- struct{}{}:
			default:
			}
			return true
		},
	})
	must(t, err)
	live := &client{t, ws}
	defer ws.CloseNow()
	live.opened()
	read := make(chan error, 1)
	go func() {
		_, err := live.read()
		read <- err
	}()
	for range 3 {
		select {
		case <-pinged:
		case err := <-read:
			t.Fatalf("the one that answers was given up: %v", err)
		}
	}
	live.send(over)
	must(t, <-read)
	must(t, s.Lapsed(xmpp.MustParseJID(juliet.String()+"/web"))) // c reads nothing, so it answers nothing
	_ = c.ws.CloseNow()
}

// TestSlowReader: who does not read is cut off, as on TCP.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *daemon.Config) { c.Limits.Off, c.Tuning.Write = true, 500*time.Millisecond })
	login(t, s, juliet)
	other, err := s.Login(t, romeo, "tcp")
	must(t, err)
	text := "<message to='" + juliet.String() + "/web' type='normal'><body>" + strings.Repeat("x", 200<<10) + "</body></message>"
	for range 100 { // 20 MB: more than any socket holds
		must(t, other.Send(text))
	}
	must(t, s.Lapsed(xmpp.MustParseJID(juliet.String()+"/web")))
}

// TestHalfOpen: who only connects takes nobody's place.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *daemon.Config) { c.Tuning.MaxWaitingEach = 32 })
	first, err := net.Dial("tcp", s.Addr("https").String())
	must(t, err)
	defer first.Close()
	for range 32 {
		c, err := net.Dial("tcp", s.Addr("https").String())
		must(t, err)
		defer c.Close()
	}
	must(t, first.SetReadDeadline(time.Now().Add(patience)))
	if _, err := first.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the oldest one is still there: %v", err)
	}
	dial(t, s).opened()
}

// TestHostMeta: XEP-0156 §2.
func TestHostMeta(t *testing.T) {
	t.Parallel()
	s := start(t)
	for host, want := range map[string]string{
		domain + ":5443": "wss://" + domain + ":5443/xmpp-websocket", domain: "wss://" + domain + "/xmpp-websocket",
		"evil.example:1": "wss://" + domain + ":1/xmpp-websocket", "x'><script>": "wss://" + domain + "/xmpp-websocket",
	} {
		for path, text := range map[string]string{
			"/.well-known/host-meta":      "<Link rel='urn:xmpp:alt-connections:websocket' href='" + want + "'/>",
			"/.well-known/host-meta.json": `{"links":[{"rel":"urn:xmpp:alt-connections:websocket","href":"` + want + `"}]}`,
		} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.Addr("https").String()+path, nil)
			must(t, err)
			r.Host = host
			answer, err := browser(t).Do(r)
			must(t, err)
			b, err := io.ReadAll(answer.Body)
			must(t, err)
			answer.Body.Close()
			if strings.Contains(host, "<") && answer.StatusCode == http.StatusBadRequest {
				continue
			}
			contains(t, string(b), text)
			if answer.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: pages may not read it", path)
			}
		}
	}
}
