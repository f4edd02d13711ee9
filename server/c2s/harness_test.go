package c2s_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"palabre/account"
	"palabre/server"
	"palabre/server/c2s"
	"palabre/store"
	"palabre/xmpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domain   = "example.org"
	second   = "example.net"
	password = "R0m30 & co"

	// patience is how long a test waits for what must come. Only one that fails ever uses it up.
	patience = 20 * time.Second
)

var (
	juliet = xmpp.MustParseJID("juliet@example.org")
	romeo  = xmpp.MustParseJID("romeo@example.org")
	nurse  = xmpp.MustParseJID("nurse@example.net")
)

// A world is a server with a store, three accounts and one module, on ports that the system gives.
type world struct {
	t        testing.TB
	store    *store.Store
	host     *server.Host
	accounts *account.Registry
	c2s      *c2s.Server
	log      *logBook
	panics   int64    // that the test provokes
	plain    net.Addr // STARTTLS
	direct   net.Addr
}

func newWorld(t testing.TB, change ...func(*c2s.Options)) *world {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Fatal: func(err error) { t.Error(err) }})
	must(t, err)
	w := &world{t: t, store: st, log: &logBook{}}
	low := account.Iterations{SHA1: 4096, SHA256: 4096, SHA512: 4096}
	w.accounts, err = account.New(t.Context(), st, account.Options{Domains: map[string]account.Domain{domain: {}, second: {}}, Iterations: low, Off: true})
	must(t, err)
	for _, jid := range []xmpp.JID{juliet, romeo, nurse} {
		must(t, w.accounts.Add(t.Context(), jid, password))
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.host, err = server.New(server.Options{Domains: []string{domain, second}, Users: st, Store: st, Log: log}, &module{})
	must(t, err)
	certs, err := c2s.OpenCertificates(c2s.CertificateOptions{Dir: t.TempDir(), Domains: []string{domain, second}, Log: log})
	must(t, err)
	o := c2s.Options{Host: w.host, Auth: w.accounts, Certificates: certs, Log: log, LingerTime: 200 * time.Millisecond}
	for _, fn := range change {
		fn(&o)
	}
	w.c2s = c2s.New(o)
	var serving sync.WaitGroup
	w.plain = w.listen(&serving, c2s.StartTLS)
	w.direct = w.listen(&serving, c2s.DirectTLS)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		w.c2s.Close()
		if err := errors.Join(w.host.Shutdown(ctx), w.c2s.Shutdown(ctx)); err != nil {
			t.Error(err)
		}
		serving.Wait()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		if n := w.c2s.Stats.Panics(); n != w.panics {
			t.Errorf("%d connections failed by our own fault, want %d", n, w.panics)
		}
		if log := w.log.String(); strings.Contains(log, password) || strings.Contains(log, base64.StdEncoding.EncodeToString([]byte(password))) {
			t.Errorf("the password is in the log:\n%s", log)
		}
	})
	return w
}

func (w *world) listen(serving *sync.WaitGroup, mode c2s.Mode) net.Addr {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	serving.Go(func() {
		if err := w.c2s.Serve(ln, mode); !errors.Is(err, net.ErrClosed) {
			w.t.Errorf("serve: %v", err)
		}
	})
	return ln.Addr()
}

// A module gives the transport something to offer and to hand over.
type module struct{}

func (*module) Info() server.Info { return server.Info{Name: "test"} }

func (*module) Register(h *server.Host) {
	h.StreamFeature(func(domain string) xmpp.Element { return xmpp.New("urn:test:feature", "sub").With("of", domain) })
	h.HandleNonza("urn:test:nonza", "knock", func(_ context.Context, s *server.Session, e xmpp.Element) error {
		s.SendStanza(xmpp.NewStanza(xmpp.Message, xmpp.TypeHeadline, xmpp.New("urn:test:nonza", "who", xmpp.Text(s.JID.String()))))
		return nil
	})
	h.HandleInline("urn:test:inline", "enable", func(_ context.Context, s *server.Session, e xmpp.Element) (xmpp.Element, error) {
		return xmpp.New("urn:test:inline", "enabled").With("for", s.JID.Resource()), nil
	})
	h.Hooks().SessionOpened = append(h.Hooks().SessionOpened, func(_ context.Context, s *server.Session) {
		if s.JID.Resource() == "flooded" {
			for range 2 {
				s.SendStanza(xmpp.NewStanza(xmpp.Message, xmpp.TypeHeadline, xmpp.New(xmpp.NSClient, "body", xmpp.Text(strings.Repeat("x", 900<<10)))))
			}
		}
		if s.JID.Resource() == "greeted" {
			s.SendStanza(xmpp.NewStanza(xmpp.Message, xmpp.TypeHeadline, xmpp.New("urn:test:greeting", "hello")))
		}
	})
	h.HandleIQ(server.ToDomain, "urn:xmpp:ping", "ping", func(context.Context, *server.Request) (xmpp.Element, error) {
		return xmpp.Element{}, nil
	})
	h.HandleIQ(server.ToDomain, "urn:test:panic", "panic", func(context.Context, *server.Request) (xmpp.Element, error) {
		panic("as the test wants it")
	})
}

