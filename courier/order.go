package courier

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"palabre/xmpp"
)

// ErrEmpty says that nothing was said in the period that is asked for.
var ErrEmpty = errors.New("courier: there is nothing to send")

// mostRecipients is how many addresses one mail goes to.
const mostRecipients = 100

// An Order is a wish whose recipients are known.
type Order struct {
	desk    *Desk
	wish    wish
	from    xmpp.JID // bare
	to      []Entry  // each with an address of its own
	named   []string // as the directory calls those who were named
	foreign []string // addresses that are in no directory
}

// Order reads a filled form of somebody's. The error is an *xmpp.Error, or of the directory.
func (d *Desk) Order(ctx context.Context, from xmpp.JID, f xmpp.Form) (*Order, error) {
	w, err := d.read(f, d.host.Now())
	if err != nil {
		return nil, err
	}
	o := &Order{desk: d, wish: w, from: from.Bare()}
	if !d.take(o.from, len(w.names)) { // those who are nobody count, too: it costs to look for them
		return nil, errPace
	}
	for _, name := range w.names {
		if err := o.add(ctx, name); err != nil {
			return nil, err
		}
		if len(o.to) > mostRecipients {
			return nil, errTooMany
		}
	}
	if more := len(o.to) - len(w.names); more > 0 && !d.take(o.from, more) {
		return nil, errPace
	}
	return o, nil
}

// Recipients tells how many there are.
func (o *Order) Recipients() int { return len(o.to) }

// add finds out who is meant.
func (o *Order) add(ctx context.Context, name string) error {
	found, err := o.desk.opts.Directory.Lookup(ctx, o.from.Domain(), name)
	switch {
	case err != nil:
		return fmt.Errorf("courier: %w", err)
	case len(found) == 1:
		return o.addEntry(ctx, found[0])
	case len(found) > 1:
		return xmpp.ErrNotAcceptable.With("Several are called " + shown(name) + ": write the address of the one that you mean, or its id: " + ids(found) + ".")
	}
	a, err := mail.ParseAddress(name)
	switch {
	case err != nil && strings.Contains(name, "@"):
		return xmpp.ErrNotAcceptable.With(shown(name) + " is no e-mail address.")
	case err != nil:
		return xmpp.ErrNotAcceptable.With("Nobody in the directory is called " + shown(name) + ". Write an e-mail address, or the name as the directory has it.")
	}
	if a.Name != "" { // the address counts, not what stands before it
		if found, err = o.desk.opts.Directory.Lookup(ctx, o.from.Domain(), a.Address); err != nil {
			return fmt.Errorf("courier: %w", err)
		}
		if len(found) == 1 {
			return o.addEntry(ctx, found[0])
		}
	}
	if !o.desk.opts.Anyone {
		return xmpp.ErrForbidden.With(shown(a.Address) + " is not in the directory, and this server sends mail to nobody else.")
	}
	o.put(Entry{Email: a.Address})
	o.foreign = append(o.foreign, a.Address)
	return nil
}

// addEntry adds somebody from the directory: a group that has no address of its own gets the mail member by member.
func (o *Order) addEntry(ctx context.Context, e Entry) error {
	if !slices.Contains(o.named, e.Name) {
		o.named = append(o.named, e.Name)
	}
	if e.Email != "" {
		o.put(e)
		return nil
	}
	if !e.Group {
		return xmpp.ErrNotAcceptable.With("The directory has no e-mail address of " + shown(e.Name) + ".")
	}
	members, err := o.desk.opts.Directory.Members(ctx, o.from.Domain(), e.ID)
	if err != nil {
		return fmt.Errorf("courier: %w", err)
	}
	before := len(o.to)
	for _, m := range members {
		if len(o.to) > mostRecipients {
			break // there may be a hundred thousand
		}
		if m.Email != "" {
			o.put(m)
		}
	}
	if before == len(o.to) {
		return xmpp.ErrNotAcceptable.With("Nobody in the group " + shown(e.Name) + " has an e-mail address.")
	}
	return nil
}

func (o *Order) put(e Entry) {
	if !slices.ContainsFunc(o.to, func(x Entry) bool { return strings.EqualFold(x.Email, e.Email) }) {
		o.to = append(o.to, e)
	}
}

func ids(list []Entry) string {
	var out []string
	for _, e := range list[:min(len(list), 10)] {
		out = append(out, e.ID)
	}
	return strings.Join(out, ", ")
}

// shown is something that somebody has typed, in an error that only they see.
func shown(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return "“" + s + "”"
}

// Draft writes a letter for the recipients. What is asked for and who asks for it is filled in. The error is an *xmpp.Error, or of the store.
func (o *Order) Draft(ctx context.Context, l Letter) (Draft, error) {
	l.Since, l.Until, l.Language, l.Zone = o.wish.since, o.wish.until, o.wish.language, o.wish.zone
	l.Requester, l.To = o.from, o.to
	reply, err := o.desk.opts.Directory.Person(ctx, o.from)
	if err != nil {
		return nil, fmt.Errorf("courier: %w", err)
	}
	l.ReplyTo = reply
	if reply.Name != "" { // a nick may be anybody's name
		l.By = reply.Name
	}
	done, err := o.desk.begin(ctx, o.from)
	if err != nil {
		return nil, err
	}
	defer done()
	draft, err := o.desk.opts.Press.Draft(ctx, l)
	if errors.Is(err, ErrEmpty) {
		return nil, xmpp.ErrItemNotFound.With("You can see nothing that was said in this period.")
	}
	return draft, err
}
