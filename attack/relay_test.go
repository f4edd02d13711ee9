package attack

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"

	"palabre/daemon"
)

// A relay takes all mail, and counts it.
type relay struct {
	*smtp.Server
	t         testing.TB
	taken     atomic.Int64
	configure func(*daemon.Config)
}

type relaySession struct{ relay *relay }

func newRelay(t testing.TB) *relay {
	t.Helper()
	r := &relay{t: t}
	r.Server = smtp.NewServer(r)
	r.Domain = "relay.example.org"
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r.configure = func(c *daemon.Config) {
		c.SMTP.Address, c.SMTP.TLS, c.SMTP.From = ln.Addr().String(), "none", "chat@example.org"
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = r.Serve(ln) })
	t.Cleanup(func() { _ = r.Close(); serving.Wait() })
	return r
}

// NewSession is part of smtp.Backend.
func (r *relay) NewSession(*smtp.Conn) (smtp.Session, error) { return &relaySession{r}, nil }

func (s *relaySession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *relaySession) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s *relaySession) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	if err == nil {
		s.relay.taken.Add(1)
	}
	return err
}

func (s *relaySession) Reset() {}

func (s *relaySession) Logout() error { return nil }

// hasTaken waits for so many mails, and tells of any more.
func (r *relay) hasTaken(n int) {
	r.t.Helper()
	eventually(r.t, "all mail goes out", func() bool { return r.taken.Load() >= int64(n) })
	if got := r.taken.Load(); got != int64(n) {
		r.t.Errorf("%d mails went out, not %d", got, n)
	}
}
