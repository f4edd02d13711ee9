package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A RelayError says why the relay can't be used for any mail, and what to do: a sentence for people.
type RelayError struct {
	Text string
	Err  error // what it came from; may be nil
}

func (e *RelayError) Error() string { return e.Text }

func (e *RelayError) Unwrap() error { return e.Err }

func away(err error, format string, args ...any) *RelayError {
	return &RelayError{fmt.Sprintf(format, args...), err}
}

// A conn is a connection that the relay takes mail on. One worker uses it.
type conn struct {
	*smtp.Client
	line  *line
	begun bool // the relay has begun to take the one that is under way
	stop  func() bool
}

// A line keeps a relay from holding us up, or from filling the memory.
type line struct {
	net.Conn
	block time.Duration
	left  int           // bytes that it may still say
	first time.Duration // the longest wait for an answer until the relay is one that we can talk to; then 0, and go-smtp knows
}

// mostSaid is how much a relay may say for one mail, TLS included.
const mostSaid = 1 << 20

var errTalks = errors.New("it says too much")

func (l *line) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTalks
	}
	n, err := l.Conn.Read(p)
	l.left -= n
	return n, err
}

// Write has a deadline of its own: go-smtp has none for the bytes of a mail.
func (l *line) Write(p []byte) (int, error) {
	if err := l.SetWriteDeadline(time.Now().Add(l.block)); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}

// SetDeadline keeps go-smtp from waiting as long as it likes before it can be told how long.
func (l *line) SetDeadline(t time.Time) error {
	if most := time.Now().Add(l.first); l.first > 0 && (t.IsZero() || t.After(most)) {
		t = most
	}
	return l.Conn.SetDeadline(t)
}

// connect makes a connection that is safe and logged in. The error is a *RelayError. The end of the context closes it.
func (o *Outbox) connect(ctx context.Context) (*conn, error) {
	r := &o.opts.Relay
	dialing, cancel := context.WithTimeout(ctx, o.opts.Times.Dial)
	defer cancel()
	nc, err := o.opts.Dial(dialing, "tcp", r.Address)
	if err != nil {
		return nil, away(err, "the mail relay %s can't be reached: %s", r.Address, bare(err))
	}
	l := &line{Conn: nc, block: o.opts.Times.Block, left: mostSaid, first: o.opts.Times.Answer}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	client, err := o.secure(dialing, l)
	if err == nil {
		err = o.logIn(client)
	}
	if err != nil {
		stop()
		_ = nc.Close()
		return nil, err
	}
	l.first = 0
	o.Stats.connections.Add(1)
	return &conn{Client: client, line: l, stop: stop}, nil
}

