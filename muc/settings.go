package muc

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"palabre/xmpp"
)

const (
	mostContacts = 20
	mostSecret   = 1000 // bytes of a password
	longestMost  = 1_000_000
	vanishMost   = 366 * 24 * time.Hour
)

// A sentence is an error for people that goes on with the name of a field.
type sentence string

func (s sentence) Error() string { return string(s) }

// Apply gives what a submitted form makes of a Config. fresh says that nothing has been said in the room yet. The error is an *xmpp.Error.
//
// A preset is taken over whole before other fields are. A form that comes back with every field in it was shown to somebody, who changed some of them: the others count as not said. In
// a room where something was said, neither another preset nor opening the room makes what was said before readable to those who come later: only the field for it does.
func (c Config) Apply(f xmpp.Form, fresh bool) (Config, error) {
	if f.Type != xmpp.FormSubmit || f.About() != "" && f.About() != nsRoomConfig {
		return c, xmpp.ErrBadRequest.With("This is not the submitted form of a room's configuration.")
	}
	if err := notYet(f); err != nil {
		return c, err
	}
	said := c.said(f)
	out := c
	if p, ok := said[fieldPreset]; ok {
		policy, ok := Presets[p.Value()]
		if !ok {
			return c, noSuchPreset(p.Value())
		}
		out.Preset, out.Policy = p.Value(), policy
		if !fresh && c.Policy.History == FromArrival {
			out.Policy.History = FromArrival
		}
	}
	for i := range settings {
		s := &settings[i]
		field, ok := said[s.name]
		if !ok {
			continue
		}
		if err := s.take(&out, field); err != nil {
			return c, xmpp.ErrNotAcceptable.With("The field '" + s.label + "' " + err.Error())
		}
	}
	out.implied(&c, said, fresh)
	if err := out.secret(f); err != nil {
		return c, err
	}
	if err := out.Policy.Check(); err != nil {
		return c, xmpp.ErrNotAcceptable.With("This can't be: " + err.Error() + ".")
	}
	return out, nil
}

func noSuchPreset(name string) error {
	return xmpp.ErrNotAcceptable.With("There is no kind of room '" + name + "'. There are: " + strings.Join(PresetNames(), ", ") + ".")
}

// notYet refuses what comes with later presets: to leave it out silently would be to promise it.
func notYet(f xmpp.Form) error {
	for _, field := range f.Fields {
		v := field.Value()
		empty := v == "" || v == "0" || v == "false" || v == "none"
		if later[field.Var] && !empty || later[field.Var+"="+v] {
			return xmpp.ErrNotAcceptable.With("'" + strings.TrimPrefix(field.Var, ownField) + " " + v + "' is not yet available. Leave it out.")
		}
	}
	return nil
}

// said gives the fields of a submission that say something, by the names of settings.
func (c *Config) said(f xmpp.Form) map[string]xmpp.Field {
	out := map[string]xmpp.Field{}
	whole := true
	for i := range settings {
		s := &settings[i]
		field, ok := s.asked(f)
		if ok {
			out[s.name] = field
		} else if s.kind == xmpp.FieldBoolean || s.kind == xmpp.FieldListSingle { // others are left out by some clients when they are empty
			whole = false
		}
	}
	if !whole {
		return out
	}
	for i := range settings {
		s := &settings[i]
		var same Config
		field := out[s.name]
		if same = *c; s.take(&same, field) == nil && slices.Equal(s.get(&same), s.get(c)) && (s.name != fieldPreset || field.Value() == c.Preset) {
			delete(out, s.name)
		}
	}
	return out
}

// take sets one field.
func (s *setting) take(c *Config, f xmpp.Field) error {
	if len(f.Values) > 1 && s.kind != xmpp.FieldJIDMulti && s.kind != xmpp.FieldListMulti && s.kind != xmpp.FieldTextSingle {
		return sentence("takes one value only.")
	}
	if s.kind == xmpp.FieldListSingle && s.name != "muc#roomconfig_maxusers" && !s.offers(f.Value()) {
		return sentence("has no value '" + f.Value() + "'.")
	}
	return s.set(c, f)
}

// implied is what follows from what was said for fields that no client but ours knows.
func (c *Config) implied(before *Config, said map[string]xmpp.Field, fresh bool) {
	names := func(name string) bool { _, ok := said[name]; return ok }
	if names(fieldPreset) {
		return
	}
	if fresh && before.Policy.Access == ByInvitation && c.Policy.Access == Open { // it was never to be a conversation among a few
		if !names(fieldHistory) {
			c.Policy.History = Whole
		}
		if !names(fieldMembers) {
			c.Policy.WithMembers = false
		}
	}
	if before.Policy.Persistent && !c.Policy.Persistent {
		if !names(fieldMembers) {
			c.Policy.WithMembers = false
		}
		if !names(fieldVanish) {
			c.Policy.Vanish = 0
		}
	}
}

