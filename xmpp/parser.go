package xmpp

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A parser reads elements from XML that is well-formed already. It checks what it needs to be sure of the tree:
// tags, prefixes, references, characters; not whether names are names or an attribute is there twice.
type parser struct {
	in    string
	at    int
	scope []binding // declarations in force, innermost last
	own   bool      // in is memory of our own: its parts can be kept as they are
}

type binding struct{ prefix, space string }

// Up to this size, all parts of an element share one piece of memory.
const sharedXML = 1 << 10

// read begins with another text.
func (p *parser) read(in string) {
	p.in, p.at, p.own = in, 0, len(in) <= sharedXML
	if p.own {
		p.in = strings.Clone(in)
	}
}

// keep gives a part of the text in memory of its own.
func (p *parser) keep(part string) string {
	if p.own {
		return part
	}
	return strings.Clone(part)
}

// element reads the element that begins here.
func (p *parser) element(depth int) (e Element, err error) {
	if depth > maxTree || !p.skip("<") {
		return e, ErrXML
	}
	outside := len(p.scope)
	tag, prefix, local := p.name()
	if local == "" {
		return e, ErrXML
	}
	if e.Attrs, err = p.attributes(); err != nil {
		return e, err
	}
	space, ok := p.resolve(prefix)
	if !ok {
		return e, ErrXML
	}
	e.Name = Name{space, p.keep(local)}
	switch {
	case p.skip("/>"):
	case p.skip(">"):
		if e.Children, err = p.content(depth); err != nil {
			return e, err
		}
		if !p.skip(tag) {
			return e, ErrXML
		}
		if p.blanks(); !p.skip(">") {
			return e, ErrXML
		}
	default:
		return e, ErrXML
	}
	p.scope = p.scope[:outside]
	return e, nil
}

// content reads up to the end tag, and over its "</".
func (p *parser) content(depth int) (out []Element, err error) {
	for {
		text, err := p.text()
		if err != nil {
			return nil, err
		}
		if text != "" {
			out = append(out, Text(text))
		}
		if p.skip("</") {
			return out, nil
		}
		e, err := p.element(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
}

// text reads character data and CDATA sections up to the next tag.
func (p *parser) text() (string, error) {
	text, err := p.plain()
	if err != nil || !p.cdataFollows() {
		return text, err
	}
	b := []byte(text)
	for p.skip(cdata) {
		n := strings.Index(p.in[p.at:], "]]>")
		if n < 0 || !allowed(p.in[p.at:p.at+n]) {
			return "", ErrXML
		}
		b = appendLines(b, p.in[p.at:p.at+n])
		p.at += n + len("]]>")
		if text, err = p.plain(); err != nil {
			return "", err
		}
		b = append(b, text...)
	}
	return string(b), nil
}

const cdata = "<![CDATA["

func (p *parser) cdataFollows() bool { return strings.HasPrefix(p.in[p.at:], cdata) }

// plain reads character data up to the next '<'.
func (p *parser) plain() (string, error) {
	n := strings.IndexByte(p.in[p.at:], '<')
	if n < 0 {
		return "", ErrXML
	}
	piece := p.in[p.at : p.at+n]
	p.at += n
	text, ok := p.unescape(piece, false)
	if !ok || strings.Contains(piece, "]]>") {
		return "", ErrXML
	}
	return text, nil
}

// attributes reads what is left of a start tag up to its '>' or '/>'. Declarations go into scope.
func (p *parser) attributes() ([]Attr, error) {
	var out []Attr
	for {
		before := p.at
		if p.blanks(); p.at == len(p.in) || p.in[p.at] == '>' || p.in[p.at] == '/' {
			break
		}
		gap := p.at > before
		_, prefix, local := p.name()
		if !gap || local == "" {
			return nil, ErrXML
		}
		value, err := p.value()
		switch {
		case err != nil:
			return nil, err
		case prefix == "xmlns":
			p.scope = append(p.scope, binding{local, value})
		case prefix == "" && local == "xmlns":
			p.scope = append(p.scope, binding{"", value})
		default:
			out = append(out, Attr{Name{prefix, p.keep(local)}, value})
		}
	}
	for i := range out {
		if space := &out[i].Name.Space; *space != "" {
			var ok bool
			if *space, ok = p.resolve(*space); !ok {
				return nil, ErrXML
			}
		}
	}
	return out, nil
}

// value reads ='value'.
func (p *parser) value() (string, error) {
	p.blanks()
	if !p.skip("=") {
		return "", ErrXML
	}
	p.blanks()
	if p.at == len(p.in) || p.in[p.at] != '\'' && p.in[p.at] != '"' {
		return "", ErrXML
	}
	n := strings.IndexByte(p.in[p.at+1:], p.in[p.at])
	if n < 0 {
		return "", ErrXML
	}
	raw := p.in[p.at+1 : p.at+1+n]
	p.at += n + 2
	value, ok := p.unescape(raw, true)
	if !ok || strings.IndexByte(raw, '<') >= 0 {
		return "", ErrXML
	}
	return value, nil
}

// name reads a qualified name; local is empty if there is none.
func (p *parser) name() (whole, prefix, local string) {
	from, colon := p.at, 0
loop:
	for ; p.at < len(p.in); p.at++ {
		switch p.in[p.at] {
		case ' ', '\t', '\r', '\n', '/', '>', '=', '<', '\'', '"', '&':
			break loop
		case ':':
			if colon != 0 || p.at == from {
				return "", "", ""
			}
			colon = p.at
		}
	}
	whole = p.in[from:p.at]
	if colon == 0 {
		return whole, "", whole
	}
	return whole, p.in[from:colon], p.in[colon+1 : p.at]
}

func (p *parser) resolve(prefix string) (space string, ok bool) {
	for i := len(p.scope) - 1; i >= 0; i-- {
		if p.scope[i].prefix == prefix {
			return p.scope[i].space, true
		}
	}
	return "", false
}

func (p *parser) skip(s string) bool {
	if !strings.HasPrefix(p.in[p.at:], s) {
		return false
	}
	p.at += len(s)
	return true
}

func (p *parser) blanks() {
	for p.at < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.at]) >= 0 {
		p.at++
	}
}

