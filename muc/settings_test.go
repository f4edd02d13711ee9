package muc

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

// said makes a form of "name=value" and "name" (no value).
func said(fields ...string) xmpp.Form {
	f := xmpp.NewForm(xmpp.FormSubmit, nsRoomConfig)
	for _, s := range fields {
		name, value, is := strings.Cut(s, "=")
		field := xmpp.Field{Var: name}
		if is {
			field.Values = strings.Split(value, "|")
		}
		f.Fields = append(f.Fields, field)
	}
	return f
}

// shown is the form as a client shows it and sends it back whole, with some fields filled in otherwise.
func shown(c Config, fields ...string) xmpp.Form {
	f := c.form("", nil, nil)
	f.Type = xmpp.FormSubmit
	for _, changed := range said(fields...).Fields {
		for i := range f.Fields {
			if f.Fields[i].Var == changed.Var {
				f.Fields[i].Values = changed.Values
			}
		}
	}
	return f
}

// purged leaves out the fields that are empty, as some clients do.
func purged(f xmpp.Form) xmpp.Form {
	f.Fields = slices.DeleteFunc(f.Fields, func(field xmpp.Field) bool { return field.Value() == "" })
	return f
}

func config(t *testing.T, preset string, change func(*Config)) Config {
	t.Helper()
	c, ok := NewConfig(preset)
	if !ok {
		t.Fatal(preset)
	}
	if change != nil {
		change(&c)
	}
	return c
}

