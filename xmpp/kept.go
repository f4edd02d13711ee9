package xmpp

import "fmt"

// ParseStanza reads a stanza that String has written, from a place where it was kept. What was declared on its start tag is
// declared where it is used.
func ParseStanza(raw string) (*Stanza, error) {
	e, err := Parse(raw, NSClient)
	if err != nil {
		return nil, err
	}
	s := &Stanza{}
	for k, name := range kindNames {
		if e.Is(NSClient, name) {
			s.Kind = Kind(k)
			s.setInner(e.Children)
			return s, s.setAttrs(e.Attrs)
		}
	}
	return nil, fmt.Errorf("xmpp: parse: %s is no stanza", e.Name.Local)
}

func (s *Stanza) setAttrs(attrs []Attr) error {
	var extra []byte
	for i, a := range attrs {
		var err error
		switch a.Name {
		case Name{Local: "type"}:
			s.Type = a.Value
		case Name{Local: "id"}:
			s.ID = a.Value
		case Name{NSXML, "lang"}:
			s.Lang = a.Value
		case Name{Local: "from"}:
			s.From, err = ParseJID(a.Value)
		case Name{Local: "to"}:
			s.To, err = ParseJID(a.Value)
		default:
			extra = appendQualified(extra, a, i)
		}
		if err != nil {
			return fmt.Errorf("xmpp: parse: %s: %w", a.Name.Local, err)
		}
	}
	s.Extra = string(extra)
	return nil
}