// secret takes the password and the box beside it: without the box, there is none, whatever stands there (XEP-0045 §10.1.3).
func (c *Config) secret(f xmpp.Form) error {
	box, boxed := f.Field(fieldProtected)
	word, worded := f.Field(fieldSecret)
	wants := true
	if boxed {
		var err error
		if wants, err = truth(box); err != nil {
			return xmpp.ErrNotAcceptable.With("Whether a password is needed is neither true nor false.")
		}
	}
	if len(word.Value()) > mostSecret {
		return xmpp.ErrNotAcceptable.With("This password is too long.")
	}
	switch {
	case !wants:
		c.Password = ""
	case worded:
		c.Password = word.Value()
	}
	if boxed && wants && c.Password == "" {
		return xmpp.ErrNotAcceptable.With("A room that needs a password has to be given one.")
	}
	return nil
}

func truth(f xmpp.Field) (bool, error) {
	v, ok := f.Bool()
	if !ok {
		return false, sentence("is neither true nor false.")
	}
	return v, nil
}

// count reads a number from 0 to most; nothing stands for what is not said.
func count(f xmpp.Field, nothing, most int) (int, error) {
	v := strings.TrimSpace(f.Value())
	if v == "" || v == "none" {
		return nothing, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return 0, sentence("takes a number from 0 to " + strconv.Itoa(most) + ".")
	}
	return n, nil
}

func setMaxUsers(c *Config, f xmpp.Field) (err error) {
	c.MaxUsers, err = count(f, 0, 1_000_000)
	return err
}

func setFetch(c *Config, f xmpp.Field) (err error) {
	c.Fetch, err = count(f, -1, 1_000_000)
	return err
}

func setLongest(c *Config, f xmpp.Field) (err error) {
	c.Policy.Longest, err = count(f, 0, longestMost)
	return err
}

func setVanish(c *Config, f xmpp.Field) error {
	n, err := count(f, 0, int(vanishMost/time.Second))
	c.Policy.Vanish = time.Duration(n) * time.Second
	return err
}

func setEnd(c *Config, f xmpp.Field) error {
	v := strings.TrimSpace(f.Value())
	if v == "" || v == "never" || v == "none" {
		c.Policy.End = time.Time{}
		return nil
	}
	t, err := time.Parse(time.RFC3339, v) // XEP-0082 §3
	if err != nil {
		return sentence("takes a time such as 2027-01-31T17:00:00Z.")
	}
	c.Policy.End = t.UTC()
	return nil
}

func setMembersOnly(c *Config, f xmpp.Field) error {
	only, err := truth(f)
	c.Policy.Access = Open
	if only {
		c.Policy.Access = ByInvitation
	}
	return err
}

func setPrivate(c *Config, f xmpp.Field) error {
	c.Policy.Private = Who(slices.Index(senders, f.Value())) // one of the options
	return nil
}

// widen is for the boxes that know two groups only: a setting on the same side stays what it is.
func widen(w *Who, f xmpp.Field, wide Who) error {
	many, err := truth(f)
	switch {
	case err != nil:
		return err
	case many && *w <= Moderators:
		*w = wide
	case !many && *w > Moderators:
		*w = Moderators
	}
	return nil
}

func setPresence(c *Config, f xmpp.Field) error {
	for least := Visitor; least <= Moderator; least++ {
		want := shownRoles(least)
		if len(want) == len(f.Values) && !slices.ContainsFunc(want, func(v string) bool { return !slices.Contains(f.Values, v) }) {
			c.Policy.Presence = least
			return nil
		}
	}
	return sentence("takes moderators, or moderators and participants, or everybody.")
}

func setContacts(c *Config, f xmpp.Field) error {
	list, err := addresses(f)
	if err != nil {
		return err
	}
	if len(list) > mostContacts {
		return sentence("takes up to " + strconv.Itoa(mostContacts) + " addresses.")
	}
	c.Contacts = nil
	for _, j := range list {
		c.Contacts = append(c.Contacts, j.String())
	}
	return nil
}

// addresses reads accounts, each once.
func addresses(f xmpp.Field) ([]xmpp.JID, error) {
	var out []xmpp.JID
	seen := map[xmpp.JID]bool{}
	for _, v := range f.Values {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		j, err := xmpp.ParseJID(v)
		if err != nil {
			return nil, sentence("holds an address that is none.")
		}
		if j = j.Bare(); !seen[j] {
			seen[j] = true
			out = append(out, j)
		}
	}
	return out, nil
}
