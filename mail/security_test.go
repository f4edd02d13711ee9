package mail_test

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"palabre/mail"
)

func sesame() (string, error) { return "sesame", nil }

func TestTLSAndLogin(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	soon := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		relay func(r *relay)
		post  func(o *mail.Options)
		login string // as the relay knows us
	}{
		"STARTTLS":       {func(*relay) {}, func(*mail.Options) {}, ""},
		"TLS":            {nil, func(o *mail.Options) { o.Relay.Security = mail.TLS }, ""},
		"PLAIN":          {func(r *relay) { r.plain, r.login = true, true }, func(o *mail.Options) { o.Relay.Username, o.Relay.Password = "palabre", sesame }, "PLAIN palabre"},
		"LOGIN only":     {func(r *relay) { r.login = true }, func(o *mail.Options) { o.Relay.Username, o.Relay.Password = "palabre", sesame }, "LOGIN palabre"},
		"no login asked": {func(r *relay) { r.plain = true }, func(*mail.Options) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay()
			r.TLSConfig, r.AllowInsecureAuth = ca.sign(t, "127.0.0.1", soon), false
			if c.relay != nil {
				c.relay(r)
			}
			r.start(t, c.relay == nil)
			o := options(r.ln.Addr().String())
			o.Relay.Security, o.Relay.Roots = mail.StartTLS, ca.pool
			c.post(&o)
			p := newPost(t, o)
			if how, err := p.Examine(t.Context()); err != nil || how != "TLS 1.3" {
				t.Errorf("examined: %q, %v", how, err)
			}
			p.run(t)
			p.send(t, letterTo("juliet@example.org"))
			if m := r.wait(t, 1)[0]; !m.tls || m.user != c.login {
				t.Errorf("%+v", m)
			}
			if strings.Contains(p.log.String(), "sesame") {
				t.Error("the password is in the log")
			}
		})
	}
}

