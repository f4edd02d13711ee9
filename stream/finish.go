package stream

import (
	"strings"
	"unicode/utf8"

	"palabre/xmpp"
)

// finish makes the event of an element that is whole, and gives its work back.
func (s *Scanner) finish(b []byte) (ev Event) {
	ev.Kind = s.w.kind
	switch ev.Kind {
	case Opened:
		ev.Header = s.header(b)
	case Stanza:
		ev.Stanza, ev.BadTo, ev.BadFrom = s.stanza(string(b))
	case Nonza:
		ev.Nonza = s.nonza(string(b))
	}
	s.idle()
	return ev
}

// header keeps what the stream's start tag declares, for the stanzas to come, and tells what it says. All of it is in
// memory of its own, for it stays as long as the stream.
func (s *Scanner) header(b []byte) *Header {
	w := s.w
	raw := string(b)
	h := &Header{}
	s.root = []byte(raw[w.name.at:w.name.end])
	s.base = make([]decl, len(w.binds))
	for i, d := range w.binds {
		s.base[i] = decl{prefix: known(raw[d.prefix.at:d.prefix.end]), space: known(s.name(raw, d.ns)), content: d.ns == nsContent}
		if d.prefix == (span{}) && d.ns == nsContent {
			h.Space = s.content
		}
	}
	fields := map[string]*string{"to": &h.To, "from": &h.From, "id": &h.ID, "version": &h.Version, "xml:lang": &h.Lang}
	for i := range w.attrs {
		a := &w.attrs[i]
		if field := fields[raw[a.name.at:a.name.end]]; field != nil {
			*field = strings.Clone(a.text(raw))
		}
	}
	s.phase = inStream
	return h
}

// known gives a string in memory of its own, or a constant.
func known(s string) string {
	for _, c := range [...]string{"stream", xmpp.NSClient, xmpp.NSStream} {
		if s == c {
			return c
		}
	}
	return strings.Clone(s)
}

// family is a stanza with its children behind it, made in one piece.
type family struct {
	xmpp.Stanza
	children [4]xmpp.Child
}

// stanza makes the stanza. What it holds is part of raw, and keeps it; the addresses are not and do not.
func (s *Scanner) stanza(raw string) (st *xmpp.Stanza, badTo, badFrom bool) {
	w := s.w
	f := &family{}
	st = &f.Stanza
	st.Kind = w.stanza
	var foreign []byte
	for i := range w.top {
		a := &w.top[i]
		if a.decl {
			continue
		}
		switch raw[a.name.at:a.name.end] {
		case "type":
			st.Type = a.text(raw)
		case "id":
			st.ID = a.text(raw)
		case "to":
			st.To, badTo = s.lastTo.parse(a.text(raw))
		case "from":
			st.From, badFrom = s.lastFrom.parse(a.text(raw))
		case "xml:lang":
			st.Lang = a.text(raw)
		default:
			foreign = append(append(foreign, ' '), raw[a.name.at:a.value.end+1]...)
		}
	}
	if len(foreign) > 0 || w.used != 0 {
		st.Extra = string(append(s.declarations(raw), foreign...))
	}
	if st.Children = f.children[:0:len(f.children)]; len(w.kids) > len(f.children) {
		st.Children = make([]xmpp.Child, 0, len(w.kids))
	}
	for _, k := range w.kids {
		name := xmpp.Name{Space: s.name(raw, k.ns), Local: raw[k.local.at:k.local.end]}
		st.Children = append(st.Children, xmpp.Child{Name: name, Start: int(k.at.at) - w.inner, End: int(k.at.end) - w.inner})
	}
	st.Inner = raw[w.inner:w.last]
	if len(w.patches) > 0 {
		s.patch(st)
	}
	return st, badTo, badFrom
}

