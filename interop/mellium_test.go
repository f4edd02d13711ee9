package interop

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"net"
	"strings"
	"testing"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stanza"

	"palabre/server/servertest"
)

// melliumLogin logs mellium's client in with one mechanism only, so that the test shows that one.
func melliumLogin(t *testing.T, s *servertest.Server, address string, mechanism sasl.Mechanism) *xmpp.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr("c2s").String())
	if err != nil {
		t.Fatal(err)
	}
	j := jid.MustParse(address)
	session, err := xmpp.NewClientSession(ctx, j, conn,
		xmpp.StartTLS(&tls.Config{InsecureSkipVerify: true, ServerName: servertest.Domain, MinVersion: tls.VersionTLS13}),
		xmpp.SASL("", servertest.Password, mechanism), xmpp.BindResource())
	if err != nil {
		t.Fatalf("%s: %v", mechanism.Name, err)
	}
	t.Cleanup(func() { _ = session.Close(); _ = conn.Close() })
	return session
}

func TestMellium(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []sasl.Mechanism{sasl.ScramSha256Plus, sasl.ScramSha256, sasl.ScramSha1Plus, sasl.ScramSha1, sasl.Plain} {
		t.Run(mechanism.Name, func(t *testing.T) {
			t.Parallel()
			eachEngine(t, func(t *testing.T, s *servertest.Server) {
				accounts(t, s, "romeo", "juliet")
				romeo := melliumLogin(t, s, "romeo@example.org", mechanism)
				juliet := melliumLogin(t, s, "juliet@example.org", mechanism)
				arrived := make(chan string, 1)
				go func() {
					_ = juliet.Serve(xmpp.HandlerFunc(func(r xmlstream.TokenReadEncoder, start *xml.StartElement) error {
						var m struct {
							Body string `xml:"body"`
						}
						if err := xml.NewTokenDecoder(xmlstream.MultiReader(xmlstream.Token(*start), r)).Decode(&m); err == nil && m.Body != "" {
							arrived <- m.Body
						}
						return nil
					}))
				}()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := juliet.Send(ctx, stanza.Presence{}.Wrap(nil)); err != nil {
					t.Fatal(err)
				}
				body := xmlstream.Wrap(xmlstream.Token(xml.CharData("But, soft!")), xml.StartElement{Name: xml.Name{Local: "body"}})
				if err := romeo.Send(ctx, stanza.Message{To: juliet.LocalAddr(), Type: stanza.ChatMessage}.Wrap(body)); err != nil {
					t.Fatal(err)
				}
				select {
				case got := <-arrived:
					if !strings.Contains(got, "But, soft!") {
						t.Errorf("%q arrived", got)
					}
				case <-ctx.Done():
					t.Error("nothing arrived")
				}
			})
		})
	}
}
