package websocket_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domain = servertest.Domain

	// patience is how long a test waits for what must come. Only one that fails ever uses it up.
	patience = 20 * time.Second

	open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='" + domain + "' version='1.0'/>"
	over = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
	ping = "<iq xmlns='jabber:client' type='get' id='fence' to='" + domain + "'><ping xmlns='urn:xmpp:ping'/></iq>"
)

var (
	juliet = xmpp.MustParseJID("juliet@" + domain)
	romeo  = xmpp.MustParseJID("romeo@" + domain)
)

// start starts a whole server with an HTTPS port.
func start(t *testing.T, change ...func(*daemon.Config)) *servertest.Server {
	t.Helper()
	return servertest.StartWith(t, func(c *daemon.Config) {
		c.Listen.HTTPS = []string{"127.0.0.1:0"}
		for _, fn := range change {
			fn(c)
		}
	})
}

// browser is an HTTP client that trusts anybody.
func browser(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: domain}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

// A client is one of frames.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

// dial connects, and sends nothing.
func dial(t *testing.T, s *servertest.Server) *client {
	t.Helper()
	ws, answer, err := websocket.Dial(t.Context(), "wss://"+s.Addr("https").String()+"/xmpp-websocket", &websocket.DialOptions{
		HTTPClient: browser(t), Subprotocols: []string{"xmpp"}, CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatal(err)
	}
	if ext := answer.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
		t.Errorf("the server agrees to %s", ext)
	}
	ws.SetReadLimit(-1)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{t, ws}
}

func (c *client) send(frame string) {
	c.t.Helper()
	c.write(websocket.MessageText, frame)
}

func (c *client) write(kind websocket.MessageType, frame string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, kind, []byte(frame)); err != nil {
		c.t.Fatalf("send %.100s: %v", frame, err)
	}
}

func (c *client) read() (xmpp.Element, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	kind, b, err := c.ws.Read(ctx)
	if err != nil {
		return xmpp.Element{}, err
	}
	e, err := xmpp.Parse(string(b), "") // a document of its own (RFC 7395 §3.3.3)
	if err != nil || kind != websocket.MessageText || b[0] != '<' {
		c.t.Errorf("a frame that is not one element as text: %q, %v", b, err)
	}
	return e, nil
}

// next is the next frame, which must be such an element.
func (c *client) next(space, local string) xmpp.Element {
	c.t.Helper()
	e, err := c.read()
	if err != nil {
		c.t.Fatalf("waiting for %s: %v", local, err)
	}
	if !e.Is(space, local) {
		c.t.Fatalf("got %s, want %s in %s", e, local, space)
	}
	return e
}

// opened begins a stream, and gives its features.
func (c *client) opened() xmpp.Element {
	c.t.Helper()
	c.send(open)
	if e := c.next("urn:ietf:params:xml:ns:xmpp-framing", "open"); e.Attr("from") != domain || e.Attr("id") == "" || e.Attr("version") != "1.0" {
		c.t.Errorf("the stream begins with %s", e)
	}
	return c.next(xmpp.NSStream, "features")
}

// authenticate logs in, to a stream on which no resource is bound.
func (c *client) authenticate(user xmpp.JID) {
	c.t.Helper()
	c.opened()
	c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain(user) + "</auth>")
	c.next("urn:ietf:params:xml:ns:xmpp-sasl", "success")
	c.opened()
}

func plain(user xmpp.JID) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user.Local() + "\x00" + servertest.Password))
}

// login binds a resource of an account.
func login(t *testing.T, s *servertest.Server, user xmpp.JID) *client {
	t.Helper()
	s.Account(t, user)
	c := dial(t, s)
	c.authenticate(user)
	c.send("<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>")
	if e := c.next(xmpp.NSClient, "iq"); e.Attr("type") != "result" {
		t.Fatalf("bind: %s", e)
	}
	return c
}

// fence waits until the server has dealt with what was sent.
func (c *client) fence() {
	c.t.Helper()
	c.send(ping)
	for c.next(xmpp.NSClient, "iq").Attr("id") != "fence" {
		continue
	}
}

// dies expects a stream error of this condition, <close/>, and the closing of the WebSocket in good order.
func (c *client) dies(condition string) {
	c.t.Helper()
	var last xmpp.Element
	for {
		e, err := c.read()
		if err != nil {
			c.t.Fatalf("instead of %s the WebSocket ended with %v after %s", condition, err, last)
		}
		if last = e; !e.Is(xmpp.NSStream, "error") {
			continue
		}
		if _, ok := e.Child(xmpp.NSStreams, condition); !ok {
			c.t.Errorf("got %s, want %s", e, condition)
		}
		break
	}
	c.ends()
}

// ends expects <close/> and the closing of the WebSocket in good order.
func (c *client) ends() {
	c.t.Helper()
	c.next("urn:ietf:params:xml:ns:xmpp-framing", "close")
	_, err := c.read()
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != websocket.StatusNormalClosure {
		c.t.Errorf("the WebSocket ended with %v", err)
	}
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q has no %q", text, part)
	}
}
