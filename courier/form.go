package courier

import (
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"

	"palabre/xmpp"
)

// FormType is the type of the form that asks what is to be sent to whom.
const FormType = "urn:palabre:mail"

// The fields of the form.
const (
	fieldTo       = "to"
	fieldPeriod   = "period"
	fieldSince    = "since"
	fieldUntil    = "until"
	fieldLanguage = "language"
	fieldZone     = "zone"
)

// Bounds of what somebody types.
const (
	mostNamed   = 100 // lines
	longestName = 320 // bytes: an address has no more (RFC 5321)
)

var languageNames = map[string]string{"en": "English", "fr": "Français", "sv": "Svenska"}

// Form asks to whom what is to be sent.
func (d *Desk) Form() xmpp.Form {
	form := xmpp.NewForm(xmpp.FormForm, FormType,
		xmpp.Field{Var: fieldTo, Type: xmpp.FieldTextMulti, Label: "To whom: one name or address a line", Required: true,
			Desc: "Names of people, groups and shared mailboxes as the directory has them, or e-mail addresses."},
		xmpp.Field{Var: fieldPeriod, Type: xmpp.FieldListSingle, Label: "What", Values: []string{"all"}, Options: []xmpp.Option{
			{Label: "Everything that I can see", Value: "all"}, {Label: "Today", Value: "today"}, {Label: "The last 7 days", Value: "week"}, {Label: "The last 30 days", Value: "month"},
		}},
		xmpp.Field{Var: fieldSince, Type: xmpp.FieldTextSingle, Label: "From this day or time on, such as 2026-11-22 or 2026-11-22T09:30"},
		xmpp.Field{Var: fieldUntil, Type: xmpp.FieldTextSingle, Label: "Up to this day or time"},
		xmpp.Field{Var: fieldLanguage, Type: xmpp.FieldListSingle, Label: "Language of the mail", Values: d.opts.Languages[:1], Options: d.languages()},
		xmpp.Field{Var: fieldZone, Type: xmpp.FieldTextSingle, Label: "Time zone, such as Europe/Paris; the server's, if you leave it empty"})
	form.Title = "Send what was said by e-mail"
	return form
}

func (d *Desk) languages() (out []xmpp.Option) {
	for _, code := range d.opts.Languages {
		label := languageNames[code]
		if label == "" {
			label = code
		}
		out = append(out, xmpp.Option{Label: label, Value: code})
	}
	return out
}

// wish is what a filled form asks for.
type wish struct {
	names        []string
	since, until time.Time
	language     string
	zone         *time.Location
}

// read reads a filled form. The error is an *xmpp.Error.
func (d *Desk) read(f xmpp.Form, now time.Time) (w wish, err error) {
	w.language = f.Value(fieldLanguage)
	if !slices.Contains(d.opts.Languages, w.language) {
		w.language = d.opts.Languages[0]
	}
	if w.zone, err = d.zone(f.Value(fieldZone)); err != nil {
		return w, err
	}
	if err := w.period(f, now.In(w.zone)); err != nil {
		return w, err
	}
	for _, value := range f.Values(fieldTo) {
		for line := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
			w.named(line)
		}
	}
	if slices.ContainsFunc(w.names, func(name string) bool { return len(name) > longestName }) {
		return w, xmpp.ErrNotAcceptable.With("One of the names is too long.")
	}
	switch {
	case len(w.names) == 0:
		return w, xmpp.ErrNotAcceptable.With("Say to whom it is to be sent: one name or address a line.")
	case len(w.names) > mostNamed:
		return w, errTooMany
	}
	return w, nil
}

// named takes the names of a line. Some write several, with semicolons between them; an address may have one inside.
func (w *wish) named(line string) {
	list := []string{line}
	if _, err := mail.ParseAddress(line[:min(len(line), longestName+1)]); err != nil || len(line) > longestName {
		list = strings.Split(line, ";")
	}
	for _, name := range list {
		if name = strings.TrimSpace(name); name != "" && len(w.names) <= mostNamed && !slices.Contains(w.names, name) {
			w.names = append(w.names, name)
		}
	}
}

func (d *Desk) zone(name string) (*time.Location, error) {
	if name == "" || name == d.opts.Zone.String() {
		return d.opts.Zone, nil
	}
	if name == "Local" {
		return nil, errZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, errZone
	}
	return zone, nil
}

var (
	errTooMany = xmpp.ErrNotAcceptable.With("Too many recipients at once. Name a group, or send it in several mails.")
	errZone    = xmpp.ErrNotAcceptable.With("There is no such time zone. Name one like Europe/Paris, or UTC.")
	errTime    = xmpp.ErrNotAcceptable.With("Write days and times like 2026-11-22, or 2026-11-22T09:30.")
)

// period is the part of what was said that is wanted. Days are those of the zone.
func (w *wish) period(f xmpp.Form, now time.Time) error {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch f.Value(fieldPeriod) {
	case "today":
		w.since = midnight
	case "week":
		w.since = midnight.AddDate(0, 0, -6)
	case "month":
		w.since = midnight.AddDate(0, 0, -29)
	}
	if s := strings.TrimSpace(f.Value(fieldSince)); s != "" {
		at, _, err := moment(s, now.Location())
		if err != nil {
			return errTime
		}
		w.since = at
	}
	if s := strings.TrimSpace(f.Value(fieldUntil)); s != "" {
		at, day, err := moment(s, now.Location())
		if err != nil {
			return errTime
		}
		if w.until = at; day {
			w.until = at.AddDate(0, 0, 1)
		}
	}
	if !w.since.IsZero() && !w.until.IsZero() && !w.since.Before(w.until) {
		return xmpp.ErrNotAcceptable.With("The end of the period is not after its beginning.")
	}
	return nil
}

// moment reads a day, or a time (XEP-0082).
func moment(s string, zone *time.Location) (at time.Time, day bool, err error) {
	if at, err = time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return at, true, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05"} {
		if at, err = time.ParseInLocation(layout, s, zone); err == nil {
			return at, false, nil
		}
	}
	if at, err = time.Parse(time.RFC3339Nano, s); err != nil {
		return at, false, errors.New("courier: no time")
	}
	return at, false, nil
}