// A logBook keeps what was logged.
type logBook struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A line is a client of bytes.
type line struct {
	t    testing.TB
	conn net.Conn
	got  string // not yet asked for
}

// dial connects to the port of STARTTLS, and sends nothing.
func (w *world) dial(t testing.TB) *line {
	t.Helper()
	conn, err := net.Dial("tcp", w.plain.String())
	must(t, err)
	l := &line{t: t, conn: conn}
	t.Cleanup(func() { l.conn.Close() })
	return l
}

// dialTLS connects to the port of direct TLS, and sends nothing over TLS.
func (w *world) dialTLS(t testing.TB) *line {
	t.Helper()
	conn, err := tls.Dial("tcp", w.direct.String(), clientTLS())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return &line{t: t, conn: conn}
}

func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: domain, NextProtos: []string{"xmpp-client"}}
}

// opened is a stream over TLS, its features read.
func (w *world) opened(t testing.TB) *line {
	t.Helper()
	l := w.dialTLS(t)
	l.send(header)
	l.until("</stream:features>")
	return l
}

// login binds a resource of an account.
func (w *world) login(t testing.TB, user xmpp.JID, resource string) *line {
	t.Helper()
	l := w.dialTLS(t)
	l.send(headerTo(user.Domain()))
	l.until("</stream:features>")
	l.send(plainAuth(user.Local(), password))
	l.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	l.send(headerTo(user.Domain()))
	l.until("</stream:features>")
	l.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	l.until("<jid>" + user.String() + "/" + resource + "</jid></bind></iq>")
	return l
}

func headerTo(domain string) string {
	return "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='" + domain + "'>"
}

var header = headerTo(domain)

func plainAuth(name, password string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plainData(name, password) + "</auth>"
}

func plainData(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00" + password))
}

func (l *line) send(s string) {
	l.t.Helper()
	must(l.t, l.conn.SetWriteDeadline(time.Now().Add(patience)))
	if _, err := l.conn.Write([]byte(s)); err != nil {
		l.t.Fatalf("send %s: %v", s, err)
	}
}

// until reads up to a text, and gives all that came before it with it.
func (l *line) until(text string) string {
	l.t.Helper()
	for {
		if i := strings.Index(l.got, text); i >= 0 {
			out := l.got[:i+len(text)]
			l.got = l.got[i+len(text):]
			return out
		}
		if err := l.read(); err != nil {
			l.t.Fatalf("waiting for %q: %v; there is %q", text, err, l.got)
		}
	}
}

func (l *line) read() error {
	b := make([]byte, 4096)
	if err := l.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	n, err := l.conn.Read(b)
	l.got += string(b[:n])
	if n > 0 {
		return nil
	}
	return err
}

// end reads to the end of the connection, which the server must bring about in good order, and gives what came.
func (l *line) end() string {
	l.t.Helper()
	for {
		if err := l.read(); err != nil {
			if !errors.Is(err, io.EOF) {
				l.t.Errorf("the connection ended with %v after %q", err, l.got)
			}
			l.conn.Close()
			return l.got
		}
	}
}

// dies expects a stream error of this condition, and the end.
func (l *line) dies(condition string) string {
	l.t.Helper()
	got := l.end()
	if !strings.Contains(got, "<stream:error><"+condition+" xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>") || !strings.HasSuffix(got, "</stream:error></stream:stream>") {
		l.t.Errorf("got %q, want the stream error %s", got, condition)
	}
	return got
}

// fence waits until the server has dealt with what was sent, and gives what came before.
func (l *line) fence() string {
	l.t.Helper()
	l.send("<iq type='get' id='fence' to='" + domain + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	return l.until("id='fence'")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startTLS asks for TLS on a stream in clear.
func (l *line) startTLS() {
	l.t.Helper()
	l.send(starttls)
	l.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c := tls.Client(l.conn, clientTLS())
	must(l.t, c.Handshake())
	l.conn = c
}
