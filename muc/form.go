package muc

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"palabre/xmpp"
)

// Names of fields: those of the registrar (XEP-0045 §16.5.3) and our own.
const (
	nsRoomConfig = nsMUC + "#roomconfig"
	ownField     = "urn:palabre:room:"

	fieldPreset    = ownField + "preset"
	fieldContacts  = ownField + "contacts"
	fieldHistory   = ownField + "history"
	fieldMembers   = ownField + "members"
	fieldVanish    = ownField + "vanish"
	fieldProtected = "muc#roomconfig_passwordprotectedroom"
	fieldSecret    = "muc#roomconfig_roomsecret"
	fieldOwners    = "muc#roomconfig_roomowners"
	fieldAdmins    = "muc#roomconfig_roomadmins"
)

// A setting is a field of the configuration form, and what it stands for in a Config.
type setting struct {
	name, kind, label string
	options           []xmpp.Option
	get               func(c *Config) []string
	set               func(c *Config, f xmpp.Field) error // the error is a sentence for people
	also              []string                            // names that other servers have for it; the first one that a submission has counts
}

// settings is the form, in its order: what is set further down has the last word. The password and the lists of people are beside it.
var settings = []setting{
	{name: fieldPreset, kind: xmpp.FieldListSingle, label: "What this room is: choosing another kind sets everything below", options: presetOptions(),
		get: func(c *Config) []string { return []string{c.Preset} },
		set: func(*Config, xmpp.Field) error { return nil }}, // see Config.Apply
	text("muc#roomconfig_roomname", "Name", 200, func(c *Config) *string { return &c.Name }),
	text("muc#roomconfig_roomdesc", "Description", 2000, func(c *Config) *string { return &c.Description }),
	text("muc#roomconfig_lang", "Language of the conversation, such as en", 35, func(c *Config) *string { return &c.Language }),
	{name: fieldContacts, kind: xmpp.FieldJIDMulti, label: "Addresses for questions about this room",
		get: func(c *Config) []string { return c.Contacts }, set: setContacts},
	flag("muc#roomconfig_persistentroom", "Stays when the last one has left", func(p *Policy) *bool { return &p.Persistent }),
	flag("muc#roomconfig_publicroom", "Shown in the list of rooms", func(p *Policy) *bool { return &p.Public }),
	{name: "muc#roomconfig_membersonly", kind: xmpp.FieldBoolean, label: "Only those who were invited may enter",
		get: func(c *Config) []string { return yes(c.Policy.Access == ByInvitation) }, set: setMembersOnly},
	flag("muc#roomconfig_moderatedroom", "Who is not a member needs to be given voice", func(p *Policy) *bool { return &p.Moderated }),
	{name: "muc#roomconfig_whois", kind: xmpp.FieldListSingle, label: "Who sees people's addresses",
		options: []xmpp.Option{{Label: "Moderators", Value: "moderators"}, {Label: "Everybody", Value: "anyone"}},
		get:     func(c *Config) []string { return []string{whois[c.Policy.Anonymous]} },
		set:     func(c *Config, f xmpp.Field) error { c.Policy.Anonymous = f.Value() == whois[true]; return nil }},
	{name: "muc#roomconfig_maxusers", kind: xmpp.FieldListSingle, label: "How many may be inside at once", options: capacities,
		get: func(c *Config) []string { return []string{orNone(c.MaxUsers, 0)} }, set: setMaxUsers},
	{name: "muc#maxhistoryfetch", kind: xmpp.FieldTextSingle, label: "How many messages somebody gets at most on entering (none: the usual number)",
		get: func(c *Config) []string {
			if c.Fetch < 0 {
				return nil
			}
			return []string{strconv.Itoa(c.Fetch)}
		}, set: setFetch, also: []string{"muc#roomconfig_historylength"}},
	{name: "muc#roomconfig_allowpm", kind: xmpp.FieldListSingle, label: "Who may send private messages",
		options: []xmpp.Option{{Label: "Everybody", Value: "anyone"}, {Label: "Who may speak", Value: "participants"}, {Label: "Moderators", Value: "moderators"}, {Label: "Nobody", Value: "none"}},
		get:     func(c *Config) []string { return []string{senders[c.Policy.private()]} }, set: setPrivate},
	{name: "muc#roomconfig_allowinvites", kind: xmpp.FieldBoolean, label: "People inside may invite others",
		get: func(c *Config) []string { return yes(c.Policy.Invite > Moderators) },
		set: func(c *Config, f xmpp.Field) error { return widen(&c.Policy.Invite, f, Everybody) }, also: []string{"{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites"}},
	{name: "muc#roomconfig_changesubject", kind: xmpp.FieldBoolean, label: "Everybody who may speak may change the subject",
		get: func(c *Config) []string { return yes(c.Policy.Subject > Moderators) },
		set: func(c *Config, f xmpp.Field) error { return widen(&c.Policy.Subject, f, Speakers) }},
	{name: "muc#roomconfig_presencebroadcast", kind: xmpp.FieldListMulti, label: "Whose presence is shown to others",
		options: []xmpp.Option{{Label: "Moderators", Value: "moderator"}, {Label: "Participants", Value: "participant"}, {Label: "Visitors", Value: "visitor"}},
		get:     func(c *Config) []string { return shownRoles(c.Policy.Presence) }, set: setPresence},
	flag(ownField+"hats", "Owners are shown as hosts, and moderators as moderators", func(p *Policy) *bool { return &p.Hats }),
	archiving,
	group("invite", "Who may invite", func(p *Policy) *Who { return &p.Invite }),
	group("subject", "Who may change the subject", func(p *Policy) *Who { return &p.Subject }),
	{name: ownField + "access", kind: xmpp.FieldListSingle, label: "Who may enter",
		options: []xmpp.Option{{Label: "Those who were invited", Value: "invitation"}, {Label: "Everybody", Value: "open"}},
		get:     func(c *Config) []string { return []string{accesses[c.Policy.Access]} },
		set:     func(c *Config, f xmpp.Field) error { return c.Policy.Access.UnmarshalText([]byte(f.Value())) }},
	{name: fieldHistory, kind: xmpp.FieldListSingle, label: "What somebody may read of what was said",
		options: []xmpp.Option{{Label: "Since they came", Value: "arrival"}, {Label: "Everything that is kept, also from before this is chosen", Value: "whole"}},
		get:     func(c *Config) []string { return []string{histories[c.Policy.History]} },
		set:     func(c *Config, f xmpp.Field) error { return c.Policy.History.UnmarshalText([]byte(f.Value())) }},
	flag(ownField+"edits", "What was said may be corrected and deleted", func(p *Policy) *bool { return &p.Edits }),
	flag(ownField+"attachments", "Files and inline images may be sent", func(p *Policy) *bool { return &p.Attachments }),
	flag(ownField+"requests", "People's programs may ask each other for things", func(p *Policy) *bool { return &p.Requests }),
	{name: ownField + "longest", kind: xmpp.FieldTextSingle, label: "Characters that a message has at most (0: no limit)",
		get: func(c *Config) []string { return []string{strconv.Itoa(c.Policy.Longest)} }, set: setLongest},
	flag(fieldMembers, "Ends when its last member has left for good", func(p *Policy) *bool { return &p.WithMembers }),
	{name: fieldVanish, kind: xmpp.FieldTextSingle, label: "Seconds after which it ends when nobody is inside (0: never)",
		get: func(c *Config) []string { return []string{strconv.Itoa(int(c.Policy.Vanish / time.Second))} }, set: setVanish},
	{name: ownField + "end", kind: xmpp.FieldTextSingle, label: "When it ends, such as 2027-01-31T17:00:00Z, or never",
		get: func(c *Config) []string { return instantOr(c.Policy.End) }, set: setEnd},
}

