package daemon

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path/filepath"
	"time"

	"palabre/courier"
	"palabre/directory"
	"palabre/history"
	"palabre/letter"
	"palabre/mail"
	"palabre/muc"
	"palabre/server"
	"palabre/xmpp"
)

// desk is where what was said is sent by e-mail from.
func (d *Daemon) desk(past *history.Module) (*courier.Desk, error) {
	templates, err := letter.OpenTemplates(filepath.Join(d.Config.DataDir, "mail-templates"))
	if err != nil {
		return nil, err
	}
	return courier.New(courier.Options{
		Directory: addressBook{d.Store},
		Press:     &press{outbox: d.Outbox, scribe: letter.Scribe{Archive: LetterArchive(past), Templates: templates}, book: addressBook{d.Store}},
		Rooms:     d.Config.roomServices(), Anyone: d.Config.SMTP.To == "anyone", Zone: time.Local, Languages: templates.Languages(), Unlimited: d.Config.Limits.Off,
	}), nil
}

// An addressBook is the directory as those know it who send mail.
type addressBook struct{ directory.Source }

// Lookup is part of courier.Directory.
func (b addressBook) Lookup(ctx context.Context, domain, text string) (out []courier.Entry, err error) {
	if e, ok, err := b.one(b.ByEmail(ctx, domain, text)); ok || err != nil {
		return entries(e), err
	}
	if j, err := xmpp.ParseJID(text); err == nil && j.Local() != "" {
		if j.Domain() != domain {
			return nil, nil // who is who in other domains is not for the users of this one
		}
		if e, ok, err := b.one(b.ByAccount(ctx, j.Bare())); ok || err != nil {
			return entries(e), err
		}
		return nil, nil // an address, and nothing else
	}
	if e, ok, err := b.one(b.Find(ctx, domain, text)); ok || err != nil {
		return entries(e), err
	}
	found, err := b.Search(ctx, domain, directory.Query{Text: text, Limit: directory.MaxFound})
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if directory.Fold(e.Name) == directory.Fold(text) {
			out = append(out, entryOf(e))
		}
	}
	return out, nil
}

// one is an entry that may not be there.
func (addressBook) one(e directory.Entry, err error) (directory.Entry, bool, error) {
	if errors.Is(err, directory.ErrUnknown) {
		return e, false, nil
	}
	return e, err == nil, err
}

func entryOf(e directory.Entry) courier.Entry {
	return courier.Entry{ID: e.ID, Name: e.Name, Email: e.Email, Group: e.Kind == directory.Group}
}

func entries(list ...directory.Entry) (out []courier.Entry) {
	for _, e := range list {
		if e.Name != "" {
			out = append(out, entryOf(e))
		}
	}
	return out
}

// Members is part of courier.Directory.
func (b addressBook) Members(ctx context.Context, domain, id string) ([]courier.Entry, error) {
	list, err := b.Source.Members(ctx, domain, id)
	return entries(list...), err
}

// Person is part of courier.Directory.
func (b addressBook) Person(ctx context.Context, account xmpp.JID) (courier.Entry, error) {
	e, ok, err := b.one(b.ByAccount(ctx, account))
	if !ok {
		return courier.Entry{}, err
	}
	return entryOf(e), nil
}

// A press writes letters and puts them into the outbox.
type press struct {
	outbox *mail.Outbox
	scribe letter.Scribe
	book   addressBook
}

// Enabled is part of courier.Press.
func (p *press) Enabled() bool { return p.outbox.Enabled() }

