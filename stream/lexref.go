package stream

import "unicode/utf8"

func (s *Scanner) stepRef(b []byte, p int) (int, bool) {
	switch c := b[p]; {
	case c == '#':
		s.state = inNumber
	case class[c]&nameStart != 0:
		s.state = inEntity
	default:
		return s.malformed(p, "& that begins no reference")
	}
	return p + 1, true
}

// The longest name of a predefined entity (XML 1.0 §4.6).
const longestEntity = len("apos")

// stepEntity allows the predefined entities alone (RFC 6120 §11.1).
func (s *Scanner) stepEntity(b []byte, p int) (int, bool) {
	for ; p < len(b); p++ {
		c := b[p]
		switch {
		case c == ';':
			if entity(b[s.w.ref+1:p]) == 0 {
				s.fail(RestrictedXML, "an entity that is not predefined")
				return p, false
			}
			return s.endRef(p + 1)
		case class[c]&nameChar == 0 && c != ':' && c < 0x80:
			return s.malformed(p, "& that begins no reference")
		case p-s.w.ref > longestEntity:
			s.fail(RestrictedXML, "an entity that is not predefined")
			return p, false
		}
	}
	return p, true
}

// entity is the character of a predefined entity, or 0.
func entity[T string | []byte](name T) byte {
	switch string(name) {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "apos":
		return '\''
	case "quot":
		return '"'
	}
	return 0
}

func (s *Scanner) stepNumber(b []byte, p int) (int, bool) {
	s.w.char, s.w.digits = 0, false
	if b[p] == 'x' {
		s.state = inHex
		return p + 1, true
	}
	s.state = inDecimal
	return p, true
}

func (s *Scanner) stepDigits(b []byte, p int) (int, bool) {
	w := s.w
	for ; p < len(b); p++ {
		c := b[p]
		if c == ';' {
			// XML 1.0 §4.1: what a reference stands for must be a character that XML allows.
			if !w.digits || !isChar(w.char) {
				return s.malformed(p, "a reference to no character")
			}
			return s.endRef(p + 1)
		}
		d, ok := digit(c, s.state == inHex)
		if !ok {
			return s.malformed(p, "a reference to no character")
		}
		if s.state == inHex {
			w.char = w.char<<4 | d
		} else {
			w.char = w.char*10 + d
		}
		if w.char > utf8.MaxRune {
			return s.malformed(p, "a reference to no character")
		}
		w.digits = true
	}
	return p, true
}

func digit(c byte, hex bool) (rune, bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case hex && 'a' <= c && c <= 'f':
		return rune(c-'a') + 10, true
	case hex && 'A' <= c && c <= 'F':
		return rune(c-'A') + 10, true
	}
	return 0, false
}

// endRef goes back to what the reference stood in.
func (s *Scanner) endRef(p int) (int, bool) {
	s.w.run, s.state = p, s.w.back
	return p, true
}