// bare is an error without the addresses that net puts before it.
func bare(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// secure greets the relay over TLS.
func (o *Outbox) secure(ctx context.Context, l *line) (*smtp.Client, error) {
	r := &o.opts.Relay
	host, _, err := net.SplitHostPort(r.Address)
	if err != nil {
		return nil, away(err, "[smtp] address %q is not HOST:PORT", r.Address)
	}
	config := &tls.Config{ServerName: host, RootCAs: r.Roots, MinVersion: tls.VersionTLS12}
	var client *smtp.Client
	switch r.Security {
	case StartTLS:
		client, err = smtp.NewClientStartTLS(l, config)
		if err != nil {
			return nil, o.noStartTLS(err)
		}
	case TLS:
		c := tls.Client(l, config)
		if err := c.HandshakeContext(ctx); err != nil {
			return nil, o.noTLS(err)
		}
		client = smtp.NewClient(c)
	default:
		client = smtp.NewClient(l)
	}
	client.CommandTimeout, client.SubmissionTimeout = o.opts.Times.Answer, o.opts.Times.Done
	if err := client.Hello(r.Hello); err != nil { // with STARTTLS, the handshake is part of it
		return nil, o.noTLS(err)
	}
	return client, nil
}

func (o *Outbox) noStartTLS(err error) error {
	if !isAnswer(err) && strings.Contains(err.Error(), "doesn't support STARTTLS") { // go-smtp has no name for it
		return away(err, "the mail relay %s does not offer STARTTLS; if it has TLS from the first byte (port 465 as a rule), set [smtp] tls = \"tls\"", o.opts.Relay.Address)
	}
	if isAnswer(err) {
		return away(err, "the mail relay %s refuses us, or STARTTLS: %s", o.opts.Relay.Address, answerOf(err))
	}
	return o.noTLS(err)
}

// noTLS explains what went wrong from the handshake to the greeting.
func (o *Outbox) noTLS(err error) error {
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	address := o.opts.Relay.Address
	switch {
	case isAnswer(err):
		return away(err, "the mail relay %s refuses us: %s", address, answerOf(err))
	case errors.As(err, &cert):
		return away(err, "the certificate of the mail relay %s is not trusted: %s. If its CA is your own, name the file with the CA's certificate in [smtp] ca_file", address, clean(cert.Err.Error(), longestAnswer))
	case errors.As(err, &record):
		return away(err, "the mail relay %s does not speak TLS from the first byte; set [smtp] tls = \"starttls\"", address)
	}
	return away(err, "the mail relay %s can't be talked to: %s", address, bare(err))
}

// logIn proves who we are, where the configuration says so.
func (o *Outbox) logIn(client *smtp.Client) error {
	r := &o.opts.Relay
	if r.Username == "" {
		return nil
	}
	password, err := r.Password()
	if err != nil {
		return away(err, "the password for the mail relay can't be read: %v", err)
	}
	var how sasl.Client
	switch {
	case client.SupportsAuth(sasl.Plain):
		how = sasl.NewPlainClient("", r.Username, password)
	case client.SupportsAuth(sasl.Login):
		how = &login{username: r.Username, password: password}
	default:
		return away(nil, "the mail relay %s offers no login with a password (PLAIN or LOGIN); clear [smtp] username if it needs none", r.Address)
	}
	if err := client.Auth(how); err != nil {
		var e *smtp.SMTPError
		switch {
		case errors.As(err, &e) && e.Code/100 == 4: // RFC 4954: it could not look
			return away(err, "the mail relay %s can't check the login of %q at the moment: %s", r.Address, r.Username, answerOf(err))
		case e != nil:
			return away(err, "the mail relay %s refuses the login of %q: %s. Look at [smtp] username and password_file", r.Address, r.Username, answerOf(err))
		}
		return away(err, "the mail relay %s was lost during the login: %s", r.Address, bare(err))
	}
	return nil
}

// A login is the LOGIN mechanism, which nobody has specified: the name first, then the password, whatever the questions are called.
type login struct {
	username, password string
	asked              int
}

// Start is part of sasl.Client.
func (l *login) Start() (mech string, ir []byte, err error) { return sasl.Login, nil, nil }

// Next is part of sasl.Client.
func (l *login) Next([]byte) ([]byte, error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte(l.username), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, sasl.ErrUnexpectedServerChallenge
}

// quit ends a connection in good order, without waiting long for it.
func (c *conn) quit() {
	c.CommandTimeout = min(c.CommandTimeout, quitTime)
	_ = c.Quit() // it has taken all that we had
	c.close()
}

const quitTime = 2 * time.Second

// close ends it at once. What was not finished is not taken.
func (c *conn) close() {
	c.stop()
	_ = c.line.Close()
}

// isAnswer tells whether an error is what the relay has said.
func isAnswer(err error) bool {
	var e *smtp.SMTPError
	return errors.As(err, &e)
}

// longestAnswer is how much of what a relay says is kept, in characters.
const longestAnswer = 300

// answerOf is what the relay has said, or what went wrong, in a line.
func answerOf(err error) string {
	var e *smtp.SMTPError
	switch {
	case errors.As(err, &e) && e.EnhancedCode[0] > 0:
		return clean(fmt.Sprintf("%d %d.%d.%d %s", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2], e.Message), longestAnswer)
	case errors.As(err, &e):
		return clean(fmt.Sprintf("%d %s", e.Code, e.Message), longestAnswer)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the mail relay closed the connection"
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "the mail relay did not answer in time"
	}
	return clean("the connection to the mail relay was lost: "+bare(err), longestAnswer)
}