// A relay that can't be trusted, or does not take us, gets nothing; the mail waits, no try of it is counted, and what to do is said.
func TestRelaysThatGetNothing(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	now := time.Now()
	for name, c := range map[string]struct {
		relay func(t *testing.T, r *relay)
		post  func(o *mail.Options)
		want  string
	}{
		"STARTTLS not offered": {func(_ *testing.T, r *relay) { r.TLSConfig = nil }, nil, "does not offer STARTTLS; if it has TLS from the first byte (port 465 as a rule), set [smtp] tls = \"tls\""},
		"another CA": {func(t *testing.T, r *relay) { r.TLSConfig = other.sign(t, "127.0.0.1", now.Add(time.Hour)) }, nil,
			"is not trusted: x509: certificate signed by unknown authority"},
		"another name": {func(t *testing.T, r *relay) { r.TLSConfig = ca.sign(t, "mail.example.org", now.Add(time.Hour)) }, nil,
			"is not trusted: x509: cannot validate certificate for 127.0.0.1"},
		"an old certificate": {func(t *testing.T, r *relay) { r.TLSConfig = ca.sign(t, "127.0.0.1", now.Add(-time.Hour)) }, nil,
			"is not trusted: x509: certificate has expired"},
		"TLS from the first byte where there is none": {nil, func(o *mail.Options) { o.Relay.Security = mail.TLS },
			"does not speak TLS from the first byte; set [smtp] tls = \"starttls\""},
		"a wrong password": {func(_ *testing.T, r *relay) { r.plain = true }, func(o *mail.Options) {
			o.Relay.Username, o.Relay.Password = "palabre", func() (string, error) { return "wrong-sesame", nil }
		}, "refuses the login of \"palabre\": 535 5.7.8 Authentication credentials invalid. Look at [smtp] username and password_file"},
		"a wrong password for LOGIN": {func(_ *testing.T, r *relay) { r.login = true }, func(o *mail.Options) {
			o.Relay.Username, o.Relay.Password = "palabre", func() (string, error) { return "wrong-sesame", nil }
		}, "refuses the login of \"palabre\": 535 5.7.8"},
		"no login offered": {nil, func(o *mail.Options) { o.Relay.Username, o.Relay.Password = "palabre", sesame },
			"offers no login with a password (PLAIN or LOGIN); clear [smtp] username if it needs none"},
		"no password": {func(_ *testing.T, r *relay) { r.plain = true }, func(o *mail.Options) {
			o.Relay.Username, o.Relay.Password = "palabre", func() (string, error) { return "", os.ErrNotExist }
		}, "the password for the mail relay can't be read: file does not exist"},
		"a login that it asks for": {func(_ *testing.T, r *relay) {
			r.mail = func(*smtp.Conn, string, *smtp.MailOptions) error { return code(530, "Authentication required") }
		}, nil, "takes no mail from "},
		"a greeting that refuses": {func(_ *testing.T, r *relay) {
			r.greet = func(int, *smtp.Conn) error { return code(554, "go away") }
		}, nil, "refuses us"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay()
			r.TLSConfig = ca.sign(t, "127.0.0.1", now.Add(time.Hour))
			if c.relay != nil {
				c.relay(t, r)
			}
			r.start(t, false)
			o := options(r.ln.Addr().String())
			o.Relay.Security, o.Relay.Roots, o.Times.First, o.Times.Longest = mail.StartTLS, ca.pool, time.Hour, time.Hour
			if c.post != nil {
				c.post(&o)
			}
			p := newPost(t, o)
			stop := p.run(t)
			m := p.outcome(t, letterTo("juliet@example.org"), tried)
			if !strings.Contains(m.Problem, c.want) {
				t.Errorf("%q, want %q", m.Problem, c.want)
			}
			if s := p.Situation(); s.Away != m.Problem || !s.Next.After(now) || !p.Stats.Away() {
				t.Errorf("%+v", s)
			}
			list, err := p.List(t.Context(), mail.Waits, mail.Mark{}, 9)
			must(t, err)
			if len(list) != 1 || list[0].Tries != 0 || len(r.all()) != 0 {
				t.Errorf("%+v; arrived: %+v", list, r.all())
			}
			var relay *mail.RelayError
			if _, err := p.Examine(t.Context()); !errors.As(err, &relay) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("examined: %v", err)
			}
			stop()
			if log := p.log.String(); strings.Contains(log, "sesame") || strings.Count(log, "level=ERROR") != 1 {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// Without TLS nothing is said that TLS was meant for, whatever a man in the middle does to the relay's list of extensions.
func TestStartTLSIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]string{
		"refused":  "220 relay\nC: EHLO\n250-relay\n250 STARTTLS\nC: STARTTLS\n454 not now",
		"not TLS":  "220 relay\nC: EHLO\n250-relay\n250 STARTTLS\nC: STARTTLS\n220 go\n220 not TLS",
		"injected": "220 relay\nC: EHLO\n250-relay\n250 STARTTLS\nC: STARTTLS\n220 go\n250 AUTH PLAIN",
		"silence":  "220 relay\nC: EHLO\n250-relay\n250 STARTTLS\nC: STARTTLS",
		"no word":  "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(script(t, c))
			o.Relay.Security, o.Relay.Username, o.Relay.Password = mail.StartTLS, "palabre", sesame
			o.Times.Answer = 200 * time.Millisecond
			p := newPost(t, o)
			var relay *mail.RelayError
			if _, err := p.Examine(t.Context()); !errors.As(err, &relay) || name == "refused" && !strings.Contains(err.Error(), "refuses us, or STARTTLS: 454 not now") {
				t.Errorf("%v", err)
			}
		})
	}
}