// told are the fields of the form that stand in disco#info, too, beside our own (XEP-0045 §6.4).
var told = map[string]bool{
	"muc#maxhistoryfetch": true, "muc#roomconfig_allowpm": true, "muc#roomconfig_allowinvites": true, "muc#roomconfig_changesubject": true,
	"muc#roomconfig_enablearchiving": true, "muc#roomconfig_maxusers": true,
}

func (s *setting) isTold() bool {
	return told[s.name] || strings.HasPrefix(s.name, ownField) && s.name != fieldContacts
}

// archiving has a name with each server, and some clients know one alone.
var archiving = func() setting {
	s := flag("muc#roomconfig_enablearchiving", "What is said is kept in the archive", func(p *Policy) *bool { return &p.Archive })
	s.also = []string{ownField + "archive", "mam", "muc#roomconfig_mam", "muc#roomconfig_enablelogging"}
	return s
}()

// later are fields of presets that are not there yet, and presets, and values of fields.
var later = map[string]bool{
	ownField + "hold": true, ownField + "collect": true, ownField + "opens": true, ownField + "closes": true, ownField + "schedule": true, ownField + "remains": true,
	fieldPreset + "=event": true, fieldPreset + "=webinar": true, ownField + "access=link": true,
}

var (
	whois      = map[bool]string{true: "moderators", false: "anyone"}
	senders    = []string{Nobody: "none", Moderators: "moderators", Speakers: "participants", Everybody: "anyone"}
	capacities = []xmpp.Option{{Value: "10"}, {Value: "20"}, {Value: "50"}, {Value: "100"}, {Value: "200"}, {Value: "500"}, {Value: "1000"}, {Label: "No limit", Value: "none"}}
)

