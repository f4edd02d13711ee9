package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-smtp"
)

// errLost says that a connection is of no use any more.
var errLost = errors.New("mail: the connection is lost")

// Codes of RFC 5321 and RFC 4954 that mean something of their own.
const (
	codeClosing   = 421 // the relay closes the connection
	codeTooMany   = 452 // recipients, after some; or no space
	codeTooMany5  = 552 // likewise of old
	codeNoLogin   = 530
	codeNeedsTLS  = 538
	codeWeakLogin = 534
	codeBadLogin  = 535
)

// converse hands a mail over for some recipients, in one transaction, and leaves in them what came of it. The error is nil if another transaction can follow,
// a *RelayError if no mail can be sent, errLost if the connection is to be closed.
func (c *conn) converse(ctx context.Context, o *Outbox, m *Mail, to []*Delivery) error {
	c.line.left, c.begun = mostSaid, false
	head := headOf(m, to)
	size := m.Size + int64(len(head))
	if most, ok := c.MaxMessageSize(); ok && most > 0 && size > int64(most) { // RFC 1870
		refuseAll(to, fmt.Sprintf("the mail has %s, and the mail relay takes no more than %s", inBytes(size), inBytes(int64(most))))
		return nil
	}
	utf8 := to[0].Address.International()
	if ok, _ := c.Extension("SMTPUTF8"); utf8 && !ok {
		refuseAll(to, "the address has characters that the mail relay can't deal with: it does not offer SMTPUTF8 (RFC 6531)")
		return nil
	}
	if err := c.Mail(o.from.String(), &smtp.MailOptions{Size: size, UTF8: utf8}); err != nil {
		return c.judgeSender(to, err)
	}
	c.begun = true
	taken, err := c.recipients(to)
	if err != nil {
		return err
	}
	if len(taken) == 0 {
		return c.reset()
	}
	return c.data(ctx, o, m, taken, head)
}

func inBytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func refuseAll(to []*Delivery, why string) {
	for _, d := range to {
		d.State, d.Answer = Refused, why
	}
}

// judge says what an answer, or the lack of one, means for recipients. A relay that says something else than it may is not understood: that is the same as silence.
func judge(to []*Delivery, err error) error {
	var e *smtp.SMTPError
	permanent := errors.As(err, &e) && e.Code/100 == 5
	for _, d := range to {
		if d.Answer = answerOf(err); permanent {
			d.State = Refused
		}
	}
	if e == nil || e.Code == codeClosing || e.Code/100 != 4 && e.Code/100 != 5 {
		return errLost
	}
	return nil
}

// judgeSender is judge for an answer to MAIL.
func (c *conn) judgeSender(to []*Delivery, err error) error {
	var e *smtp.SMTPError
	if errors.As(err, &e) {
		switch e.Code {
		case codeNoLogin, codeNeedsTLS, codeWeakLogin, codeBadLogin:
			return away(err, "the mail relay takes no mail from us: %s. Look at [smtp] username, password_file and tls", answerOf(err))
		}
	}
	if err := judge(to, err); err != nil {
		return err
	}
	return c.reset()
}

// reset ends a transaction that came to nothing.
func (c *conn) reset() error {
	if err := c.Reset(); err != nil {
		return errLost
	}
	return nil
}

// recipients names them one by one, and gives those whom the relay takes.
func (c *conn) recipients(to []*Delivery) (taken []*Delivery, err error) {
	for i, d := range to {
		err := c.Rcpt(d.Address.String(), nil)
		if err == nil {
			taken = append(taken, d)
			continue
		}
		if err := judge(to[i:i+1], err); err != nil {
			for _, d := range append(taken, to[i:]...) {
				d.Answer = to[i].Answer
			}
			return nil, err
		}
		var e *smtp.SMTPError
		if errors.As(err, &e) && e.Code == codeTooMany5 && len(taken) > 0 {
			d.State = Pending // RFC 5321: it may mean that there are too many
		}
	}
	return taken, nil
}

// data sends the bytes, as they come from the store. Whatever ends it early closes the connection, so that the relay does not take half a mail.
func (c *conn) data(ctx context.Context, o *Outbox, m *Mail, to []*Delivery, head string) error {
	w, err := c.Data()
	if err != nil {
		if err := judge(to, err); err != nil {
			return err
		}
		return c.reset()
	}
	_, err = w.Write([]byte(head))
	size := int64(0)
	for i := 0; err == nil && i < m.Chunks; i++ {
		var chunk []byte
		if chunk, err = o.opts.Store.Chunk(ctx, m.ID, i); err == nil {
			size += int64(len(chunk))
			_, err = w.Write(chunk)
		}
	}
	if err == nil && size != m.Size {
		err = fmt.Errorf("%d of %d bytes are in the store", size, m.Size)
	}
	if err != nil {
		_ = judge(to, err)
		return errLost
	}
	answer, err := w.CloseWithResponse()
	if err != nil {
		return judge(to, err)
	}
	m.progress = true
	o.Stats.sent.Add(int64(len(to)))
	for _, d := range to {
		d.State, d.Answer = Taken, clean("250 "+answer.StatusText, longestAnswer)
	}
	return nil
}

// headOf are the lines of the header that depend on the recipients of a transaction. Where the relay is not asked for SMTPUTF8, the other
// recipients whose addresses need it stand there as groups without addresses, as RFC 6857 has it.
func headOf(m *Mail, to []*Delivery) string {
	utf8 := to[0].Address.International()
	var b strings.Builder
	b.WriteString("To: ")
	for i, d := range m.To {
		if i > 0 {
			b.WriteString(",\r\n ")
		}
		if d.Address.International() && !utf8 {
			b.WriteString(encodeWords(strings.TrimSpace(d.Name+" "+d.Address.String())) + " :;")
		} else {
			b.WriteString(mailbox(d.Name, d.Address))
		}
	}
	b.WriteString("\r\n")
	if a := m.ReplyTo; !a.IsZero() && (utf8 || !a.International()) {
		b.WriteString("Reply-To: " + mailbox(m.Called, a) + "\r\n")
	}
	return b.String()
}
