package xmpp

import "strings"

// NSData is the namespace of data forms (XEP-0004).
const NSData = "jabber:x:data"

// Types of forms (XEP-0004 §3.1).
const (
	FormForm   = "form"
	FormSubmit = "submit"
	FormCancel = "cancel"
	FormResult = "result"
)

// Types of fields (XEP-0004 §3.3).
const (
	FieldBoolean     = "boolean"
	FieldFixed       = "fixed"
	FieldHidden      = "hidden"
	FieldJIDMulti    = "jid-multi"
	FieldJIDSingle   = "jid-single"
	FieldListMulti   = "list-multi"
	FieldListSingle  = "list-single"
	FieldTextMulti   = "text-multi"
	FieldTextPrivate = "text-private"
	FieldTextSingle  = "text-single"
)

// FormType is the field that says what a form is about (XEP-0068 §3.1).
const FormType = "FORM_TYPE"

// A Form is a data form (XEP-0004).
type Form struct {
	Type         string
	Title        string
	Instructions string
	Fields       []Field
	Reported     []Field   // the head of a table in a form of type result (XEP-0004 §3.4)
	Items        [][]Field // and its rows
}

// A Field is a field of a form.
type Field struct {
	Var      string
	Type     string // empty: text-single in a form to fill in; not told in others
	Label    string
	Desc     string
	Required bool
	Values   []string
	Options  []Option
}

// An Option is what a list offers.
type Option struct{ Label, Value string }

// NewForm makes a form about formType, which may be empty.
func NewForm(typ, formType string, fields ...Field) Form {
	f := Form{Type: typ, Fields: fields}
	if formType != "" {
		head := Field{Var: FormType, Type: FieldHidden, Values: []string{formType}}
		f.Fields = append([]Field{head}, fields...)
	}
	return f
}

// About is the form's FORM_TYPE, or empty. One that is shown to people does not count; submissions need no types (XEP-0068 §5).
func (f Form) About() string {
	head, ok := f.Field(FormType)
	if !ok || len(head.Values) != 1 || head.Type != FieldHidden && (head.Type != "" || f.Type != FormSubmit) {
		return ""
	}
	return head.Values[0]
}

// Field is the field of this name; ok tells whether there is one.
func (f Form) Field(name string) (field Field, ok bool) {
	for _, field := range f.Fields {
		if field.Var == name {
			return field, true
		}
	}
	return Field{}, false
}

// Value is the first value of a field, or empty.
func (f Form) Value(name string) string {
	field, _ := f.Field(name)
	return field.Value()
}

// Values are all values of a field.
func (f Form) Values(name string) []string {
	field, _ := f.Field(name)
	return field.Values
}

// Value is the first value, or empty.
func (f Field) Value() string {
	if len(f.Values) == 0 {
		return ""
	}
	return f.Values[0]
}

// Bool is the value of a boolean field; ok tells whether it is one (XEP-0004 §3.3).
func (f Field) Bool() (value, ok bool) {
	switch f.Value() {
	case "1", "true":
		return true, len(f.Values) == 1
	case "0", "false":
		return false, len(f.Values) == 1
	}
	return false, false
}

// Text is a text of several lines (XEP-0004 §3.3).
func (f Field) Text() string { return strings.Join(f.Values, "\n") }

// Element is the form as it goes into a stanza.
func (f Form) Element() Element {
	x := New(NSData, "x").With("type", f.Type)
	if f.Title != "" {
		x = x.Add(New(NSData, "title", Text(f.Title)))
	}
	if f.Instructions != "" {
		x = x.Add(New(NSData, "instructions", Text(f.Instructions)))
	}
	x = x.Add(fieldElements(f.Fields)...)
	if len(f.Reported) > 0 {
		x = x.Add(New(NSData, "reported", fieldElements(f.Reported)...))
	}
	for _, row := range f.Items {
		x = x.Add(New(NSData, "item", fieldElements(row)...))
	}
	return x
}

func fieldElements(fields []Field) []Element {
	out := make([]Element, 0, len(fields))
	for _, f := range fields {
		e := New(NSData, "field").With("var", f.Var).With("type", f.Type).With("label", f.Label)
		if f.Desc != "" {
			e = e.Add(New(NSData, "desc", Text(f.Desc)))
		}
		if f.Required {
			e = e.Add(New(NSData, "required"))
		}
		for _, v := range f.Values {
			e = e.Add(New(NSData, "value", Text(v)))
		}
		for _, o := range f.Options {
			e = e.Add(New(NSData, "option", New(NSData, "value", Text(o.Value))).With("label", o.Label))
		}
		out = append(out, e)
	}
	return out
}
