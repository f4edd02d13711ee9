package stream

import "unicode/utf8"

// readName goes on in a name (Namespaces in XML 1.0 §4): at most one colon, with a name on each side of it.
// It gives the first place that is not part of the name; end is 0 when the bytes there do not suffice, or on an error.
func (s *Scanner) readName(b []byte, p int, q *qname) (next int, end int32) {
	for p < len(b) {
		c := b[p]
		if class[c]&nameStart != 0 {
			p++
			continue
		}
		first := p == int(q.at) || q.colon != 0 && p == int(q.colon)+1
		switch {
		case c >= 0x80:
			n := s.nameRune(b, p, first)
			if n == 0 {
				return p, 0
			}
			p += n
		case first || c == ':' && q.colon != 0:
			s.fail(NotWellFormed, "not a name")
			return p, 0
		case c == ':':
			q.colon = int32(p)
			p++
		case class[c]&nameChar != 0:
			p++
		default:
			q.end = int32(p)
			return p, q.end
		}
	}
	return p, 0
}

func (s *Scanner) nameRune(b []byte, p int, first bool) int {
	n := s.rune(b, p)
	if n == 0 {
		return 0
	}
	if r, _ := utf8.DecodeRune(b[p:]); !isNameRune(r, first) {
		s.fail(NotWellFormed, "not a name")
		return 0
	}
	return n
}

func (s *Scanner) stepName(b []byte, p int) (int, bool) {
	p, end := s.readName(b, p, &s.w.name)
	if end == 0 {
		return p, false
	}
	s.state = inTag
	return s.stepTag(b, p)
}

func (s *Scanner) stepTag(b []byte, p int) (int, bool) {
	w := s.w
	for ; p < len(b); p++ {
		switch c := b[p]; {
		case class[c]&white != 0:
			w.gap = true
		case c == '>':
			return s.startTag(b, p+1, false)
		case c == '/':
			s.state = inEmpty
			return p + 1, true
		case !w.gap:
			return s.malformed(p, "no white space between attributes")
		case len(w.attrs) >= s.limits.Attrs:
			s.fail(PolicyViolation, "too many attributes")
			return p, false
		default:
			w.attrs = append(w.attrs, attr{name: qname{at: int32(p)}, plain: true})
			w.gap, s.state = false, inAttr
			return s.stepAttr(b, p)
		}
	}
	return p, true
}

func (s *Scanner) stepAttr(b []byte, p int) (int, bool) {
	p, end := s.readName(b, p, &s.w.attrs[len(s.w.attrs)-1].name)
	if end == 0 {
		return p, false
	}
	s.state = inEquals
	return s.stepEquals(b, p)
}

func (s *Scanner) stepEquals(b []byte, p int) (int, bool) {
	for ; p < len(b); p++ {
		switch c := b[p]; {
		case c == '=':
			s.state = inQuote
			return s.stepQuote(b, p+1)
		case class[c]&white == 0:
			return s.malformed(p, "an attribute without a value")
		}
	}
	return p, true
}

func (s *Scanner) stepQuote(b []byte, p int) (int, bool) {
	for ; p < len(b); p++ {
		switch c := b[p]; {
		case c == '\'' || c == '"':
			s.w.quote, s.state = c, inValue
			s.w.attrs[len(s.w.attrs)-1].value.at = int32(p + 1)
			return s.stepValue(b, p+1)
		case class[c]&white == 0:
			return s.malformed(p, "an attribute's value without quotes")
		}
	}
	return p, true
}

func (s *Scanner) stepValue(b []byte, p int) (int, bool) {
	w := s.w
	a := &w.attrs[len(w.attrs)-1]
	for ; p < len(b); p++ {
		c := b[p]
		if class[c]&plainValue != 0 {
			continue
		}
		switch {
		case c == w.quote:
			a.value.end = int32(p)
			s.state = inTag
			return p + 1, true
		case c == '\'' || c == '"':
		case c == '&':
			a.plain = false
			w.ref, w.back, s.state = p, inValue, inRef
			return p + 1, true
		case c == '<':
			return s.malformed(p, "< in an attribute's value")
		case class[c]&white != 0:
			a.plain = false
		default:
			n := s.rune(b, p)
			if n == 0 {
				return p, false
			}
			p += n - 1
		}
	}
	return p, true
}

func (s *Scanner) stepEmpty(b []byte, p int) (int, bool) {
	if b[p] != '>' {
		return s.malformed(p, "/ in a tag")
	}
	return s.startTag(b, p+1, true)
}