// declarations writes the prefixes that the stanza takes from outside of its content.
func (s *Scanner) declarations(raw string) (b []byte) {
	w := s.w
	for i, d := range s.base {
		if w.used>>i&1 != 0 && d.prefix != "" {
			b = xmpp.AppendAttr(b, "xmlns:"+d.prefix, d.space)
		}
	}
	for i, d := range w.binds[:w.outer] {
		if w.used>>(maxBinds+i)&1 != 0 && d.prefix != (span{}) {
			b = xmpp.AppendAttr(b, "xmlns:"+raw[d.prefix.at:d.prefix.end], s.name(raw, d.ns))
		}
	}
	return b
}

// patch rewrites the declarations of the content namespace inside of a stanza: what is jabber:server on the
// stream is jabber:client in the rest of the server.
func (s *Scanner) patch(st *xmpp.Stanza) {
	w := s.w
	st.Inner = s.splice(st.Inner, w.inner)
	shift, left := 0, w.patches
	moved := func(place int) int {
		for ; len(left) > 0 && int(left[0].at) < place+w.inner; left = left[1:] {
			shift += len(xmpp.NSClient) - int(left[0].end-left[0].at)
		}
		return place + shift
	}
	for i := range st.Children {
		c := &st.Children[i]
		c.Start, c.End = moved(c.Start), moved(c.End)
	}
}

// splice rewrites what patches tell in a piece of the element that begins at from.
func (s *Scanner) splice(piece string, from int) string {
	var b strings.Builder
	last := from
	for _, at := range s.w.patches {
		b.WriteString(piece[last-from : int(at.at)-from])
		b.WriteString(xmpp.NSClient)
		last = int(at.end)
	}
	b.WriteString(piece[last-from:])
	return b.String()
}

// nonza decodes a top-level element that is no stanza.
func (s *Scanner) nonza(raw string) xmpp.Element {
	home := ""
	for _, d := range s.base {
		if d.prefix == "" {
			home = d.space
		}
	}
	s.w.outer = 0
	outside := s.declarations(raw)
	if len(s.w.patches) > 0 {
		raw = s.splice(raw, 0)
	}
	e, err := xmpp.ParseIn(raw, home, string(outside))
	if err != nil {
		s.fail(BadFormat, "the element cannot be read")
	}
	return e
}

// An address is the last one that a stream named: most name the same one again and again.
type address struct {
	text string
	jid  xmpp.JID
}

// parse reads an address into memory of its own, which may outlive the stanza.
func (a *address) parse(text string) (j xmpp.JID, bad bool) {
	if text == a.text && text != "" {
		return a.jid, false
	}
	own := strings.Clone(text)
	j, err := xmpp.ParseJID(own)
	if err != nil {
		return xmpp.JID{}, true
	}
	a.text, a.jid = own, j
	return j, false
}

func (s span) of(b []byte) []byte { return b[s.at:s.end] }

func (q *qname) local() span {
	if q.colon != 0 {
		return span{q.colon + 1, q.end}
	}
	return span{q.at, q.end}
}

// text is the value of an attribute, normalised. It is part of raw unless it had to be decoded.
func (a *attr) text(raw string) string {
	v := raw[a.value.at:a.value.end]
	if a.plain {
		return v
	}
	return decode(v)
}

// decode resolves the references in an attribute's value, which are known to be right, and normalises its
// white space (XML 1.0 §2.11, §3.3.3).
func decode(v string) string {
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		switch c := v[i]; c {
		case '\r':
			if i+1 < len(v) && v[i+1] == '\n' {
				i++
			}
			b = append(b, ' ')
		case '\t', '\n':
			b = append(b, ' ')
		case '&':
			end := i + strings.IndexByte(v[i:], ';')
			b = utf8.AppendRune(b, character(v[i+1:end]))
			i = end
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// character is what a reference stands for, given what is between '&' and ';'.
func character(ref string) (r rune) {
	if ref[0] != '#' {
		return rune(entity(ref))
	}
	base, digits := rune(10), ref[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	for i := 0; i < len(digits); i++ {
		d, _ := digit(digits[i], base == 16)
		r = r*base + d
	}
	return r
}
