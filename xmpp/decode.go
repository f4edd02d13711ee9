package xmpp

import "errors"

// maxTree is the deepest nesting that Parse accepts. The stream layer refuses less (see package stream).
const maxTree = 128

// ErrXML says that a text is not one well-formed element.
var ErrXML = errors.New("xmpp: malformed XML")

// Parse reads one element of well-formed XML, in a place where space is the default namespace. The error is ErrXML.
// Comments and processing instructions are errors, as they are in a stream (RFC 6120 §11.1).
//
// The element has memory of its own: to keep a part of it is not to keep all the bytes that it was read from.
func Parse(raw, space string) (Element, error) { return ParseIn(raw, space, "") }

// ParseIn is Parse in a place where decls are in force besides: declarations of prefixes as they are written,
// each after a blank.
func ParseIn(raw, space, decls string) (Element, error) {
	p := parser{scope: make([]binding, 0, 8)}
	p.scope = append(p.scope, binding{"xml", NSXML}, binding{"", space})
	p.read(decls)
	if _, err := p.attributes(); err != nil || p.at < len(p.in) {
		return Element{}, ErrXML
	}
	p.read(raw)
	p.blanks()
	e, err := p.element(0)
	if err != nil {
		return Element{}, err
	}
	if p.blanks(); p.at < len(raw) {
		return Element{}, ErrXML
	}
	return e, nil
}

// decode reads a child in the scope of its stanza. What the scanner let through always parses.
func (s *Stanza) decode(c Child) Element {
	e, err := ParseIn(s.Inner[c.Start:c.End], NSClient, s.Extra)
	if err != nil {
		return Element{Name: c.Name}
	}
	return e
}
