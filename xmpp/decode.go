package xmpp

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxTree is the deepest nesting that Parse accepts. The stream layer refuses less (see package stream).
const maxTree = 128

// Parse reads one element of well-formed XML, in a place where space is the default namespace.
// Comments and processing instructions are errors, as they are in a stream (RFC 6120 §11.1).
func Parse(raw, space string) (Element, error) { return ParseIn(raw, space, "") }

// ParseIn is Parse in a place where decls are in force besides: declarations of prefixes as they are written,
// each after a blank.
func ParseIn(raw, space, decls string) (Element, error) {
	b := AppendAttr([]byte("<p"), "xmlns", space)
	b = append(append(append(b, decls...), '>'), raw...)
	return parse(string(append(b, "</p>"...)))
}

// decode reads a child in the scope of its stanza. What the scanner let through always parses.
func (s *Stanza) decode(c Child) Element {
	e, err := ParseIn(s.Inner[c.Start:c.End], NSClient, s.Extra)
	if err != nil {
		return Element{Name: c.Name}
	}
	return e
}

func parse(wrapped string) (Element, error) {
	d := xml.NewDecoder(strings.NewReader(wrapped))
	if _, err := d.Token(); err != nil {
		return Element{}, fmt.Errorf("xmpp: parse: %w", err)
	}
	outer := Element{}
	if err := children(d, &outer, 0); err != nil {
		return Element{}, fmt.Errorf("xmpp: parse: %w", err)
	}
	els := outer.Elements()
	if len(els) != 1 {
		return Element{}, fmt.Errorf("xmpp: parse: %d elements where one is expected", len(els))
	}
	return els[0], nil
}

func children(d *xml.Decoder, parent *Element, depth int) error {
	if depth > maxTree {
		return errors.New("nested too deeply")
	}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			e := Element{Name: Name{t.Name.Space, t.Name.Local}, Attrs: attrs(t.Attr)}
			if err := children(d, &e, depth+1); err != nil {
				return err
			}
			parent.Children = append(parent.Children, e)
		case xml.EndElement:
			return nil
		case xml.CharData:
			parent.Children = append(parent.Children, Text(string(t)))
		default:
			return errors.New("restricted XML")
		}
	}
}

// attrs drops namespace declarations: names are expanded already.
func attrs(in []xml.Attr) []Attr {
	var out []Attr
	for _, a := range in {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		space := a.Name.Space
		if space == "xml" {
			space = NSXML
		}
		out = append(out, Attr{Name{space, a.Name.Local}, a.Value})
	}
	return out
}
