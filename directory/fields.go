package directory

import (
	"fmt"
	"slices"
	"strings"

	"palabre/xmpp"
)

// Fields are values for an entry, by the names that commands and files have for them: see FieldNames. An empty value empties the field.
type Fields map[string]string

// A setter gives a field of an entry its value.
type setter func(e *Entry, value string) error

// setters are the fields that can be set, in the order in which they are shown.
var setters = []struct {
	name string
	set  setter
	get  func(e *Entry) string
}{
	{"name", text("the name", longestName, func(e *Entry) *string { return &e.Name }), func(e *Entry) string { return e.Name }},
	{"email", setEmail, func(e *Entry) string { return e.Email }},
	{"account", setAccount, func(e *Entry) string { return e.Account.String() }},
	{"chat", setChat, func(e *Entry) string { return map[bool]string{true: "yes", false: "no"}[e.Chat] }},
	detail("given", func(d *Details) *string { return &d.Given }),
	detail("family", func(d *Details) *string { return &d.Family }),
	detail("organisation", func(d *Details) *string { return &d.Organisation }),
	detail("unit", func(d *Details) *string { return &d.Unit }),
	detail("title", func(d *Details) *string { return &d.Title }),
	detail("phone", func(d *Details) *string { return &d.Phone }),
	detail("mobile", func(d *Details) *string { return &d.Mobile }),
	detail("locality", func(d *Details) *string { return &d.Locality }),
	detail("country", func(d *Details) *string { return &d.Country }),
	detail("note", func(d *Details) *string { return &d.Note }),
}

func detail(name string, of func(*Details) *string) (f struct {
	name string
	set  setter
	get  func(e *Entry) string
}) {
	limit := longestDetail
	if name == "note" {
		limit = longestNote
	}
	f.name = name
	f.set = text(name, limit, func(e *Entry) *string { return of(&e.Details) })
	f.get = func(e *Entry) string { return *of(&e.Details) }
	return f
}

// FieldNames are the fields that an entry has, in the order in which they are shown.
func FieldNames() []string {
	out := make([]string, len(setters))
	for i, f := range setters {
		out[i] = f.name
	}
	return out
}

// FieldsOf gives an entry's fields, those that are empty too.
func FieldsOf(e *Entry) Fields {
	out := Fields{}
	for _, f := range setters {
		out[f.name] = f.get(e)
	}
	return out
}

// apply sets fields of an entry.
func (fs Fields) apply(e *Entry) error {
	for _, f := range setters {
		if v, ok := fs[f.name]; ok {
			if err := f.set(e, v); err != nil {
				return err
			}
		}
	}
	for name := range fs {
		if !slices.Contains(FieldNames(), name) {
			return &ValueError{fmt.Sprintf("%q", limited(name)), "is not a field; there are " + strings.Join(FieldNames(), ", ")}
		}
	}
	return nil
}

func text(what string, limit int, of func(*Entry) *string) setter {
	return func(e *Entry, value string) (err error) {
		*of(e), err = cleanText(what, value, limit, what == "note")
		return err
	}
}

func setEmail(e *Entry, value string) (err error) {
	if e.Email = strings.TrimSpace(value); e.Email != "" {
		e.Email, err = CleanEmail(e.Email)
	}
	return err
}

// setAccount takes an address of the entry's domain, or what stands before its @.
func setAccount(e *Entry, value string) error {
	if value = strings.TrimSpace(value); value == "" {
		e.Account = xmpp.JID{}
		return nil
	}
	if !strings.Contains(value, "@") {
		value += "@" + e.Domain
	}
	j, err := xmpp.ParseJID(value)
	switch {
	case err != nil || j.Local() == "" || !j.IsBare():
		return &ValueError{fmt.Sprintf("%q", limited(value)), "is not the address of an account, name@domain"}
	case j.Domain() != e.Domain:
		return &ValueError{"the account " + j.String(), "is not one of the domain " + e.Domain + ", whose directory this is"}
	}
	e.Account = j
	return nil
}

func setChat(e *Entry, value string) error {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "yes", "true", "1", "on":
		e.Chat = true
	case "no", "false", "0", "off", "":
		e.Chat = false
	default:
		return &ValueError{"chat", "is yes or no"}
	}
	return nil
}

// check refuses what no entry can be, once its fields are set.
func check(e *Entry) error {
	if e.Name == "" {
		e.Name = cleanLine(strings.TrimSpace(e.Given+" "+e.Family), true)
	}
	switch {
	case len(e.Name) > longestName:
		return tooLong("the name", longestName)
	case e.Name == "":
		return &ValueError{"the name", "is missing"}
	case len(split(Fold(e.Name))) == 0:
		return &ValueError{"the name", "has neither a letter nor a digit"}
	case e.Kind != Person && !e.Account.IsZero():
		return &ValueError{"a " + e.Kind.String(), "has no account; only persons have one"}
	case e.Kind == Mailbox && e.Chat:
		return &ValueError{"a mailbox", "does not chat; grant it to the persons, or to a group of them"}
	case e.Kind == Mailbox && e.Email == "":
		return &ValueError{"a mailbox", "needs an e-mail address"}
	}
	return nil
}