// presetLabels say what presets are. One without is shown by its name.
var presetLabels = map[string]string{
	"group": "A group of people who were invited, each of whom may invite more",
	"open":  "A room that everybody can enter",
	"visit": "The chat of a visit: nothing is kept",
}

func presetOptions() (out []xmpp.Option) {
	for _, name := range PresetNames() {
		out = append(out, xmpp.Option{Label: presetLabels[name], Value: name})
	}
	return out
}

// form is the whole form as it stands. lists are owners and admins.
func (c *Config) form(title string, owners, admins []string) xmpp.Form {
	f := xmpp.NewForm(xmpp.FormForm, nsRoomConfig)
	f.Title, f.Instructions = title, "Change what you want to be otherwise. What you leave as it is stays."
	for i := range settings {
		f.Fields = append(f.Fields, settings[i].field(c))
	}
	return xmpp.Form{Type: f.Type, Title: f.Title, Instructions: f.Instructions, Fields: append(f.Fields,
		xmpp.Field{Var: fieldProtected, Type: xmpp.FieldBoolean, Label: "Needs a password to enter", Values: yes(c.Password != "")},
		xmpp.Field{Var: fieldSecret, Type: xmpp.FieldTextPrivate, Label: "The password", Values: orNothing(c.Password)},
		xmpp.Field{Var: fieldAdmins, Type: xmpp.FieldJIDMulti, Label: "Administrators", Values: admins},
		xmpp.Field{Var: fieldOwners, Type: xmpp.FieldJIDMulti, Label: "Owners", Values: owners},
	)}
}

// field is a setting as it stands in the form. A value that a list does not offer by itself is offered, too.
func (s *setting) field(c *Config) xmpp.Field {
	f := xmpp.Field{Var: s.name, Type: s.kind, Label: s.label, Values: s.get(c), Options: s.options}
	if s.kind == xmpp.FieldListSingle && !s.offers(f.Value()) {
		f.Options = append([]xmpp.Option{{Value: f.Value()}}, s.options...)
	}
	return f
}

func (s *setting) offers(value string) bool {
	for _, o := range s.options {
		if o.Value == value {
			return true
		}
	}
	return false
}

// asked finds a setting in a submission.
func (s *setting) asked(f xmpp.Form) (xmpp.Field, bool) {
	if field, ok := f.Field(s.name); ok {
		return field, true
	}
	for _, name := range s.also {
		if field, ok := f.Field(name); ok {
			return field, true
		}
	}
	return xmpp.Field{}, false
}

func text(name, label string, most int, in func(*Config) *string) setting {
	return setting{name: name, kind: xmpp.FieldTextSingle, label: label,
		get: func(c *Config) []string { return orNothing(*in(c)) },
		set: func(c *Config, f xmpp.Field) error {
			v := oneLine(f.Text())
			if n := len([]rune(v)); n > most {
				return sentence("has " + strconv.Itoa(n) + " characters, and may have " + strconv.Itoa(most) + ".")
			}
			*in(c) = v
			return nil
		}}
}

// oneLine is a text as it may stand in lists that everybody sees: it neither breaks them nor turns their direction round.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.Is(unicode.Bidi_Control, c):
			return -1
		case unicode.IsControl(c), c == '\u2028', c == '\u2029':
			return ' '
		}
		return c
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func flag(name, label string, in func(*Policy) *bool) setting {
	return setting{name: name, kind: xmpp.FieldBoolean, label: label,
		get: func(c *Config) []string { return yes(*in(&c.Policy)) },
		set: func(c *Config, f xmpp.Field) (err error) {
			*in(&c.Policy), err = truth(f)
			return err
		}}
}

func group(name, label string, in func(*Policy) *Who) setting {
	return setting{name: ownField + name, kind: xmpp.FieldListSingle, label: label,
		options: []xmpp.Option{{Label: "Everybody", Value: "everybody"}, {Label: "Who may speak", Value: "speakers"}, {Label: "Moderators", Value: "moderators"}, {Label: "Nobody", Value: "nobody"}},
		get:     func(c *Config) []string { return []string{groups[*in(&c.Policy)]} },
		set:     func(c *Config, f xmpp.Field) error { return in(&c.Policy).UnmarshalText([]byte(f.Value())) }}
}

func yes(b bool) []string {
	if b {
		return []string{"1"}
	}
	return []string{"0"}
}

func orNothing(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func orNone(n, none int) string {
	if n == none {
		return "none"
	}
	return strconv.Itoa(n)
}

func instantOr(t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	return []string{t.UTC().Format(time.RFC3339)}
}

// shownRoles lists the roles from one on.
func shownRoles(least Role) (out []string) {
	for r := Moderator; r >= least && r > NoRole; r-- {
		out = append(out, r.String())
	}
	return out
}
