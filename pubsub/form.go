package pubsub

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"palabre/xmpp"
)

// A field is one of a node's configuration, under the name that XEP-0060 §16.4.4 registers.
type field struct {
	name, typ, label string
	options          []string
	get              func(c *Config) []string
	set              func(c *Config, values []string) error // nil: it is what it is, and can be asked for as a precondition
}

// fields are all that a node can be configured by, in the order of the form.
var fields = []field{
	{"title", xmpp.FieldTextSingle, "A friendly name for the node", nil, one(func(c *Config) *string { return &c.Title }), text(func(c *Config) *string { return &c.Title })},
	{"description", xmpp.FieldTextSingle, "A description of the node", nil, one(func(c *Config) *string { return &c.Description }), text(func(c *Config) *string { return &c.Description })},
	{"language", xmpp.FieldTextSingle, "The language of the node", nil, one(func(c *Config) *string { return &c.Language }), text(func(c *Config) *string { return &c.Language })},
	{"type", xmpp.FieldTextSingle, "The namespace of the payloads", nil, one(func(c *Config) *string { return &c.Type }), text(func(c *Config) *string { return &c.Type })},
	{"access_model", xmpp.FieldListSingle, "Who may subscribe and see the items", []string{"open", "presence", "roster", "whitelist"},
		func(c *Config) []string { return []string{string(c.Access)} }, setAccess},
	{"roster_groups_allowed", xmpp.FieldTextMulti, "Groups of contacts that may, with the access model roster", nil,
		func(c *Config) []string { return c.Groups }, setGroups},
	{"publish_model", xmpp.FieldListSingle, "Who may publish", []string{"publishers"}, fixed("publishers"), nil},
	{"persist_items", xmpp.FieldBoolean, "Keep the items", nil, is(func(c *Config) *bool { return &c.Persist }), flag(func(c *Config) *bool { return &c.Persist })},
	{"max_items", xmpp.FieldTextSingle, "How many items to keep; max: as many as the server allows", nil,
		number(func(c *Config) *int { return &c.MaxItems }), atMost("max_items", mostItems, func(c *Config) *int { return &c.MaxItems })},
	{"item_expire", xmpp.FieldTextSingle, "Seconds after which an item is deleted; max: never", nil,
		number(func(c *Config) *int { return &c.Expire }), atMost("item_expire", 1<<31-1, func(c *Config) *int { return &c.Expire })},
	{"publish_node_full", xmpp.FieldListSingle, "What becomes of the oldest item of a full node", []string{"retract-oldest", "discard-oldest", "reject"},
		func(c *Config) []string { return []string{string(c.Full)} },
		among("publish_node_full", []string{"retract-oldest", "discard-oldest", "reject"}, func(c *Config, v string) { c.Full = Full(v) })},
	{"max_payload_size", xmpp.FieldTextSingle, "Bytes of an item", nil,
		number(func(c *Config) *int { return &c.MaxPayload }), atMost("max_payload_size", mostPayload, func(c *Config) *int { return &c.MaxPayload })},
	{"send_last_published_item", xmpp.FieldListSingle, "When to send the item that was published last", []string{"never", "on_sub", "on_sub_and_presence"},
		func(c *Config) []string { return []string{string(c.SendLast)} },
		among("send_last_published_item", []string{"never", "on_sub", "on_sub_and_presence"}, func(c *Config, v string) { c.SendLast = SendLast(v) })},
	{"deliver_notifications", xmpp.FieldBoolean, "Notify those who are interested", nil, is(func(c *Config) *bool { return &c.Deliver }), flag(func(c *Config) *bool { return &c.Deliver })},
	{"deliver_payloads", xmpp.FieldBoolean, "Notify with the payload", nil, is(func(c *Config) *bool { return &c.Payloads }), flag(func(c *Config) *bool { return &c.Payloads })},
	{"notify_config", xmpp.FieldBoolean, "Notify of changes of this configuration", nil, is(func(c *Config) *bool { return &c.NotifyConfig }), flag(func(c *Config) *bool { return &c.NotifyConfig })},
	{"notify_delete", xmpp.FieldBoolean, "Notify when the node is deleted", nil, is(func(c *Config) *bool { return &c.NotifyDelete }), flag(func(c *Config) *bool { return &c.NotifyDelete })},
	{"notify_retract", xmpp.FieldBoolean, "Notify when items are deleted", nil, is(func(c *Config) *bool { return &c.NotifyRetract }), flag(func(c *Config) *bool { return &c.NotifyRetract })},
	{"notify_sub", xmpp.FieldBoolean, "Notify the owner of subscriptions", nil, fixed("0"), nil},
	{"presence_based_delivery", xmpp.FieldBoolean, "Notify only who is available", nil, is(func(c *Config) *bool { return &c.OnlyNow }), flag(func(c *Config) *bool { return &c.OnlyNow })},
	{"notification_type", xmpp.FieldListSingle, "The type of the messages that notify", []string{"headline", "normal"},
		func(c *Config) []string { return []string{c.MessageOf} },
		among("notification_type", []string{"headline", "normal"}, func(c *Config, v string) { c.MessageOf = v })},
	{"subscribe", xmpp.FieldBoolean, "Allow subscriptions", nil, is(func(c *Config) *bool { return &c.Subscribe }), flag(func(c *Config) *bool { return &c.Subscribe })},
	{"purge_offline", xmpp.FieldBoolean, "Delete the items when the owner goes off-line", nil, fixed("0"), nil},
	{"node_type", xmpp.FieldListSingle, "The kind of node", []string{"leaf"}, fixed("leaf"), nil},
}

const fieldPrefix = "pubsub#"

