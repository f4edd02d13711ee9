package daemon_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"palabre/daemon"
	"palabre/mail"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// A relay takes mail for juliet@example.org, and knows nobody else.
type relay struct{}

func (relay) NewSession(*smtp.Conn) (smtp.Session, error) { return relay{}, nil }
func (relay) Mail(string, *smtp.MailOptions) error        { return nil }
func (relay) Reset()                                      {}
func (relay) Logout() error                               { return nil }

func (relay) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to != "juliet@example.org" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	return nil
}

func (relay) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// startRelay gives its address.
func startRelay(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(relay{})
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(ln) })
	t.Cleanup(func() {
		_ = s.Close()
		serving.Wait()
	})
	return ln.Addr().String()
}

func withRelay(address string) func(*daemon.Config) {
	return func(c *daemon.Config) {
		c.SMTP.Address, c.SMTP.TLS, c.SMTP.From = address, "none", "chat@example.org"
	}
}

// Who asked for a mail that can't be delivered hears of it from the room's service: at once, or when they come.
func TestRequesterIsToldOfMail(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, withRelay(startRelay(t)))
	romeo, juliet := xmpp.MustParseJID("romeo@example.org"), xmpp.MustParseJID("juliet@example.org")
	r, err := s.Login(t, romeo, "orchard")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Drop()
	if err := r.Send("<presence/>"); err != nil {
		t.Fatal(err)
	}
	s.Account(t, juliet)
	for _, asks := range []xmpp.JID{romeo, juliet} {
		d, err := s.Outbox.Compose(t.Context(), mail.Letter{
			Subject: "Coven, <today>", Requester: asks, About: xmpp.MustParseJID("coven@conference.example.org"),
			Recipients:  []mail.Recipient{{Address: "juliet@example.org"}, {Address: "nobody@example.org"}},
			Alternative: []mail.Part{{Type: "text/plain", Write: func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err }}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Host.Append(t.Context(), d.Queue()); err != nil {
			t.Fatal(err)
		}
	}
	expectNotice(t, r)
	for begun := time.Now(); s.Outbox.Stats.Refused() < 2; { // juliet was told
		if time.Since(begun) > 20*time.Second {
			t.Fatal("juliet is not told")
		}
	}
	j, err := s.Login(t, juliet, "balcony")
	if err != nil {
		t.Fatal(err)
	}
	defer j.Drop()
	if err := j.Send("<presence/>"); err != nil {
		t.Fatal(err)
	}
	expectNotice(t, j)
}

func expectNotice(t *testing.T, c *servertest.Client) {
	t.Helper()
	for {
		e, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Name.Local != "message" {
			continue
		}
		want := "Your mail “Coven, <today>” did not reach:\nnobody@example.org: 550 5.1.1 no such user\nThe others it was sent to are not affected."
		if got := e.ContentOf(xmpp.NSClient, "body"); got != want || e.Attr("from") != "conference.example.org" {
			t.Errorf("%s", e)
		}
		return
	}
}

func TestDoctorOnMail(t *testing.T) {
	t.Parallel()
	about := func(change func(*daemon.Config)) (level daemon.Level, text string) {
		cfg := configured(t)
		change(&cfg)
		for _, f := range daemon.Examine(t.Context(), cfg) {
			if f.About == "mail" {
				return f.Level, f.Text
			}
		}
		return "", ""
	}
	address := startRelay(t)
	for name, c := range map[string]struct {
		change func(*daemon.Config)
		level  daemon.Level
		text   string
	}{
		"no relay":    {func(*daemon.Config) {}, daemon.Odd, "[smtp] address is not set"},
		"one":         {withRelay(address), daemon.Fine, address + " takes mail without a login (no TLS)"},
		"not there":   {withRelay("127.0.0.1:1"), daemon.Bad, "can't be reached: connect: connection refused"},
		"no STARTTLS": {func(c *daemon.Config) { withRelay(address)(c); c.SMTP.TLS = "starttls" }, daemon.Bad, "does not offer STARTTLS"},
		"no CA":       {func(c *daemon.Config) { withRelay(address)(c); c.SMTP.CAFile = "/nowhere" }, daemon.Bad, "smtp.ca_file can't be read"},
		"no password": {func(c *daemon.Config) {
			withRelay(address)(c)
			c.SMTP.Username, c.SMTP.PasswordFile = "palabre", "/nowhere"
		}, daemon.Bad, "the password for the mail relay can't be read"},
	} {
		if level, text := about(c.change); level != c.level || !strings.Contains(text, c.text) {
			t.Errorf("%s: %s: %q; want %s: %q", name, level, text, c.level, c.text)
		}
	}
}
