package xmpp

// Kind is one of the three kinds of stanza (RFC 6120 §8.2).
type Kind uint8

// The kinds of stanza.
const (
	Message Kind = iota
	Presence
	IQ
)

var kindNames = [...]string{"message", "presence", "iq"}

func (k Kind) String() string { return kindNames[k] }

// Values of the type attribute. A message without one is of type normal (RFC 6121 §5.2.2): Stanza.Type is then empty.
const (
	TypeError        = "error"
	TypeGet          = "get"
	TypeSet          = "set"
	TypeResult       = "result"
	TypeChat         = "chat"
	TypeGroupchat    = "groupchat"
	TypeHeadline     = "headline"
	TypeNormal       = "normal"
	TypeUnavailable  = "unavailable"
	TypeSubscribe    = "subscribe"
	TypeSubscribed   = "subscribed"
	TypeUnsubscribe  = "unsubscribe"
	TypeUnsubscribed = "unsubscribed"
	TypeProbe        = "probe"
)

// A Stanza is a message, a presence or an IQ. It is immutable and shared between recipients; to change one, copy the struct.
//
// The strings of one that was received are parts of the bytes that it came in, and hold them: what is kept for longer
// than the stanza is cloned first. Addresses and decoded elements have memory of their own.
type Stanza struct {
	Kind     Kind
	Type     string  // the type attribute as it came, or empty
	ID       string  // the id attribute, or empty
	Lang     string  // xml:lang, or empty
	From, To JID     // zero where absent
	Children []Child // the direct child elements, in their order
	Inner    string  // what stands between the start tag and the end tag, as it came, in the default namespace jabber:client
	Extra    string  // what else the start tag holds, as it is written: namespace declarations, foreign attributes; with a leading blank
}

// A Child is a direct child element of a stanza: its name, and where it stands in Inner.
type Child struct {
	Name       Name
	Start, End int
}

// Has tells whether the stanza has a direct child of this name.
func (s *Stanza) Has(space, local string) bool {
	for i := range s.Children {
		if n := &s.Children[i].Name; n.Local == local && n.Space == space {
			return true
		}
	}
	return false
}

// Child decodes the first direct child of this name; ok tells whether there is one.
func (s *Stanza) Child(space, local string) (e Element, ok bool) {
	for _, c := range s.Children {
		if c.Name.Local == local && c.Name.Space == space {
			return s.decode(c), true
		}
	}
	return Element{}, false
}

// First decodes the first child element, the payload of an IQ request; ok tells whether there is one.
func (s *Stanza) First() (e Element, ok bool) {
	if len(s.Children) == 0 {
		return Element{}, false
	}
	return s.decode(s.Children[0]), true
}

// RawChild is the bytes of a child as they came. They may use prefixes that Extra declares.
func (s *Stanza) RawChild(c Child) string { return s.Inner[c.Start:c.End] }

// Without gives a copy without the children for which cut says so; s itself if there are none.
func (s *Stanza) Without(cut func(Child) bool) *Stanza {
	n := 0
	for _, c := range s.Children {
		if cut(c) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	out := *s
	out.Children = make([]Child, 0, len(s.Children)-n)
	b := make([]byte, 0, len(s.Inner))
	last := 0
	for _, c := range s.Children {
		b = append(b, s.Inner[last:c.Start]...)
		last = c.End
		if !cut(c) {
			start := len(b)
			b = append(b, s.Inner[c.Start:c.End]...)
			out.Children = append(out.Children, Child{c.Name, start, len(b)})
		}
	}
	out.Inner = string(append(b, s.Inner[last:]...))
	return &out
}

// NewStanza makes a stanza of elements. The other fields are set by the caller before it is shared.
func NewStanza(kind Kind, typ string, children ...Element) *Stanza {
	s := &Stanza{Kind: kind, Type: typ}
	s.setInner(children)
	return s
}

// WithChildren gives a copy that has other content.
func (s *Stanza) WithChildren(children ...Element) *Stanza {
	out := *s
	out.Extra, out.Children, out.Inner = "", nil, ""
	out.setInner(children)
	return &out
}

// Plus gives a copy that has more children after those that it has.
func (s *Stanza) Plus(children ...Element) *Stanza {
	out := *s
	out.Children = append([]Child(nil), s.Children...)
	b := []byte(s.Inner)
	for _, e := range children {
		start := len(b)
		b = e.AppendXML(b, NSClient)
		if e.Name.Local != "" {
			out.Children = append(out.Children, Child{e.Name, start, len(b)})
		}
	}
	out.Inner = string(b)
	return &out
}

func (s *Stanza) setInner(children []Element) {
	var b []byte
	for _, e := range children {
		start := len(b)
		b = e.AppendXML(b, NSClient)
		if e.Name.Local != "" {
			s.Children = append(s.Children, Child{e.Name, start, len(b)})
		}
	}
	s.Inner = string(b)
}

// Addressed gives a copy with another recipient.
func (s *Stanza) Addressed(to JID) *Stanza {
	out := *s
	out.To = to
	return &out
}

// Result makes the answer to an IQ request (RFC 6120 §8.2.3). An empty payload makes an empty answer.
func (s *Stanza) Result(payload Element) *Stanza {
	out := &Stanza{Kind: IQ, Type: TypeResult, ID: s.ID, From: s.To, To: s.From}
	if !payload.IsZero() {
		out.setInner([]Element{payload})
	}
	return out
}

// ErrorReply makes the error that answers s (RFC 6120 §8.3.1). The caller sees to it that s is not an error itself.
func (s *Stanza) ErrorReply(e *Error) *Stanza {
	out := &Stanza{Kind: s.Kind, Type: TypeError, ID: s.ID, From: s.To, To: s.From}
	if e.Beside.IsZero() {
		out.setInner([]Element{e.Element()})
	} else {
		out.setInner([]Element{e.Beside, e.Element()})
	}
	return out
}

// IsRequest tells whether s is an IQ of type get or set.
func (s *Stanza) IsRequest() bool {
	return s.Kind == IQ && (s.Type == TypeGet || s.Type == TypeSet)
}

// AppendStart writes the start tag, addressed to the given recipient, without closing it: the caller adds '>' or '/>'.
func (s *Stanza) AppendStart(b []byte, to JID) []byte {
	b = append(b, '<')
	b = append(b, kindNames[s.Kind]...)
	if s.Type != "" {
		b = AppendAttr(b, "type", s.Type)
	}
	if s.ID != "" {
		b = AppendAttr(b, "id", s.ID)
	}
	if !to.IsZero() {
		b = AppendAttr(b, "to", to.s)
	}
	if !s.From.IsZero() {
		b = AppendAttr(b, "from", s.From.s)
	}
	if s.Lang != "" {
		b = AppendAttr(b, "xml:lang", s.Lang)
	}
	return append(b, s.Extra...)
}

// AppendXML writes the whole stanza for a recipient, followed inside by tail, which is XML of the server's own.
func (s *Stanza) AppendXML(b []byte, to JID, tail string) []byte {
	b = s.AppendStart(b, to)
	if s.Inner == "" && tail == "" {
		return append(b, '/', '>')
	}
	b = append(b, '>')
	b = append(b, s.Inner...)
	b = append(b, tail...)
	b = append(b, '<', '/')
	b = append(b, kindNames[s.Kind]...)
	return append(b, '>')
}

// String is the stanza as it goes on the wire.
func (s *Stanza) String() string { return string(s.AppendXML(nil, s.To, "")) }
