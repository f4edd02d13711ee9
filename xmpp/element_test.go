package xmpp

import (
	"encoding/xml"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hostile texts are what someone may try to break out of a value with (X3).
var hostile = []string{
	"", " ", "'", `"`, "<", ">", "&", "&amp;", "]]>", "<!--", "'/><message/>", `" onload="`, "\t\n\r", "\x00", "\x1f", "\x7f", "\xff", "\xed\xa0\x80",
	"\ufffe\uffff", "\ufffd", "\U0001F600", "</body>", "<![CDATA[", "&#0;", "\u2028", "a'b\"c",
}

// xmlText is what must arrive of a text: what XML cannot hold becomes U+FFFD.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if !allowedRune(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	for _, s := range hostile {
		e := New("urn:"+s, "a", New("urn:b", "b", Text(s))).With("v", s)
		e.Attrs = append(e.Attrs, Attr{Name{"urn:" + s, "q"}, s}, Attr{Name{NSXML, "lang"}, s})
		d := xml.NewDecoder(strings.NewReader(e.String()))
		elements := 0
		for {
			tok, err := d.Token()
			if tok == nil {
				break
			}
			if err != nil {
				t.Fatalf("%q: %s: %v", s, e, err)
			}
			if _, ok := tok.(xml.StartElement); ok {
				elements++
			}
		}
		got, err := Parse(e.String(), "")
		if err != nil || elements != 2 {
			t.Fatalf("%q: %s has %d elements, error %v", s, e, elements, err)
		}
		if s != "" && got.Attr("v") != xmlText(s) || got.ContentOf("urn:b", "b") != xmlText(s) || got.Name.Space != "urn:"+xmlText(s) {
			t.Errorf("%q: %s reads as %#v", s, e, got)
		}
	}
}

func TestElementsReadBackAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	local := rapid.StringMatching(`[a-zé_][a-z0-9é._-]{0,5}`)
	space := rapid.SampledFrom([]string{"", NSClient, "urn:a", "urn:b?c&d='e'", NSStreams})
	text := rapid.OneOf(rapid.SampledFrom(hostile), rapid.String()).Filter(func(s string) bool { return xmlText(s) == s })
	var element func(depth int) *rapid.Generator[Element]
	element = func(depth int) *rapid.Generator[Element] {
		return rapid.Custom(func(t *rapid.T) Element {
			e := New(space.Draw(t, "space"), local.Draw(t, "local"))
			seen := map[Name]bool{}
			for range rapid.IntRange(0, 4).Draw(t, "attrs") {
				a := Attr{Name{space.Draw(t, "space"), local.Draw(t, "local")}, text.Draw(t, "value")}
				if !seen[a.Name] {
					e.Attrs = append(e.Attrs, a)
				}
				seen[a.Name] = true
			}
			for range rapid.IntRange(0, 3).Draw(t, "children") {
				if depth == 0 || rapid.Bool().Draw(t, "text?") {
					e.Children = append(e.Children, Text(text.Draw(t, "text")))
				} else {
					e.Children = append(e.Children, element(depth-1).Draw(t, "child"))
				}
			}
			return e
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		e := element(3).Draw(t, "element")
		in := space.Draw(t, "place")
		got, err := Parse(string(e.AppendXML(nil, in)), in)
		if err != nil || !reflect.DeepEqual(joined(got), joined(e)) {
			t.Fatalf("%s reads as %s, error %v", e, got, err)
		}
	})
}

// joined joins text that stands together.
func joined(e Element) Element {
	var out []Element
	for _, c := range e.Children {
		switch n := len(out); {
		case !c.IsText():
			out = append(out, joined(c))
		case c.text == "":
		case n > 0 && out[n-1].IsText():
			out[n-1].text += c.text
		default:
			out = append(out, c)
		}
	}
	e.Children = out
	return e
}

func TestElementsAreNotChangedByTheirCopies(t *testing.T) {
	t.Parallel()
	e := New("urn:a", "a", Text("1")).With("x", "1")
	before := e.String()
	one, two := e.With("y", "2").Add(Text("2")), e.With("z", "3").Add(New("urn:a", "b"))
	if e.String() != before {
		t.Errorf("%s became %s", before, e)
	}
	if got := one.String(); got != `<a xmlns='urn:a' x='1' y='2'>12</a>` {
		t.Errorf("the first copy is %s", got)
	}
	if got := two.String(); got != `<a xmlns='urn:a' x='1' z='3'>1<b/></a>` {
		t.Errorf("the second copy is %s", got)
	}
	if e.With("y", "").HasAttr("y") {
		t.Error("an empty value was added")
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	s := NewStanza(Message, TypeChat,
		New(NSClient, "body", Text("a")), New("urn:a", "x", New("urn:a", "body")), New(NSClient, "body", Text("b")), New("urn:b", "x"))
	s.Inner = " " + s.Inner + " "
	for i := range s.Children {
		s.Children[i].Start++
		s.Children[i].End++
	}
	before := s.String()
	for cut, want := range map[string]string{
		"":       ` <body>a</body><x xmlns='urn:a'><body/></x><body>b</body><x xmlns='urn:b'/> `,
		"urn:a":  ` <body>a</body><body>b</body><x xmlns='urn:b'/> `,
		"urn:b":  ` <body>a</body><x xmlns='urn:a'><body/></x><body>b</body> `,
		NSClient: ` <x xmlns='urn:a'><body/></x><x xmlns='urn:b'/> `,
	} {
		got := s.Without(func(c Child) bool { return c.Name.Space == cut })
		if got.Inner != want {
			t.Errorf("without %s: %q, want %q", cut, got.Inner, want)
		}
		if (cut == "") != (got == s) {
			t.Errorf("without %s: copied in vain, or not copied", cut)
		}
		for _, c := range got.Children {
			e, err := Parse(got.RawChild(c), NSClient)
			if err != nil || e.Name != c.Name {
				t.Errorf("without %s: child %v is %q", cut, c, got.RawChild(c))
			}
		}
	}
	if got := s.Without(func(Child) bool { return true }); got.Inner != "  " || len(got.Children) != 0 {
		t.Errorf("without all: %q", got.Inner)
	}
	if s.String() != before {
		t.Errorf("the stanza became %s", s)
	}
}

func TestPlus(t *testing.T) {
	t.Parallel()
	s := NewStanza(Message, "", New(NSClient, "body"))
	got := s.Plus(New("urn:a", "x", Text("1")), Text(" "), Raw("<y xmlns='urn:y'/>"), New(NSClient, "z"))
	if want := `<message><body/><x xmlns='urn:a'>1</x> <y xmlns='urn:y'/><z/></message>`; got.String() != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(got.Children) != 3 || got.RawChild(got.Children[1]) != `<x xmlns='urn:a'>1</x>` || got.RawChild(got.Children[2]) != `<z/>` {
		t.Errorf("children %+v", got.Children)
	}
	if len(s.Children) != 1 || s.String() != `<message><body/></message>` {
		t.Errorf("the stanza became %s", s)
	}
}