func TestApply(t *testing.T) {
	t.Parallel()
	group, open, visit := config(t, "group", nil), config(t, "open", nil), config(t, "visit", nil)
	opened := func(c *Config) { c.Policy.Access, c.Policy.History, c.Policy.WithMembers = Open, Whole, false }
	for name, c := range map[string]struct {
		before Config
		form   xmpp.Form
		used   bool // something may have been said
		want   Config
	}{
		"nothing":                 {group, said(), false, group},
		"shown, and left":         {group, shown(group), false, group},
		"shown, and left, open":   {open, shown(open), true, open},
		"shown, and left, visit":  {visit, shown(visit), true, visit},
		"preset":                  {group, said("urn:palabre:room:preset=visit"), false, visit},
		"preset, shown":           {group, shown(group, "urn:palabre:room:preset=visit"), false, visit},
		"preset, and a field":     {group, said("urn:palabre:room:preset=visit", "urn:palabre:room:edits=1"), false, config(t, "visit", func(c *Config) { c.Policy.Edits = true })},
		"a field as it was":       {group, said("urn:palabre:room:preset=visit", "urn:palabre:room:archive=1"), false, config(t, "visit", func(c *Config) { c.Policy.Archive = true })},
		"preset shown, and field": {group, shown(group, "urn:palabre:room:preset=open", "muc#roomconfig_roomname=Coven"), false, config(t, "open", func(c *Config) { c.Name = "Coven" })},
		// B7: what its owner opens before anything was said is an open room
		"opened":        {group, said("muc#roomconfig_membersonly=0"), false, config(t, "group", opened)},
		"opened, shown": {group, shown(group, "muc#roomconfig_membersonly=0", "muc#roomconfig_publicroom=1"), false, config(t, "group", func(c *Config) { opened(c); c.Policy.Public = true })},
		"opened, empty left out": {group, purged(shown(group, "muc#roomconfig_membersonly=0", "muc#roomconfig_whois=moderators", "muc#roomconfig_changesubject=0")), false,
			config(t, "group", func(c *Config) { opened(c); c.Policy.Anonymous, c.Policy.Subject = true, Moderators })},
		"opened, from arrival": {group, said("muc#roomconfig_membersonly=0", "urn:palabre:room:history=arrival"), false, config(t, "group", func(c *Config) { opened(c); c.Policy.History = FromArrival })},
		// B9: what was said stays as it was promised to be, unless the owner says so
		"opened later":                 {group, said("muc#roomconfig_membersonly=0"), true, config(t, "group", func(c *Config) { c.Policy.Access = Open })},
		"opened later, shown":          {group, shown(group, "muc#roomconfig_membersonly=0"), true, config(t, "group", func(c *Config) { c.Policy.Access = Open })},
		"another preset later":         {group, said("urn:palabre:room:preset=open"), true, config(t, "open", func(c *Config) { c.Policy.History = FromArrival })},
		"another preset, and all said": {group, said("urn:palabre:room:preset=open", "urn:palabre:room:history=whole"), true, open},
		"all later":                    {group, said("urn:palabre:room:history=whole"), true, config(t, "group", func(c *Config) { c.Policy.History = Whole })},
		"from arrival later":           {open, said("urn:palabre:room:preset=group"), true, group},
		// boxes that know less than the policy
		"goes when it is empty": {group, said("muc#roomconfig_persistentroom=0"), true, config(t, "group", func(c *Config) { c.Policy.Persistent, c.Policy.WithMembers = false, false })},
		"visit, when empty":     {visit, said("muc#roomconfig_persistentroom=0"), true, config(t, "visit", func(c *Config) { c.Policy.Persistent, c.Policy.Vanish = false, 0 })},
		"invites":               {group, said("muc#roomconfig_allowinvites=0"), true, config(t, "group", func(c *Config) { c.Policy.Invite = Moderators })},
		"subject":               {visit, said("muc#roomconfig_changesubject=0"), true, visit},
		"subject, for speakers": {visit, said("muc#roomconfig_changesubject=true"), true, config(t, "visit", func(c *Config) { c.Policy.Subject = Speakers })},
		"private messages":      {group, said("muc#roomconfig_allowpm=none"), true, config(t, "group", func(c *Config) { c.Policy.Private = Nobody })},
		"whose presence":        {open, said("muc#roomconfig_presencebroadcast=participant|moderator"), true, config(t, "open", func(c *Config) { c.Policy.Presence = Participant })},
		// names that other servers have for it
		"mam":           {group, said("mam=0"), true, config(t, "group", func(c *Config) { c.Policy.Archive = false })},
		"enablelogging": {group, said("muc#roomconfig_enablelogging=0"), true, config(t, "group", func(c *Config) { c.Policy.Archive = false })},
		"both":          {group, said("muc#roomconfig_enablelogging=0", "muc#roomconfig_enablearchiving=1"), true, group},
		// the rest
		"name":        {group, said("muc#roomconfig_roomname= A Dark Cave "), true, config(t, "group", func(c *Config) { c.Name = "A Dark Cave" })},
		"no name":     {config(t, "group", func(c *Config) { c.Name = "x" }), said("muc#roomconfig_roomname"), true, group},
		"unknown":     {group, said("muc#roomconfig_getmemberlist=moderator", "x=y"), true, group},
		"capacity":    {group, said("muc#roomconfig_maxusers=23"), true, config(t, "group", func(c *Config) { c.MaxUsers = 23 })},
		"no capacity": {config(t, "group", func(c *Config) { c.MaxUsers = 3 }), said("muc#roomconfig_maxusers=none"), true, group},
		"fetch":       {group, said("muc#maxhistoryfetch=0"), true, config(t, "group", func(c *Config) { c.Fetch = 0 })},
		"usual fetch": {config(t, "group", func(c *Config) { c.Fetch = 7 }), said("muc#maxhistoryfetch"), true, group},
		"longest":     {visit, said("urn:palabre:room:longest=500"), true, config(t, "visit", func(c *Config) { c.Policy.Longest = 500 })},
		"vanish":      {visit, said("urn:palabre:room:vanish=90"), true, config(t, "visit", func(c *Config) { c.Policy.Vanish = 90 * time.Second })},
		"end":         {visit, said("urn:palabre:room:end=2027-01-31T17:00:00+01:00"), true, config(t, "visit", func(c *Config) { c.Policy.End = time.Date(2027, 1, 31, 16, 0, 0, 0, time.UTC) })},
		"no end":      {config(t, "visit", func(c *Config) { c.Policy.End = time.Date(2027, 1, 31, 16, 0, 0, 0, time.UTC) }), said("urn:palabre:room:end=never"), true, visit},
		"contacts":    {group, said("urn:palabre:room:contacts=Nurse@example.org|nurse@example.org"), true, config(t, "group", func(c *Config) { c.Contacts = []string{"nurse@example.org"} })},
		"later: off":  {group, said("urn:palabre:room:hold=0", "urn:palabre:room:opens"), true, group},
		// the password and its box (XEP-0045 §10.1.3)
		"password":          {group, said("muc#roomconfig_passwordprotectedroom=1", "muc#roomconfig_roomsecret=rosaline"), true, config(t, "group", func(c *Config) { c.Password = "rosaline" })},
		"password alone":    {group, said("muc#roomconfig_roomsecret=rosaline"), true, config(t, "group", func(c *Config) { c.Password = "rosaline" })},
		"password, no box":  {group, said("muc#roomconfig_passwordprotectedroom=0", "muc#roomconfig_roomsecret=rosaline"), true, group},
		"password, shown":   {config(t, "group", func(c *Config) { c.Password = "x" }), shown(config(t, "group", func(c *Config) { c.Password = "x" }), "muc#roomconfig_passwordprotectedroom=0"), true, group},
		"password as it is": {config(t, "group", func(c *Config) { c.Password = "x" }), said("muc#roomconfig_passwordprotectedroom=1"), true, config(t, "group", func(c *Config) { c.Password = "x" })},
	} {
		got, err := c.before.Apply(c.form, !c.used)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, c.want)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		form      xmpp.Form
		condition string
		text      string
	}{
		"another form":        {xmpp.NewForm(xmpp.FormSubmit, "jabber:iq:register"), "bad-request", ""},
		"not filled in":       {xmpp.NewForm(xmpp.FormForm, nsRoomConfig), "bad-request", ""},
		"no such preset":      {said("urn:palabre:room:preset=feast"), "not-acceptable", "group, open, visit"},
		"a later preset":      {said("urn:palabre:room:preset=webinar"), "not-acceptable", "not yet available"},
		"a later access":      {said("urn:palabre:room:access=link"), "not-acceptable", "not yet available"},
		"a later field":       {said("urn:palabre:room:hold=1"), "not-acceptable", "not yet available"},
		"a schedule":          {said("urn:palabre:room:opens=2027-01-31T17:00:00Z"), "not-acceptable", "not yet available"},
		"no boolean":          {said("muc#roomconfig_moderatedroom=perhaps"), "not-acceptable", "true nor false"},
		"no option":           {said("muc#roomconfig_whois=spies"), "not-acceptable", "spies"},
		"two options":         {said("muc#roomconfig_whois=anyone|moderators"), "not-acceptable", "one value"},
		"no number":           {said("muc#roomconfig_maxusers=many"), "not-acceptable", "number"},
		"negative":            {said("urn:palabre:room:longest=-1"), "not-acceptable", "number"},
		"no time":             {said("urn:palabre:room:end=tomorrow"), "not-acceptable", "time"},
		"no password":         {said("muc#roomconfig_passwordprotectedroom=1", "muc#roomconfig_roomsecret="), "not-acceptable", "password"},
		"visitors only":       {said("muc#roomconfig_presencebroadcast=visitor"), "not-acceptable", "moderators"},
		"no address":          {said("urn:palabre:room:contacts=@@"), "not-acceptable", "address"},
		"a long name":         {said("muc#roomconfig_roomname=" + strings.Repeat("x", 201)), "not-acceptable", "201"},
		"waits, does not":     {said("muc#roomconfig_persistentroom=0", "urn:palabre:room:vanish=60"), "not-acceptable", "wait"},
		"as long as, or not":  {said("muc#roomconfig_persistentroom=0", "urn:palabre:room:members=1"), "not-acceptable", "persistent"},
		"a field, and no box": {said("urn:palabre:room:edits"), "not-acceptable", "true nor false"},
	} {
		before := config(t, "group", nil)
		got, err := before.Apply(c.form, true)
		if condition(err) != c.condition || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, before) {
			t.Errorf("%s: it is %+v", name, got)
		}
	}
}

// Every field of the form says what it was set to.
func TestFormRoundTrip(t *testing.T) {
	t.Parallel()
	for _, preset := range PresetNames() {
		want := config(t, preset, func(c *Config) {
			c.Name, c.Description, c.Language, c.Password, c.MaxUsers, c.Fetch, c.Contacts = "Coven", "witches", "en", "x", 7, 3, []string{"a@example.org"}
			c.Policy.End = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
		})
		f := want.form("", nil, nil)
		f.Type = xmpp.FormSubmit
		empty := Config{Preset: "none", Fetch: -1}
		empty.Policy.Presence = Visitor
		got, err := empty.Apply(f, true)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", preset, err, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"The Coven": "The Coven", " two\n\tlines ": "two lines", "\u202eeno rehtona": "eno rehtona", "a\u2028b\u2029c": "a b c", "שלום": "שלום", "\u2066x\u2069": "x",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
}