// form is a configuration to look at, or to fill in.
func form(typ, about string, c Config) xmpp.Form {
	out := xmpp.NewForm(typ, about)
	for _, f := range fields {
		x := xmpp.Field{Var: fieldPrefix + f.name, Type: f.typ, Label: f.label, Values: f.get(&c)}
		for _, o := range f.options {
			x.Options = append(x.Options, xmpp.Option{Value: o})
		}
		out.Fields = append(out.Fields, x)
	}
	return out
}

// find is the field of a name; nil if it is none of ours.
func find(name string) *field {
	short, ok := strings.CutPrefix(name, fieldPrefix)
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == short })
	if !ok || i < 0 {
		return nil
	}
	return &fields[i]
}

// submitted reads a form that somebody has filled in; about is its FORM_TYPE, which may be left out where optional says so.
func submitted(x xmpp.Element, about string, optional bool) (xmpp.Form, error) {
	f, err := xmpp.ParseForm(x)
	if err != nil {
		return f, err
	}
	if f.Type != xmpp.FormSubmit && f.Type != xmpp.FormCancel {
		return f, xmpp.ErrBadRequest.With("This form is not a submission.")
	}
	if is := f.About(); is != about && !(optional && is == "" && f.Value(xmpp.FormType) == "") {
		return f, xmpp.ErrBadRequest.With("This form is about something else than " + about + ".")
	}
	return f, nil
}

// fill puts what a form says into a configuration. A field that is none of ours is ignored (XEP-0004 §3.1), or, where strict, an error (XEP-0060 §7.1.5).
func fill(c Config, f xmpp.Form, strict bool) (Config, error) {
	for _, x := range f.Fields {
		if x.Var == xmpp.FormType {
			continue
		}
		known := find(x.Var)
		if known == nil {
			if strict {
				return c, xmpp.ErrNotAcceptable.With("This server knows no option '" + x.Var + "'.")
			}
			continue
		}
		if err := known.put(&c, x.Values); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (f *field) put(c *Config, values []string) error {
	if f.typ != xmpp.FieldTextMulti && len(values) > 1 {
		return refused(f.name, "takes one value only")
	}
	if len(values) == 0 && f.typ != xmpp.FieldTextSingle && f.typ != xmpp.FieldTextMulti {
		return nil // as if it had not been there (XEP-0004 §3.6)
	}
	if f.set != nil {
		return f.set(c, values)
	}
	if f.typ == xmpp.FieldBoolean {
		v, ok := xmpp.Field{Values: values}.Bool()
		if ok && !v {
			return nil
		}
	} else if slices.Equal(values, f.get(c)) {
		return nil
	}
	return refused(f.name, "can't be anything but "+f.get(c)[0]+" here")
}

// differs names the first field in which two configurations differ, of those that a form is about; empty if none does.
func differs(f xmpp.Form, is, wanted Config) string {
	for _, x := range f.Fields {
		if known := find(x.Var); known != nil && !slices.Equal(known.get(&is), known.get(&wanted)) {
			return x.Var
		}
	}
	return ""
}

// refused is XEP-0060 §8.2.5.2.
func refused(name, why string) error {
	return xmpp.ErrNotAcceptable.With("The field '" + fieldPrefix + name + "' " + why + ".")
}

func one(at func(*Config) *string) func(*Config) []string {
	return func(c *Config) []string {
		if s := *at(c); s != "" {
			return []string{s}
		}
		return nil
	}
}

func fixed(v string) func(*Config) []string { return func(*Config) []string { return []string{v} } }

func text(at func(*Config) *string) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		v := strings.Join(values, "")
		if len(v) > mostText {
			return xmpp.ErrNotAcceptable.With(fmt.Sprintf("A text of the configuration has up to %d bytes.", mostText))
		}
		*at(c) = v
		return nil
	}
}

func is(at func(*Config) *bool) func(*Config) []string {
	return func(c *Config) []string {
		if *at(c) {
			return []string{"1"}
		}
		return []string{"0"}
	}
}

func flag(at func(*Config) *bool) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		v, ok := xmpp.Field{Values: values}.Bool()
		if !ok {
			return xmpp.ErrNotAcceptable.With("A field of the configuration is neither true nor false: " + strconv.Quote(values[0]))
		}
		*at(c) = v
		return nil
	}
}

func among(name string, options []string, set func(*Config, string)) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		if !slices.Contains(options, values[0]) {
			return refused(name, "is one of "+strings.Join(options, ", "))
		}
		set(c, values[0])
		return nil
	}
}

func setAccess(c *Config, values []string) error {
	switch a := Access(values[0]); a {
	case Open, AccessPresence, AccessRoster, AccessWhitelist:
		c.Access = a
		return nil
	}
	return errAccessModel // XEP-0060 §8.1.2
}

func setGroups(c *Config, values []string) error {
	groups := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if len(groups) > mostGroups || slices.ContainsFunc(groups, func(g string) bool { return len(g) > mostText }) {
		return refused("roster_groups_allowed", fmt.Sprintf("names up to %d groups", mostGroups))
	}
	c.Groups = groups
	return nil
}

// number shows a number whose 0 is "max".
func number(at func(*Config) *int) func(*Config) []string {
	return func(c *Config) []string {
		if n := *at(c); n > 0 {
			return []string{strconv.Itoa(n)}
		}
		return []string{"max"}
	}
}

func atMost(name string, most int, at func(*Config) *int) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		v := strings.Join(values, "")
		if v == "" {
			return nil
		}
		if v == "max" {
			*at(c) = 0
			return nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			return refused(name, fmt.Sprintf("is a number from 1 to %d, or max", most))
		}
		*at(c) = n
		return nil
	}
}