// unescape gives what a piece of text or an attribute's value stands for: references are resolved, line ends made
// one (XML 1.0 §2.11), and in a value all white space is blanks (§3.3.3).
func (p *parser) unescape(s string, attr bool) (out string, ok bool) {
	special := "&\r"
	if attr {
		special = "&\r\t\n"
	}
	switch {
	case !allowed(s):
		return "", false
	case !strings.ContainsAny(s, special):
		return p.keep(s), true
	}
	b := make([]byte, 0, len(s))
	for {
		piece, rest, more := strings.Cut(s, "&")
		from := len(b)
		b = appendLines(b, piece)
		for i := from; attr && i < len(b); i++ {
			if b[i] == '\t' || b[i] == '\n' {
				b[i] = ' '
			}
		}
		if !more {
			return string(b), true
		}
		ref, rest, ok := strings.Cut(rest, ";")
		if !ok {
			return "", false
		}
		r, ok := character(ref)
		if !ok {
			return "", false
		}
		b = utf8.AppendRune(b, r)
		s = rest
	}
}

// appendLines adds text with its line ends made one.
func appendLines(b []byte, s string) []byte {
	for {
		n := strings.IndexByte(s, '\r')
		if n < 0 {
			return append(b, s...)
		}
		b = append(append(b, s[:n]...), '\n')
		s = strings.TrimPrefix(s[n+1:], "\n")
	}
}

var entities = map[string]rune{"lt": '<', "gt": '>', "amp": '&', "apos": '\'', "quot": '"'}

// character is what a reference stands for, given what is between '&' and ';'.
func character(ref string) (rune, bool) {
	digits, ok := strings.CutPrefix(ref, "#")
	if !ok {
		r, ok := entities[ref]
		return r, ok
	}
	base := 10
	if rest, ok := strings.CutPrefix(digits, "x"); ok {
		base, digits = 16, rest
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) || !allowedRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// allowed tells whether XML may hold these characters (XML 1.0 §2.2).
func allowed(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 {
			ascii = false
		} else if c < 0x20 && !allowedRune(rune(c)) {
			return false
		}
	}
	return ascii || utf8.ValidString(s) && !strings.ContainsAny(s, "\ufffe\uffff")
}

func allowedRune(r rune) bool {
	return r >= 0x20 && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n' || r == '\r'
}
