package mail

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"palabre/xmpp"
)

// MaxRecipients is how many people one letter can go to: a relay must take as many at once (RFC 5321).
const MaxRecipients = 100

// MaxSize is how long a mail can be, in bytes. Relays take less as a rule.
const MaxSize = 48 << 20

// mostKept is how many bytes the mails of one requester may have that are not gone: those that wait for a relay that is away, and those that failed.
const mostKept = 4 * MaxSize

// The longest subjects and names, in characters.
const (
	longestSubject = 200
	longestName    = 100
)

var (
	// ErrDisabled says that the configuration names no relay.
	ErrDisabled = errors.New("this server can't send mail: [smtp] is not set up")
	// ErrNobody says that a letter has no recipients.
	ErrNobody = errors.New("name at least one recipient")
	// ErrTooMany says that a letter has more than MaxRecipients.
	ErrTooMany = fmt.Errorf("a mail can go to at most %d recipients", MaxRecipients)
	// ErrTooLong says that a mail would be longer than MaxSize.
	ErrTooLong = fmt.Errorf("the mail is longer than %d MiB", MaxSize>>20)
	// ErrFull says that too many of the requester's mails are in the outbox.
	ErrFull = fmt.Errorf("the mails that wait or have failed are longer than %d MiB", mostKept>>20)
	// ErrUnknown says that there is no such mail.
	ErrUnknown = errors.New("there is no such mail in the outbox")
)

// A Letter is a mail to be written. What is text in it may be anything; it is made fit for a header.
type Letter struct {
	From       string      // the name that stands before the address of the configuration; may be empty
	ReplyTo    Recipient   // to whom answers go; without an address, they come to the address of the configuration
	Recipients []Recipient // those who are named twice get it once
	Subject    string
	Language   string // of the text, such as fr; may be empty

	Requester xmpp.JID // who is told if it can't be delivered; zero: nobody
	About     xmpp.JID // what it is about, such as a room, in whose name they are told; may be zero

	Alternative []Part // the same text in several forms, the plainest first
	Attachments []Part
}

// A Recipient is somebody who gets a mail.
type Recipient struct {
	Name    string // may be empty
	Address string // as ParseAddress takes it
}

// A Part is written when it is its turn; it is not kept in memory.
type Part struct {
	Type  string // such as text/plain, which is UTF-8, or application/gzip
	Name  string // of the file, for an attachment
	Write func(io.Writer) error
}

// checked says what is wrong with a letter, or whom it goes to.
func (l *Letter) checked() (to []Delivery, reply Address, err error) {
	if len(l.Alternative) == 0 {
		return nil, reply, errors.New("mail: a letter without a text")
	}
	for _, p := range append(l.Alternative[:len(l.Alternative):len(l.Alternative)], l.Attachments...) {
		if _, _, err := mime.ParseMediaType(p.Type); err != nil || p.Write == nil {
			return nil, reply, fmt.Errorf("mail: a part of type %q: %w", p.Type, err)
		}
	}
	if l.ReplyTo.Address != "" {
		if reply, err = ParseAddress(l.ReplyTo.Address); err != nil {
			return nil, reply, err
		}
	}
	if len(l.Recipients) > 100*MaxRecipients { // not worth looking at
		return nil, reply, ErrTooMany
	}
	to, err = deliveries(l.Recipients)
	return to, reply, err
}

// deliveries are what recipients become, each once.
func deliveries(list []Recipient) ([]Delivery, error) {
	var to []Delivery
	known := map[Address]bool{}
	for _, r := range list {
		a, err := ParseAddress(strings.TrimSpace(r.Address))
		if err != nil {
			return nil, err
		}
		if known[a] {
			continue
		}
		known[a] = true
		to = append(to, Delivery{Seq: len(to), Address: a, Name: clean(r.Name, longestName)})
	}
	switch {
	case len(to) == 0:
		return nil, ErrNobody
	case len(to) > MaxRecipients:
		return nil, ErrTooMany
	}
	return to, nil
}