// A relay that is back is used at once when it is asked for, and whatever waited arrives.
func TestRelayComesBack(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := free.Addr().String()
	must(t, free.Close())
	o := options(address)
	o.Times.First, o.Times.Longest = time.Hour, time.Hour
	p := newPost(t, o)
	p.run(t)
	m := p.outcome(t, letterTo("juliet@example.org"), tried)
	if !strings.Contains(m.Problem, "can't be reached: connect: connection refused") {
		t.Errorf("%q", m.Problem)
	}
	for range 3 {
		p.send(t, letterTo("juliet@example.org"))
	}
	r := newRelay()
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", address)
	must(t, err)
	r.serve(t, ln, false)
	p.Hurry()
	r.wait(t, 4)
	p.empty(t)
	if s := p.Situation(); s.Away != "" || p.Stats.Away() || p.Stats.Deferred() != 0 {
		t.Errorf("%+v, %d", s, p.Stats.Deferred())
	}
}

// An internationalised address gets its mail where the relay can, and a clear answer where it can't; the others get theirs either way.
func TestInternationalAddresses(t *testing.T) {
	t.Parallel()
	for name, can := range map[string]bool{"SMTPUTF8": true, "no SMTPUTF8": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay()
			r.EnableSMTPUTF8 = can
			r.start(t, false)
			p := newPost(t, options(r.ln.Addr().String()))
			p.run(t)
			l := letterTo("juliet@example.org", "roméo@vérone.example", "nurse@vérone.example")
			l.Recipients[1].Name = "Roméo"
			m := p.outcome(t, l, nobodyWaits)
			all := r.wait(t, 1)
			if !slices.Equal(all[0].to, []string{"juliet@example.org", "nurse@xn--vrone-bsa.example"}) || all[0].utf8 || strings.ContainsFunc(all[0].data, func(r rune) bool { return r > 126 }) {
				t.Errorf("%+v", all[0])
			}
			if want := "To: juliet@example.org,\r\n =?utf-8?q?Rom=C3=A9o_rom=C3=A9o=40xn--vr?=\r\n =?utf-8?q?one-bsa=2Eexample?= :;,\r\n nurse@xn--vrone-bsa.example\r\n"; !strings.HasPrefix(all[0].data, want) {
				t.Errorf("%q", all[0].data[:200])
			}
			if can {
				all = r.wait(t, 2)
				if !all[1].utf8 || !slices.Equal(all[1].to, []string{"roméo@xn--vrone-bsa.example"}) || all[1].messageID() != all[0].messageID() ||
					!strings.Contains(all[1].data, "=?utf-8?q?Rom=C3=A9o?= <roméo@xn--vrone-bsa.example>") || m.To[1].State != mail.Taken {
					t.Errorf("%+v", all[1])
				}
				return
			}
			want := "Your mail “The balcony” did not reach:\nRoméo <roméo@xn--vrone-bsa.example>: the address has characters that the mail relay can't deal with: it does not offer SMTPUTF8 (RFC 6531)\nThe others it was sent to are not affected."
			if n := p.waitTold(t, 1)[0]; n.Text != want || len(r.all()) != 1 {
				t.Errorf("%q", n.Text)
			}
		})
	}
}

// A relay that greets us and then takes no mail is tried ever more seldom, too, and the log says so once.
func TestRelayThatTakesNoMail(t *testing.T) {
	t.Parallel()
	r := newRelay()
	tries := make(chan struct{}, 1000)
	r.mail = func(*smtp.Conn, string, *smtp.MailOptions) error {
		tries <- struct{}{}
		return code(530, "Authentication required")
	}
	r.start(t, false)
	o := options(r.ln.Addr().String())
	o.Times.First, o.Times.Longest = 20*time.Millisecond, time.Hour
	p := newPost(t, o)
	stop := p.run(t)
	p.send(t, letterTo("juliet@example.org"))
	begun := time.Now()
	for range 5 {
		<-tries
	}
	if d := time.Since(begun); d < 15*(1+2+4+8)*time.Millisecond {
		t.Errorf("five tries within %v", d)
	}
	stop()
	if log := p.log.String(); strings.Count(log, "level=ERROR") != 1 {
		t.Errorf("log: %s", log)
	}
}
