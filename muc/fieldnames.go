package muc

import (
	"strings"

	"palabre/xmpp"
)

// shortName is what a field of the configuration is called where people type it.
func shortName(name string) string {
	for _, head := range []string{"muc#roomconfig_", "muc#", ownField} {
		if short, ok := strings.CutPrefix(name, head); ok {
			return strings.TrimSuffix(strings.TrimPrefix(short, "room"), "room")
		}
	}
	return name
}

// SettingNames lists what the fields of the configuration are called where people type them, in the order of the form.
func SettingNames() []string {
	out := make([]string, 0, len(settings)+1)
	for i := range settings {
		out = append(out, shortName(settings[i].name))
	}
	return append(out, "password")
}

// submission makes a form of fields that people have typed: with short names or those of the form, and yes and no. The error is an *xmpp.Error.
func submission(fields []xmpp.Field) (xmpp.Form, error) {
	f := xmpp.NewForm(xmpp.FormSubmit, nsRoomConfig)
	for _, field := range fields {
		if field.Var == "password" {
			f.Fields = append(f.Fields, xmpp.Field{Var: fieldSecret, Values: field.Values},
				xmpp.Field{Var: fieldProtected, Values: yes(field.Value() != "")})
			continue
		}
		s := settingNamed(field.Var)
		if s == nil {
			return f, xmpp.ErrNotAcceptable.With("There is no setting '" + field.Var + "'. There are: " + strings.Join(SettingNames(), ", ") + ".")
		}
		values := field.Values
		if s.kind == xmpp.FieldBoolean && len(values) == 1 {
			values = []string{spoken(values[0])}
		}
		f.Fields = append(f.Fields, xmpp.Field{Var: s.name, Values: values})
	}
	return f, nil
}

func settingNamed(name string) *setting {
	for i := range settings {
		if s := &settings[i]; s.name == name || shortName(s.name) == name {
			return s
		}
	}
	return nil
}

// spoken reads what people say for true and false.
func spoken(v string) string {
	switch strings.ToLower(v) {
	case "yes", "on":
		return "1"
	case "no", "off":
		return "0"
	}
	return v
}
