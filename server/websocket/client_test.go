package websocket_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"testing"

	"github.com/coder/websocket"
	"mellium.im/sasl"
	mellium "mellium.im/xmpp"
	"mellium.im/xmpp/jid"
	melliumws "mellium.im/xmpp/websocket"

	"palabre/server/servertest"
)

// TestClient logs in with a client that is not ours.
func TestClient(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	at := s.Addr("https").String()
	d := melliumws.Dialer{Origin: "https://" + at, TLSConfig: &tls.Config{InsecureSkipVerify: true, ServerName: domain}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := d.DialDirect(ctx, "wss://"+at+"/xmpp-websocket")
	must(t, err)
	defer conn.Close()
	features := []mellium.StreamFeature{mellium.SASL("", servertest.Password, sasl.ScramSha256), mellium.BindResource()}
	session, err := mellium.NewSession(ctx, jid.MustParse(domain), jid.MustParse(juliet.String()), conn, mellium.Secure,
		melliumws.Negotiator(func(*mellium.Session, *mellium.StreamConfig) mellium.StreamConfig {
			return mellium.StreamConfig{Features: features}
		}))
	must(t, err)
	if got := session.LocalAddr(); got.Bare().String() != juliet.String() || got.Resourcepart() == "" {
		t.Errorf("bound as %s", got)
	}
	must(t, session.Close())
}

// TestChannelBinding: a login is bound to the TLS connection that the WebSocket stands on, and to no other (RFC 9266).
func TestChannelBinding(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	var states [2]*tls.ConnectionState
	var clients [2]*client
	for i := range clients {
		ws, answer, err := websocket.Dial(t.Context(), "wss://"+s.Addr("https").String()+"/xmpp-websocket", &websocket.DialOptions{HTTPClient: browser(t), Subprotocols: []string{"xmpp"}})
		must(t, err)
		t.Cleanup(func() { _ = ws.CloseNow() })
		clients[i], states[i] = &client{t, ws}, answer.TLS
		clients[i].opened()
	}
	if got := scram(t, clients[0], states[0]); got != "success" {
		t.Errorf("bound to its own connection: %s", got)
	}
	if got := scram(t, clients[1], states[0]); got != "failure" {
		t.Errorf("bound to another connection: %s", got)
	}
}

// scram tries to log in with a binding to a connection, and gives the name of the answer.
func scram(t *testing.T, c *client, state *tls.ConnectionState) string {
	t.Helper()
	n := sasl.NewClient(sasl.ScramSha256Plus, sasl.TLSState(*state), sasl.RemoteMechanisms("SCRAM-SHA-256-PLUS"),
		sasl.Credentials(func() (user, password, identity []byte) {
			return []byte(juliet.Local()), []byte(servertest.Password), nil
		}))
	_, data, err := n.Step(nil)
	must(t, err)
	c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256-PLUS'>" + base64.StdEncoding.EncodeToString(data) + "</auth>")
	for {
		e, err := c.read()
		must(t, err)
		if e.Name.Local != "challenge" {
			return e.Name.Local
		}
		data, err := base64.StdEncoding.DecodeString(e.Content())
		must(t, err)
		_, data, err = n.Step(data)
		must(t, err)
		c.send("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + base64.StdEncoding.EncodeToString(data) + "</response>")
	}
}