// Draft is part of courier.Press.
func (p *press) Draft(ctx context.Context, l courier.Letter) (courier.Draft, error) {
	q := letter.Query{
		Archive: l.Archive, With: l.With, Since: l.Since, Until: l.Until, Language: l.Language, Zone: l.Zone, Title: l.Title, Requester: l.By,
	}
	for _, s := range l.Within {
		q.Within = append(q.Within, letter.Span(s))
	}
	if l.ByAccount {
		q.Name = p.named(ctx, l.Requester.Domain())
	}
	text, err := p.scribe.Letter(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case text.Count == 0:
		return nil, courier.ErrEmpty
	}
	m := mail.Letter{
		From: l.By, ReplyTo: mail.Recipient{Name: l.ReplyTo.Name, Address: l.ReplyTo.Email}, Subject: text.Subject, Language: l.Language, Requester: l.Requester, About: l.About,
	}
	for _, e := range l.To {
		m.Recipients = append(m.Recipients, mail.Recipient{Name: e.Name, Address: e.Email})
	}
	part := func(typ string, write func(context.Context, io.Writer) error) mail.Part {
		return mail.Part{Type: typ, Write: func(w io.Writer) error { return write(ctx, w) }}
	}
	if m.Alternative = []mail.Part{part("text/plain", text.WriteText), part("text/html", text.WriteHTML)}; text.Long() {
		m.Alternative = []mail.Part{{Type: "text/plain", Write: text.WriteCoverText}, {Type: "text/html", Write: text.WriteCoverHTML}}
		whole := part("application/gzip", text.WriteAttachment)
		whole.Name = text.AttachmentName()
		m.Attachments = []mail.Part{whole}
	}
	draft, err := p.outbox.Compose(ctx, m)
	if err != nil {
		return nil, sentence(err)
	}
	return draftOf{draft}, nil
}

// named gives people of a domain the names that its directory has for them, beside their nicks.
func (p *press) named(ctx context.Context, domain string) func(xmpp.JID, string) string {
	known := map[xmpp.JID]string{}
	return func(account xmpp.JID, nick string) string {
		name, ok := known[account]
		if !ok && len(known) < mostKnown && account.Domain() == domain {
			e, err := p.book.Person(ctx, account)
			if err == nil {
				name = e.Name
			}
			known[account] = name
		}
		return cmp.Or(name, nick)
	}
}

const mostKnown = 10_000

// sentence makes of what is wrong with an order an error that its sender gets.
func sentence(err error) error {
	var address *mail.AddressError
	switch {
	case errors.As(err, &address):
		return xmpp.ErrNotAcceptable.With("The e-mail address “" + address.Address + "” can't be used: " + address.Reason + ".")
	case errors.Is(err, mail.ErrTooMany), errors.Is(err, mail.ErrNobody):
		return xmpp.ErrNotAcceptable.With("Too many recipients at once. Name a group, or send it in several mails.")
	case errors.Is(err, mail.ErrTooLong):
		return xmpp.ErrNotAcceptable.With("This would be a very long mail. Choose a shorter period.")
	case errors.Is(err, mail.ErrFull):
		return xmpp.ErrResourceConstraint.With("Too much mail of yours could not be sent yet. Try again later, or ask the administrator whether mail goes out.")
	case errors.Is(err, mail.ErrDisabled):
		return xmpp.ErrServiceUnavailable.With("This server can't send mail.")
	}
	return err
}

// draftOf is a draft as those know it who have ordered it.
type draftOf struct{ *mail.Draft }

// Queue is part of courier.Draft.
func (d draftOf) Queue() server.Write { return d.Draft.Queue() }

// A roomCourier is the desk as rooms know it.
type roomCourier struct{ *courier.Desk }

var _ muc.Courier = roomCourier{}

// Offers is part of muc.Courier.
func (c roomCourier) Offers(string) bool { return c.Desk.Offers() }

// Order is part of muc.Courier.
func (c roomCourier) Order(ctx context.Context, from xmpp.JID, f xmpp.Form) (muc.Order, error) {
	o, err := c.Desk.Order(ctx, from, f)
	if err != nil {
		return nil, err
	}
	return roomOrder{o}, nil
}

// A roomOrder is an order as rooms know it.
type roomOrder struct{ *courier.Order }

// Draft is part of muc.Order.
func (o roomOrder) Draft(ctx context.Context, e muc.Extract) (muc.Draft, error) {
	l := courier.Letter{Archive: e.Room, Title: cmp.Or(e.Name, e.Room.Local()), By: e.By, About: e.Room}
	for _, iv := range e.Within {
		l.Within = append(l.Within, courier.Span(iv))
	}
	return o.Order.Draft(ctx, l)
}
