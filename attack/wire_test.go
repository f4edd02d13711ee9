package attack

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"palabre/server/servertest"
	"palabre/xmpp"
)

const (
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsStanza = "urn:ietf:params:xml:ns:xmpp-stanzas"
	starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	closed   = "</stream:stream>"
)

var header = headerTo(servertest.Domain)

func headerTo(domain string) string {
	return "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='" + domain + "'>"
}

// A wire is a client of bytes.
type wire struct {
	t    testing.TB
	conn net.Conn
	got  string // not yet asked for
	jid  string // that binds was given
	buf  [16 << 10]byte
}

func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: servertest.Domain, NextProtos: []string{"xmpp-client"}}
}

// clear connects to the port of STARTTLS, and sends nothing.
func (s *site) clear(t testing.TB) *wire { return s.connect(t, "c2s", "", nil) }

// tls connects to the port of direct TLS, and sends nothing over TLS.
func (s *site) tls(t testing.TB) *wire { return s.connect(t, "c2s_tls", "", clientTLS()) }

// connect connects from an address, with TLS or without.
func (s *site) connect(t testing.TB, service, from string, config *tls.Config) *wire {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	conn, err := d.DialContext(t.Context(), "tcp", s.Addr(service).String())
	must(t, err)
	w := &wire{t: t, conn: conn}
	t.Cleanup(func() { _ = conn.Close() }) // and does not hold the rest
	if config != nil {
		c := tls.Client(conn, config)
		must(t, conn.SetDeadline(time.Now().Add(patience)))
		must(t, c.HandshakeContext(t.Context()))
		w.conn = c
	}
	return w
}

// opened is a stream over TLS, its features read.
func (s *site) opened(t testing.TB) *wire {
	t.Helper()
	w := s.tls(t)
	w.send(header)
	w.until("</stream:features>")
	return w
}

// authenticated is a stream after login, before bind.
func (s *site) authenticated(t testing.TB, user xmpp.JID) *wire {
	t.Helper()
	s.Account(t, user)
	w := s.tls(t)
	w.send(headerTo(user.Domain()))
	w.until("</stream:features>")
	w.send(plain("", user.Local(), servertest.Password))
	w.until("<success xmlns='" + nsSASL + "'/>")
	w.send(headerTo(user.Domain()))
	w.until("</stream:features>")
	return w
}

// login binds a resource.
func (s *site) login(t testing.TB, user xmpp.JID, resource string) *wire {
	t.Helper()
	w := s.authenticated(t, user)
	w.bind(resource)
	return w
}

// present is login of a client that is available.
func (s *site) present(t testing.TB, user xmpp.JID, resource string) *wire {
	t.Helper()
	w := s.login(t, user, resource)
	w.send("<presence/>")
	w.fence()
	return w
}

func (w *wire) bind(resource string) {
	w.t.Helper()
	w.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + escape(resource) + "</resource></bind></iq>")
	if got := w.until("</iq>"); !strings.Contains(got, "</jid></bind></iq>") {
		w.t.Fatalf("bind: %s", got)
	}
}

// plain is a request to log in with PLAIN.
func plain(authzid, name, password string) string {
	data := base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + name + "\x00" + password))
	return "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>" + data + "</auth>"
}

// escape makes of a text what an attribute or an element can hold.
func escape(s string) string {
	b := xmpp.AppendAttr(nil, "", s)
	return string(b[3 : len(b)-1])
}

// try sends bytes.
func (w *wire) try(s string) error {
	run.note(s)
	if err := w.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := io.WriteString(w.conn, s)
	return err
}

// send is try where it must succeed.
func (w *wire) send(s string) {
	w.t.Helper()
	if err := w.try(s); err != nil {
		w.t.Fatalf("send %.200s: %v; there is %q", s, err, w.got)
	}
}

// bytewise sends each byte by itself.
func (w *wire) bytewise(s string) {
	w.t.Helper()
	for i := range len(s) {
		w.send(s[i : i+1])
	}
}

// startTLS turns TLS on.
func (w *wire) startTLS() {
	w.t.Helper()
	w.send(starttls)
	w.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c := tls.Client(w.conn, clientTLS())
	must(w.t, c.HandshakeContext(w.t.Context()))
	w.conn = c
}

func (w *wire) read() error {
	if err := w.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	n, err := w.conn.Read(w.buf[:])
	w.got += string(w.buf[:n])
	if n > 0 {
		return nil
	}
	return err
}

// until reads up to a text, and gives all that came before it with it.
func (w *wire) until(text string) string {
	w.t.Helper()
	for seen := 0; ; {
		if i := strings.Index(w.got[seen:], text); i >= 0 {
			end := seen + i + len(text)
			out := w.got[:end]
			w.got = w.got[end:]
			run.note(out)
			return out
		}
		seen = max(0, len(w.got)-len(text))
		if err := w.read(); err != nil {
			w.t.Fatalf("waiting for %q: %v; there is %.2000q", text, err, w.got)
		}
	}
}

// ends reads to the end of the connection, which the server must bring about in good order, and gives what came.
func (w *wire) ends() string {
	w.t.Helper()
	for {
		if err := w.read(); err != nil {
			if !errors.Is(err, io.EOF) {
				w.t.Errorf("the connection ended with %v after %.2000q", err, w.got)
			}
			_ = w.conn.Close()
			return w.got
		}
	}
}

// dies expects a stream error of this condition, and the end.
func (w *wire) dies(condition string) string {
	w.t.Helper()
	got := w.ends()
	if !strings.Contains(got, "<stream:error><"+condition+" xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>") || !strings.HasSuffix(got, "</stream:error>"+closed) {
		w.t.Errorf("got %.2000q, want the stream error %s", got, condition)
	}
	return got
}

// fence waits until the server has dealt with what was sent, and gives what came before.
func (w *wire) fence() string {
	w.t.Helper()
	w.send("<iq type='get' id='fence' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	got := w.until("<iq type='result' id='fence'")
	w.until("/>")
	return strings.TrimSuffix(got, "<iq type='result' id='fence'")
}

// hears expects that nothing has come.
func (w *wire) hearsNothing() {
	w.t.Helper()
	if got := w.fence(); got != "" {
		w.t.Errorf("got %.2000q, want nothing", got)
	}
}

// tcp is the connection below TLS.
func (w *wire) tcp() *net.TCPConn {
	if c, ok := w.conn.(*tls.Conn); ok {
		return c.NetConn().(*net.TCPConn)
	}
	return w.conn.(*net.TCPConn)
}
