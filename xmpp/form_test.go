package xmpp

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func mustParse(t *testing.T, raw string) Element {
	t.Helper()
	e, err := Parse(raw, NSData)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFormRoundTrip(t *testing.T) {
	t.Parallel()
	f := NewForm(FormForm, "urn:x", Field{Var: "name", Type: FieldTextSingle, Label: "Your <name>", Desc: "As you like", Required: true},
		Field{Var: "colour", Type: FieldListSingle, Values: []string{"r"}, Options: []Option{{"Red", "r"}, {"", "g"}}},
		Field{Type: FieldFixed, Values: []string{"A heading"}}, Field{Type: FieldFixed, Values: []string{"Another"}})
	f.Title, f.Instructions = "A & B", "Fill in.\nThen send."
	f.Reported, f.Items = []Field{{Var: "a", Label: "A"}}, [][]Field{{{Var: "a", Values: []string{"1", "2"}}}, {{Var: "a"}}}
	got, err := ParseForm(mustParse(t, f.Element().String()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, f) {
		t.Errorf("got  %+v\nwant %+v", got, f)
	}
	if got.About() != "urn:x" {
		t.Errorf("About is %q", got.About())
	}
}

func TestParseFormRefuses(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"no form":            `<y type='submit'/>`,
		"no type":            `<x/>`,
		"another type":       `<x type='error'/>`,
		"no name":            `<x type='submit'><field><value>1</value></field></x>`,
		"twice":              `<x type='submit'><field var='a'><value>1</value></field><field var='a'><value>2</value></field></x>`,
		"FORM_TYPE twice":    `<x type='submit'><field var='FORM_TYPE'><value>a</value></field><field var='FORM_TYPE'><value>b</value></field></x>`,
		"twice in a row":     `<x type='result'><item><field var='a'/><field var='a'/></item></x>`,
		"no name in reports": `<x type='result'><reported><field/></reported></x>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if f, err := ParseForm(mustParse(t, raw)); !isBadRequest(err) {
				t.Errorf("got %+v, %v", f, err)
			}
		})
	}
}

func isBadRequest(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Condition == ErrBadRequest.Condition
}

func TestFormAbout(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`<x type='submit'><field var='FORM_TYPE'><value>a</value></field></x>`:                               "a",
		`<x type='submit'><field var='FORM_TYPE' type='hidden'><value>a</value></field></x>`:                 "a",
		`<x type='submit'><field var='FORM_TYPE' type='text-single'><value>a</value></field></x>`:            "",
		`<x type='result'><field var='FORM_TYPE'><value>a</value></field></x>`:                               "",
		`<x type='result'><field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field></x>`: "",
		`<x type='submit'/>`: "",
	} {
		f, err := ParseForm(mustParse(t, raw))
		if err != nil || f.About() != want {
			t.Errorf("%s: %q, %v", raw, f.About(), err)
		}
	}
}

var offered = NewForm(FormForm, "urn:x",
	Field{Var: "name", Type: FieldTextSingle, Required: true},
	Field{Var: "on", Type: FieldBoolean, Values: []string{"0"}, Label: "Turned on"},
	Field{Var: "who", Type: FieldJIDSingle},
	Field{Var: "all", Type: FieldJIDMulti},
	Field{Var: "one", Type: FieldListSingle, Options: []Option{{"", "a"}, {"", "b"}}, Values: []string{"a"}},
	Field{Var: "some", Type: FieldListMulti, Options: []Option{{"", "a"}, {"", "b"}}},
	Field{Var: "text", Type: FieldTextMulti},
	Field{Var: "secret", Type: FieldHidden, Values: []string{"ours"}},
	Field{Var: "untyped"},
)

func TestFill(t *testing.T) {
	t.Parallel()
	sub, err := ParseForm(mustParse(t, `<x type='submit'><field var='FORM_TYPE'><value>urn:x</value></field><field var='name'><value>n</value></field>
		<field var='all'><value>ROMEO@example.org</value><value>romeo@EXAMPLE.org</value><value/></field><field var='some'><value>b</value></field>
		<field var='text'><value>1</value><value/><value>3</value></field><field var='secret'><value>theirs</value></field>
		<field var='else'><value>ignored</value></field><field var='one'><value/></field></x>`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := offered.Fill(sub)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"name": {"n"}, "on": {"0"}, "who": nil, "all": {"romeo@example.org"}, "one": {}, "some": {"b"}, "text": {"1", "", "3"}, "secret": {"ours"}, "else": nil,
	} {
		if v := got.Values(name); strings.Join(v, "|") != strings.Join(want, "|") || len(v) != len(want) {
			t.Errorf("%s is %q", name, v)
		}
	}
	if text, _ := got.Field("text"); text.Text() != "1\n\n3" {
		t.Errorf("the text is %q", text.Text())
	}
	if offered.Value("one") != "a" || offered.Value("name") != "" {
		t.Error("the offered form has changed")
	}
}

func TestFillRefuses(t *testing.T) {
	t.Parallel()
	name := `<field var='name'><value>n</value></field>`
	for what, raw := range map[string]string{
		"'name' must be filled in":  `<x type='submit'/>`,
		"'name' takes one":          `<x type='submit'><field var='name'><value>a</value><value>b</value></field></x>`,
		"'Turned on' is neither":    `<x type='submit'>` + name + `<field var='on'><value>yes</value></field></x>`,
		"'who' holds an address":    `<x type='submit'>` + name + `<field var='who'><value>@</value></field></x>`,
		"'all' holds an address":    `<x type='submit'>` + name + `<field var='all'><value>a@b</value><value>a@@b</value></field></x>`,
		"'one' has a value":         `<x type='submit'>` + name + `<field var='one'><value>c</value></field></x>`,
		"'some' has a value":        `<x type='submit'>` + name + `<field var='some'><value>a</value><value>c</value></field></x>`,
		"'untyped' takes one":       `<x type='submit'>` + name + `<field var='untyped'><value>a</value><value>c</value></field></x>`,
		"about something else":      `<x type='submit'>` + name + `<field var='FORM_TYPE'><value>urn:y</value></field></x>`,
		"This form is not a submis": `<x type='result'>` + name + `</x>`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			sub, err := ParseForm(mustParse(t, raw))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := offered.Fill(sub); !isBadRequest(err) || !strings.Contains(err.Error(), what) {
				t.Errorf("got %v", err)
			}
		})
	}
}
