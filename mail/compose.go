package mail

import (
	"context"
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-message"

	"palabre/server"
	"palabre/xmpp"
)

// chunkSize is how many bytes a row of the store holds: a commit of no more than that goes between two of the chat's.
const chunkSize = 64 << 10

// A Draft is a mail that is written and waits to be queued or dropped. It belongs to the one who made it.
type Draft struct {
	ID string // the part before the @ of the Message-ID

	outbox *Outbox
	queued Queued
}

// Compose writes a letter into the store, from where it is sent once the write that Queue gives is committed. Errors that are sentences for people:
// ErrDisabled, ErrNobody, ErrTooMany, ErrTooLong, ErrFull, *AddressError. Others are of the store, or of those who write the parts.
func (o *Outbox) Compose(ctx context.Context, l Letter) (*Draft, error) {
	if !o.Enabled() {
		return nil, ErrDisabled
	}
	to, reply, err := l.checked()
	if err != nil {
		return nil, err
	}
	if err := o.room(ctx, l.Requester.Bare()); err != nil {
		return nil, err
	}
	id, err := o.newID()
	if err != nil {
		return nil, err
	}
	now := o.opts.Now()
	m := &Mail{
		ID: id, Due: now, Subject: clean(l.Subject, longestSubject), Language: clean(l.Language, 20), ReplyTo: reply,
		Called: clean(l.ReplyTo.Name, longestName), Requester: l.Requester.Bare(), About: l.About.Bare(), To: to,
	}
	if err := o.opts.Store.AddMail(ctx, m); err != nil {
		return nil, fmt.Errorf("mail: compose: %w", err)
	}
	d := &Draft{ID: id, outbox: o, queued: Queued{ID: id, Requester: m.Requester, committed: o.committed}}
	w := &chunks{ctx: ctx, store: o.opts.Store, id: id, buf: make([]byte, 0, chunkSize)}
	if err = o.write(w, m, &l); err == nil {
		err = w.flush()
	}
	if err != nil {
		d.Drop(ctx)
		return nil, fmt.Errorf("mail: compose: %w", err)
	}
	d.queued.Size, d.queued.Chunks = w.size, w.seq
	return d, nil
}

// room looks whether there is room for one more mail of a requester's.
func (o *Outbox) room(ctx context.Context, requester xmpp.JID) error {
	if requester.IsZero() { // the administrator
		return nil
	}
	switch kept, err := o.opts.Store.KeptMail(ctx, requester); {
	case err != nil:
		return fmt.Errorf("mail: compose: %w", err)
	case kept > mostKept:
		return ErrFull
	}
	return nil
}

// Queue is the write that sends the draft. Whoever can't have it committed drops the draft.
func (d *Draft) Queue() server.Write {
	d.queued.At = d.outbox.opts.Now()
	return &d.queued
}

// Drop deletes a draft. One that was queued stays. If the store is away, it is deleted later.
func (d *Draft) Drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	if err := d.outbox.opts.Store.DropDraft(ctx, d.ID, d.outbox.opts.Now()); err != nil {
		d.outbox.opts.Log.Warn("a draft could not be dropped; it goes within a day", "module", "mail", "id", d.ID, "err", err)
	}
	d.outbox.untidy()
}

const dropTime = 10 * time.Second

// newID is the name of a mail, which people can type.
func (o *Outbox) newID() (string, error) {
	raw := make([]byte, 10)
	if _, err := io.ReadFull(o.opts.Rand, raw); err != nil {
		return "", fmt.Errorf("mail: a random name: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw)), nil
}

// messageID never changes, so that what arrives twice is known for the same.
func (o *Outbox) messageID(id string) string { return "<" + id + "@" + o.from.Domain() + ">" }

// write writes the mail, without those lines of the header that depend on the recipients.
func (o *Outbox) write(w io.Writer, m *Mail, l *Letter) error {
	head := []string{
		"From: " + mailbox(clean(l.From, longestName), o.from) + "\r\n",
		unstructured("Subject", m.Subject),
		"Date: " + m.Due.Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\r\n",
		"Message-ID: " + o.messageID(m.ID) + "\r\n",
		"Auto-Submitted: auto-generated\r\n", // RFC 3834
	}
	if isPlain(m.Language) && m.Language != "" {
		head = append(head, "Content-Language: "+m.Language+"\r\n")
	}
	for _, line := range head {
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	if len(l.Attachments) == 0 {
		return writeEntity(creatorOf(w), alternative(l.Alternative))
	}
	parts := []entity{alternative(l.Alternative)}
	for _, p := range l.Attachments {
		parts = append(parts, attachment(p))
	}
	return writeEntity(creatorOf(w), entity{header: typed("multipart/mixed"), parts: parts})
}

// An entity is a part of a mail, or a mail.
type entity struct {
	header message.Header
	parts  []entity
	write  func(io.Writer) error
}

func typed(name string) message.Header {
	var h message.Header
	h.SetContentType(name, nil)
	return h
}

func alternative(parts []Part) entity {
	if len(parts) == 1 {
		return text(parts[0])
	}
	e := entity{header: typed("multipart/alternative")}
	for _, p := range parts {
		e.parts = append(e.parts, text(p))
	}
	return e
}

func text(p Part) entity {
	var h message.Header
	h.SetContentType(p.Type, map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	return entity{header: h, write: p.Write}
}

func attachment(p Part) entity {
	var h message.Header
	h.SetContentType(p.Type, nil)
	h.Set("Content-Transfer-Encoding", "base64")
	h.SetContentDisposition("attachment", map[string]string{"filename": fileName(p.Name)})
	return entity{header: h, write: p.Write}
}

// fileName keeps a name from leading out of the folder that it is saved to.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, clean(s, longestName))
	return strings.TrimLeft(s, ".")
}

// A creator begins an entity.
type creator func(message.Header) (*message.Writer, error)

func creatorOf(w io.Writer) creator {
	return func(h message.Header) (*message.Writer, error) { return message.CreateWriter(w, h) }
}

func writeEntity(create creator, e entity) error {
	w, err := create(e.header)
	if err != nil {
		return err
	}
	if e.write != nil {
		if err := e.write(w); err != nil {
			return err
		}
	}
	for _, p := range e.parts {
		if err := writeEntity(w.CreatePart, p); err != nil {
			return err
		}
	}
	return w.Close()
}

// chunks is a writer into the store.
type chunks struct {
	ctx   context.Context
	store Store
	id    string
	seq   int
	size  int64
	buf   []byte
}

func (c *chunks) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(c.buf[len(c.buf):cap(c.buf)], p[n:])
		c.buf = c.buf[:len(c.buf)+k]
		n += k
		if len(c.buf) == cap(c.buf) {
			if err := c.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (c *chunks) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	if c.size += int64(len(c.buf)); c.size > MaxSize {
		return ErrTooLong
	}
	if err := c.store.AddChunk(c.ctx, c.id, c.seq, c.buf); err != nil {
		return err
	}
	c.seq++
	c.buf = c.buf[:0]
	return nil
}
