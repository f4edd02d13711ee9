package xmpp

import (
	"slices"
	"strings"
)

var formTypes = map[string]bool{FormForm: true, FormSubmit: true, FormCancel: true, FormResult: true}

// ParseForm reads a form. It is lenient about types of fields, which a submission may leave out (XEP-0004 §3.2), but takes no field twice
// and none without a name. The error is an *Error, bad-request.
func ParseForm(x Element) (Form, error) {
	f := Form{Type: x.Attr("type")}
	if !x.Is(NSData, "x") || !formTypes[f.Type] {
		return Form{}, ErrBadRequest.With("This is not a data form.")
	}
	f.Title = x.ContentOf(NSData, "title")
	var lines []string
	var err error
	for _, c := range x.Elements() {
		switch c.Name {
		case Name{NSData, "instructions"}:
			lines = append(lines, c.Content())
		case Name{NSData, "reported"}:
			f.Reported, err = parseFields(c)
		case Name{NSData, "item"}:
			var row []Field
			row, err = parseFields(c)
			f.Items = append(f.Items, row)
		}
		if err != nil {
			return Form{}, err
		}
	}
	f.Instructions = strings.Join(lines, "\n")
	f.Fields, err = parseFields(x)
	return f, err
}

func parseFields(parent Element) ([]Field, error) {
	var out []Field
	seen := map[string]bool{}
	for _, c := range parent.Children {
		if !c.Is(NSData, "field") {
			continue
		}
		f := Field{Var: c.Attr("var"), Type: c.Attr("type"), Label: c.Attr("label"), Desc: c.ContentOf(NSData, "desc")}
		if f.Var == "" && f.Type != FieldFixed {
			return nil, ErrBadRequest.With("A field of the form has no name.")
		}
		if f.Var != "" && seen[f.Var] {
			return nil, ErrBadRequest.With("The form has the field '" + f.Var + "' twice.")
		}
		seen[f.Var] = true
		for _, v := range c.Children {
			switch v.Name {
			case Name{NSData, "value"}:
				f.Values = append(f.Values, v.Content())
			case Name{NSData, "required"}:
				f.Required = true
			case Name{NSData, "option"}:
				f.Options = append(f.Options, Option{v.Attr("label"), v.ContentOf(NSData, "value")})
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// Fill puts what a submission says into the form that was offered, and checks it by the types of the offered fields. Fields that were not offered are
// ignored (XEP-0004 §3.1), those left out keep what was offered (§3.5), hidden ones always do. The error is an *Error, bad-request, whose text
// names the field.
func (f Form) Fill(submitted Form) (Form, error) {
	if submitted.Type != FormSubmit {
		return Form{}, ErrBadRequest.With("This form is not a submission.")
	}
	if about := submitted.About(); about != "" && about != f.About() {
		return Form{}, ErrBadRequest.With("This form is about something else.")
	}
	out := f
	out.Fields = slices.Clone(f.Fields)
	for i := range out.Fields {
		field := &out.Fields[i]
		if field.Type == FieldHidden || field.Type == FieldFixed {
			continue
		}
		if s, ok := submitted.Field(field.Var); ok {
			field.Values = s.Values
		}
		if why := field.check(); why != "" {
			return Form{}, ErrBadRequest.With("The field '" + field.name() + "' " + why)
		}
	}
	return out, nil
}

func (f *Field) name() string {
	if f.Label != "" {
		return f.Label
	}
	return f.Var
}

// check says what is wrong with the values, and brings them into their normal form.
func (f *Field) check() string {
	if f.Type != FieldTextMulti {
		f.Values = slices.DeleteFunc(slices.Clone(f.Values), func(v string) bool { return v == "" }) // §3.6
	}
	if len(f.Values) == 0 {
		if f.Required {
			return "must be filled in."
		}
		return ""
	}
	switch f.Type {
	case FieldBoolean:
		if _, ok := f.Bool(); !ok {
			return "is neither true nor false."
		}
	case FieldListMulti, FieldListSingle:
		if !f.offered() {
			return "has a value that is not among those offered."
		}
	case FieldJIDMulti, FieldJIDSingle:
		if !f.normalise() {
			return "holds an address that is none."
		}
	}
	if len(f.Values) > 1 && !many[f.Type] {
		return "takes one value only."
	}
	return ""
}

var many = map[string]bool{FieldJIDMulti: true, FieldListMulti: true, FieldTextMulti: true}

// offered tells whether every value is one of the options.
func (f *Field) offered() bool {
	for _, v := range f.Values {
		if !slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == v }) {
			return false
		}
	}
	return true
}

// normalise brings addresses into their normal form and drops repeated ones (XEP-0004 §3.3). It tells whether all are addresses.
func (f *Field) normalise() bool {
	var out []string
	for _, v := range f.Values {
		j, err := ParseJID(strings.TrimSpace(v))
		if err != nil {
			return false
		}
		if !slices.Contains(out, j.String()) {
			out = append(out, j.String())
		}
	}
	f.Values = out
	return true
}
