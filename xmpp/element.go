package xmpp

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Name is an expanded XML name.
type Name struct{ Space, Local string }

// An Attr is an attribute. Space is empty for all but xml:lang and the few qualified ones.
type Attr struct {
	Name  Name
	Value string
}

// An Element is a piece of XML as a tree. One without a name is character data, or, when made by Raw,
// a fragment that is written as it stands.
type Element struct {
	Name     Name
	Attrs    []Attr
	Children []Element
	text     string
	raw      bool
}

// New makes an element.
func New(space, local string, children ...Element) Element {
	return Element{Name: Name{space, local}, Children: children}
}

// Text makes character data; it is escaped when written.
func Text(s string) Element { return Element{text: s} }

// Raw makes a fragment that is written as it stands. It must be well-formed and must declare the namespaces that it uses.
func Raw(xml string) Element { return Element{text: xml, raw: true} }

// With gives a copy that has one attribute more. An empty value adds nothing.
func (e Element) With(local, value string) Element {
	if value == "" {
		return e
	}
	e.Attrs = append(e.Attrs[:len(e.Attrs):len(e.Attrs)], Attr{Name: Name{Local: local}, Value: value})
	return e
}

// Add gives a copy that has more children.
func (e Element) Add(children ...Element) Element {
	e.Children = append(e.Children[:len(e.Children):len(e.Children)], children...)
	return e
}

// IsZero tells whether e is nothing: no element, no text.
func (e Element) IsZero() bool { return e.Name.Local == "" && e.text == "" }

// IsText tells whether e is character data.
func (e Element) IsText() bool { return e.Name.Local == "" && !e.raw }

// Is tells whether e has this name.
func (e Element) Is(space, local string) bool { return e.Name.Local == local && e.Name.Space == space }

// Attr is the value of an unqualified attribute, or empty.
func (e Element) Attr(local string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == local && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// HasAttr tells whether an unqualified attribute is there, if only as an empty one.
func (e Element) HasAttr(local string) bool {
	for _, a := range e.Attrs {
		if a.Name.Local == local && a.Name.Space == "" {
			return true
		}
	}
	return false
}

// Child is the first child element of this name; ok tells whether there is one.
func (e Element) Child(space, local string) (child Element, ok bool) {
	for _, c := range e.Children {
		if c.Is(space, local) {
			return c, true
		}
	}
	return Element{}, false
}

// Elements lists the child elements, without the character data between them.
func (e Element) Elements() []Element {
	var out []Element
	for _, c := range e.Children {
		if c.Name.Local != "" {
			out = append(out, c)
		}
	}
	return out
}

// Content is the character data directly inside e; for character data itself, its text.
func (e Element) Content() string {
	if e.Name.Local == "" {
		return e.text
	}
	if len(e.Children) == 1 && e.Children[0].IsText() {
		return e.Children[0].text
	}
	var b strings.Builder
	for _, c := range e.Children {
		if c.IsText() {
			b.WriteString(c.text)
		}
	}
	return b.String()
}

// ContentOf is the character data of the first child of this name, or empty.
func (e Element) ContentOf(space, local string) string {
	c, _ := e.Child(space, local)
	return c.Content()
}

// AppendXML writes e, in a place where space is the default namespace.
func (e Element) AppendXML(b []byte, space string) []byte {
	if e.Name.Local == "" {
		if e.raw {
			return append(b, e.text...)
		}
		return AppendText(b, e.text)
	}
	b = append(b, '<')
	b = append(b, e.Name.Local...)
	if e.Name.Space != space {
		b = AppendAttr(b, "xmlns", e.Name.Space)
	}
	for i, a := range e.Attrs {
		b = appendQualified(b, a, i)
	}
	if len(e.Children) == 0 {
		return append(b, '/', '>')
	}
	b = append(b, '>')
	for _, c := range e.Children {
		b = c.AppendXML(b, e.Name.Space)
	}
	b = append(b, '<', '/')
	b = append(b, e.Name.Local...)
	return append(b, '>')
}

// String is e as XML that declares its own namespace.
func (e Element) String() string { return string(e.AppendXML(nil, "")) }

// appendQualified writes an attribute; a namespace other than XML's own gets a prefix made of its place.
func appendQualified(b []byte, a Attr, place int) []byte {
	switch a.Name.Space {
	case "":
		return AppendAttr(b, a.Name.Local, a.Value)
	case NSXML:
		return AppendAttr(b, "xml:"+a.Name.Local, a.Value)
	}
	prefix := "a" + strconv.Itoa(place)
	b = AppendAttr(b, "xmlns:"+prefix, a.Name.Space)
	return AppendAttr(b, prefix+":"+a.Name.Local, a.Value)
}

// AppendAttr writes ` name='value'`, escaped.
func AppendAttr(b []byte, name, value string) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, '=', '\'')
	b = appendEscaped(b, value, true)
	return append(b, '\'')
}

// AppendText writes character data, escaped.
func AppendText(b []byte, s string) []byte { return appendEscaped(b, s, false) }

// appendEscaped writes what XML cannot hold (XML 1.0 §2.2) as U+FFFD: not every text that we send came as XML.
func appendEscaped(b []byte, s string, attr bool) []byte {
	last := 0
	for i := 0; i < len(s); i++ {
		var esc string
		n := 1
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			var r rune
			if r, n = utf8.DecodeRuneInString(s[i:]); n > 1 && allowedRune(r) {
				i += n - 1
				continue
			}
			esc = "\uFFFD"
		case escapes[c] == "", !attr && textOnly[c]:
			continue
		default:
			esc = escapes[c]
		}
		b = append(b, s[last:i]...)
		b = append(b, esc...)
		i += n - 1
		last = i + 1
	}
	return append(b, s[last:]...)
}

// escapes says how an ASCII character is written in an attribute's value. White space would be normalised to blanks by
// the reader (XML 1.0 §3.3.3), and a carriage return to a line feed everywhere (§2.11).
var escapes = func() (t [utf8.RuneSelf]string) {
	for c := range ' ' {
		t[c] = "\uFFFD"
	}
	t['&'], t['<'], t['>'], t['\''], t['"'] = "&amp;", "&lt;", "&gt;", "&apos;", "&quot;"
	t['\t'], t['\n'], t['\r'] = "&#x9;", "&#xA;", "&#xD;"
	return t
}()

// textOnly has what character data may hold as it is, though an attribute's value may not.
var textOnly = [utf8.RuneSelf]bool{'\t': true, '\n': true, '\'': true, '"': true}
