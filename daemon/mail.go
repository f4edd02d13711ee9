package daemon

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"palabre/mail"
	"palabre/server"
	"palabre/xmpp"
)

// outbox makes the sender of mail. Nothing is sent before it runs.
func (d *Daemon) outbox() (*mail.Outbox, error) {
	relay, err := d.Config.relay()
	if err != nil {
		return nil, err
	}
	return mail.New(mail.Options{
		Store: d.Store, Relay: relay, Retry: time.Duration(d.Config.SMTP.Retry), Tell: d.tellOfMail, Log: d.Log, Times: d.Config.Tuning.Mail,
	})
}

// relay is the one that the configuration names.
func (c *Config) relay() (mail.Relay, error) {
	s := &c.SMTP
	r := mail.Relay{Address: s.Address, Security: mail.Security(s.TLS), Username: s.Username, From: s.From, Hello: ascii(c.Domains[0])}
	if s.Address == "" {
		return r, nil
	}
	r.Password = func() (string, error) { return password(s.PasswordFile) }
	if s.CAFile == "" {
		return r, nil
	}
	text, err := os.ReadFile(s.CAFile)
	if err != nil {
		return r, fmt.Errorf("smtp.ca_file can't be read: %w", err)
	}
	if r.Roots = x509.NewCertPool(); !r.Roots.AppendCertsFromPEM(text) {
		return r, fmt.Errorf("smtp.ca_file: there is no certificate in %s; it holds CERTIFICATE blocks (PEM)", s.CAFile)
	}
	return r, nil
}

// password is the first line of a file, which is read each time: it may have changed.
func password(file string) (string, error) {
	text, err := os.ReadFile(file)
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// tellOfMail sends who asked for a mail a message that it has failed, from the service of the room or the domain that it is about. It waits for who is away,
// and is stored together with the note that they were told.
func (d *Daemon) tellOfMail(ctx context.Context, n mail.Notice, told server.Write) error {
	sender, err := xmpp.NewJID("", d.speaker(n), "")
	if err != nil {
		return err
	}
	st := xmpp.NewStanza(xmpp.Message, "", xmpp.New(xmpp.NSClient, "body", xmpp.Text(n.Text)))
	st.ID, st.From, st.To = d.Host.NewID(), sender, n.Requester
	return d.Host.RouteTogether(ctx, []server.Write{told}, nil, st)
}

// speaker is the domain that tells of a mail: one of ours, whatever was configured when the mail was written.
func (d *Daemon) speaker(n mail.Notice) string {
	for _, domain := range d.Config.Domains {
		if n.About.Domain() == d.roomsOf(domain) {
			return n.About.Domain()
		}
	}
	for _, j := range []xmpp.JID{n.About, n.Requester} {
		if d.Host.IsLocal(j.Domain()) {
			return j.Domain()
		}
	}
	return d.Config.Domains[0]
}
