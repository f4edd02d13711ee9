package mail_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"palabre/mail"
	"palabre/server"
	"palabre/store"
	"palabre/xmpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	a := &authority{key, cert, x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

func (a *authority) sign(t testing.TB, name string, until time.Time) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until}
	if ip := net.ParseIP(name); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	must(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// received is a mail that the relay has taken.
type received struct {
	from string
	utf8 bool
	to   []string
	data string
	tls  bool
	user string
	conn int // the number of the connection
}

func (r received) messageID() string {
	_, rest, _ := strings.Cut(r.data, "\r\nMessage-ID: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// A relay is a real SMTP server, which does as its fields say. They are set before start.
type relay struct {
	*smtp.Server
	ln net.Listener

	plain, login bool // mechanisms
	greet        func(n int, c *smtp.Conn) error
	mail         func(c *smtp.Conn, from string, o *smtp.MailOptions) error
	rcpt         func(c *smtp.Conn, to string) error
	data         func(c *smtp.Conn, r io.Reader) error // before it is read
	done         func(c *smtp.Conn, data string) error // after; what it refuses is not received

	mu      sync.Mutex
	conns   int
	mails   []received
	arrived chan struct{}
}

func newRelay() *relay {
	r := &relay{arrived: make(chan struct{}, 1000)}
	r.Server = smtp.NewServer(r)
	r.Domain, r.MaxMessageBytes, r.AllowInsecureAuth = "relay.example.org", 64<<20, true
	r.ErrorLog = discard{}
	return r
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// start begins to listen; implicit says whether with TLS from the first byte.
func (r *relay) start(t testing.TB, implicit bool) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r.serve(t, ln, implicit)
	return r
}

func (r *relay) serve(t testing.TB, ln net.Listener, implicit bool) {
	r.ln = ln
	if implicit {
		ln = tls.NewListener(ln, r.TLSConfig)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := r.Serve(ln); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("relay: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = r.Close()
		serving.Wait()
	})
}

func (r *relay) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.mails...)
}

// wait waits until so many mails have arrived.
func (r *relay) wait(t testing.TB, n int) []received {
	t.Helper()
	for {
		if all := r.all(); len(all) >= n {
			return all
		}
		select {
		case <-r.arrived:
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d mails have arrived", len(r.all()), n)
		}
	}
}

// NewSession is part of smtp.Backend.
func (r *relay) NewSession(c *smtp.Conn) (smtp.Session, error) {
	r.mu.Lock()
	r.conns++
	n := r.conns
	r.mu.Unlock()
	if r.greet != nil {
		if err := r.greet(n, c); err != nil {
			return nil, err
		}
	}
	return &session{r: r, c: c, n: n}, nil
}

type session struct {
	r  *relay
	c  *smtp.Conn
	n  int
	in received
}

func (s *session) AuthMechanisms() []string {
	var out []string
	if s.r.plain {
		out = append(out, sasl.Plain)
	}
	if s.r.login {
		out = append(out, sasl.Login)
	}
	return out
}

func (s *session) Auth(mech string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != "palabre" || password != "sesame" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication credentials invalid"}
		}
		s.in.user = mech + " " + user
		return nil
	}
	if mech == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// loginServer asks as Exchange does.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.in.from, s.in.utf8, s.in.to = from, o.UTF8, nil
	if s.r.mail != nil {
		return s.r.mail(s.c, from, o)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.r.rcpt != nil {
		if err := s.r.rcpt(s.c, to); err != nil {
			return err
		}
	}
	s.in.to = append(s.in.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	if s.r.data != nil {
		if err := s.r.data(s.c, r); err != nil {
			return err
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.r.done != nil {
		if err := s.r.done(s.c, string(data)); err != nil {
			return err
		}
	}
	in := s.in
	in.data, in.conn = string(data), s.n
	_, in.tls = s.c.TLSConnectionState()
	s.r.mu.Lock()
	s.r.mails = append(s.r.mails, in)
	s.r.mu.Unlock()
	s.r.arrived <- struct{}{}
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// A post is an outbox at work, with its store.
type post struct {
	*mail.Outbox
	store *store.Store

	mu      sync.Mutex
	notices []mail.Notice
	told    chan struct{}
	log     logged
}

// logged is a log that can be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// quick are the times of tests.
var quick = mail.Times{Dial: 5 * time.Second, Answer: 5 * time.Second, Block: 5 * time.Second, Done: 5 * time.Second, First: 20 * time.Millisecond, Longest: 100 * time.Millisecond}

// options are those of a post to a relay on this machine, in the clear.
func options(address string) mail.Options {
	return mail.Options{
		Relay: mail.Relay{Address: address, Security: mail.Clear, From: "chat@example.org", Hello: "chat.example.org"},
		Retry: time.Hour, Times: quick,
	}
}

func newPost(t testing.TB, o mail.Options) *post {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	return postOn(t, st, o)
}

func postOn(t testing.TB, st *store.Store, o mail.Options) *post {
	t.Helper()
	p := &post{store: st, told: make(chan struct{}, 1000)}
	if o.Store == nil {
		o.Store = st
	}
	if o.Tell == nil {
		o.Tell = p.tell
	}
	o.Log = slog.New(slog.NewTextHandler(&p.log, nil))
	var err error
	p.Outbox, err = mail.New(o)
	must(t, err)
	return p
}

func (p *post) tell(_ context.Context, n mail.Notice, told server.Write) error {
	if err := p.commit(told); err != nil {
		return err
	}
	p.mu.Lock()
	p.notices = append(p.notices, n)
	p.mu.Unlock()
	p.told <- struct{}{}
	return nil
}

func (p *post) commit(w server.Write) error {
	done := make(chan error, 1)
	p.store.Commit([]server.Write{w}, func(err error) {
		if n, ok := w.(server.Noted); ok && err == nil {
			n.Committed()
		}
		done <- err
	})
	return <-done
}

// run sends until the function that it gives is called.
func (p *post) run(t testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return stop
}

var romeo = xmpp.MustParseJID("romeo@example.org")

func textPart(s string) mail.Part {
	return mail.Part{Type: "text/plain", Write: func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}}
}

func letterTo(addresses ...string) mail.Letter {
	l := mail.Letter{Subject: "The balcony", Requester: romeo, Alternative: []mail.Part{textPart("It is the east.\n")}}
	for _, a := range addresses {
		l.Recipients = append(l.Recipients, mail.Recipient{Address: a})
	}
	return l
}

// send queues a letter, and gives its ID.
func (p *post) send(t testing.TB, l mail.Letter) string {
	t.Helper()
	d, err := p.Compose(t.Context(), l)
	must(t, err)
	must(t, p.commit(d.Queue()))
	return d.ID
}

// outcome sends a letter, and waits until nothing waits any more, or until done says that it is enough; it gives the last state.
func (p *post) outcome(t testing.TB, l mail.Letter, done func(mail.Mail) bool) mail.Mail {
	t.Helper()
	d, err := p.Compose(t.Context(), l)
	must(t, err)
	results := make(chan mail.Mail, 1000)
	defer p.Watch(d.ID, func(m mail.Mail) { results <- m })()
	must(t, p.commit(d.Queue()))
	timeout := time.After(20 * time.Second)
	for {
		select {
		case m := <-results:
			if done(m) {
				return m
			}
		case <-timeout:
			t.Fatalf("nothing comes of the mail; log:\n%s", p.log.String())
		}
	}
}

// nobodyWaits tells that every recipient was dealt with.
func nobodyWaits(m mail.Mail) bool {
	for _, d := range m.To {
		if d.State == mail.Pending {
			return false
		}
	}
	return len(m.To) > 0
}

// tried tells that there was one try.
func tried(mail.Mail) bool { return true }

// waitTold waits until the requester was told so many times.
func (p *post) waitTold(t testing.TB, n int) []mail.Notice {
	t.Helper()
	for {
		p.mu.Lock()
		all := append([]mail.Notice(nil), p.notices...)
		p.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-p.told:
		case <-time.After(20 * time.Second):
			t.Fatalf("told %d times, want %d; log:\n%s", len(all), n, p.log.String())
		}
	}
}

// empty waits until the outbox is.
func (p *post) empty(t testing.TB) {
	t.Helper()
	for begun := time.Now(); ; {
		left := 0
		for _, s := range []mail.State{mail.Drafted, mail.Waits, mail.Failed, mail.Gone} {
			n, err := p.store.CountMails(t.Context(), s)
			must(t, err)
			left += n
		}
		if left == 0 {
			return
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("%d mails are left; log:\n%s", left, p.log.String())
		}
	}
}

func code(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: text}
}
