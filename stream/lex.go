package stream

import (
	"bytes"
	"unicode/utf8"
)

// state is what the next byte belongs to.
type state uint8

const (
	inText    state = iota // the content of an element
	inOpen                 // after '<'
	inName                 // the name in a start tag
	inTag                  // a start tag, after its name or an attribute
	inAttr                 // an attribute's name
	inEquals               // after it
	inQuote                // before its value
	inValue                // its value
	inEmpty                // after the '/' of an empty element
	inEnd                  // the name in an end tag
	inEndTag               // after it
	inRef                  // after '&'
	inEntity               // the name of an entity
	inNumber               // after '&#'
	inDecimal              // the digits of &#1;
	inHex                  // the digits of &#x1;
	inBang                 // after '<!'
	inCData                // a CDATA section
	inDecl                 // the XML declaration
)

// step goes on in the present state from b[p]; a step may do those that follow as well. It gives the next place to look at; more is false when an element
// is done, something is wrong, or the bytes there do not suffice.
func (s *Scanner) step(b []byte, p int) (next int, more bool) {
	switch s.state {
	case inText:
		return s.stepText(b, p)
	case inOpen:
		return s.stepOpen(b, p)
	case inName:
		return s.stepName(b, p)
	case inTag:
		return s.stepTag(b, p)
	case inAttr:
		return s.stepAttr(b, p)
	case inEquals:
		return s.stepEquals(b, p)
	case inQuote:
		return s.stepQuote(b, p)
	case inValue:
		return s.stepValue(b, p)
	case inEmpty:
		return s.stepEmpty(b, p)
	case inEnd:
		return s.stepEnd(b, p)
	case inEndTag:
		return s.stepEndTag(b, p)
	case inRef:
		return s.stepRef(b, p)
	case inEntity:
		return s.stepEntity(b, p)
	case inNumber:
		return s.stepNumber(b, p)
	case inDecimal, inHex:
		return s.stepDigits(b, p)
	case inBang:
		return s.stepBang(b, p)
	case inCData:
		return s.stepCData(b, p)
	default:
		return s.stepDecl(b, p)
	}
}

// malformed ends the stream because of what is at p.
func (s *Scanner) malformed(p int, text string) (int, bool) {
	s.fail(NotWellFormed, text)
	return p, false
}

func (s *Scanner) stepText(b []byte, p int) (int, bool) {
	for ; p < len(b); p++ {
		c := b[p]
		if class[c]&plainText != 0 {
			continue
		}
		switch c {
		case '<':
			s.w.start, s.state = p, inOpen
			return p + 1, true
		case '&':
			s.w.ref, s.w.back, s.state = p, inText, inRef
			return p + 1, true
		case '>':
			// XML 1.0 §2.4: "]]>" is written so only at the end of a CDATA section.
			if p-2 >= s.w.run && b[p-1] == ']' && b[p-2] == ']' {
				return s.malformed(p, "]]> in character data")
			}
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

// rune checks a character beyond ASCII, or a control character, and gives its length: 0 if it is not allowed,
// or not whole yet.
func (s *Scanner) rune(b []byte, p int) int {
	if !utf8.FullRune(b[p:]) {
		return 0
	}
	r, n := utf8.DecodeRune(b[p:])
	switch {
	case r == utf8.RuneError && n == 1:
		s.fail(NotWellFormed, "not UTF-8")
		return 0
	case !isChar(r):
		s.fail(NotWellFormed, "a character that XML does not allow")
		return 0
	}
	return n
}

func (s *Scanner) stepOpen(b []byte, p int) (int, bool) {
	w := s.w
	switch c := b[p]; {
	case c == '/':
		return s.beginEnd(p + 1)
	case c == '!':
		s.state = inBang
		return p + 1, true
	case c == '?':
		if s.phase != atStart {
			s.fail(RestrictedXML, "processing instructions are not allowed")
			return p, false
		}
		s.state = inDecl
		return p + 1, true
	}
	switch w.count++; {
	case w.count > s.limits.Elements:
		s.fail(PolicyViolation, "too many elements")
		return p, false
	case len(w.open) >= s.limits.Depth:
		s.fail(PolicyViolation, "nested too deeply")
		return p, false
	}
	w.attrs, w.gap = w.attrs[:0], false
	w.name = qname{at: int32(p)}
	s.state = inName
	return s.stepName(b, p)
}

func (s *Scanner) beginEnd(p int) (int, bool) {
	if s.phase != inStream {
		return s.malformed(p, "an end tag before the start tag")
	}
	s.w.end, s.state = p, inEnd
	return p, true
}

// stepEnd compares the name in an end tag, as far as it is there, with that of the start tag (XML 1.0 §3).
func (s *Scanner) stepEnd(b []byte, p int) (int, bool) {
	want := s.root
	if n := len(s.w.open); n > 0 {
		o := &s.w.open[n-1]
		want = b[o.name.at:o.name.end]
	}
	want = want[p-s.w.end:]
	n := min(len(want), len(b)-p)
	if !bytes.Equal(b[p:p+n], want[:n]) {
		return s.malformed(p, "an end tag that does not match")
	}
	if n == len(want) {
		s.state = inEndTag
	}
	return p + n, true
}

func (s *Scanner) stepEndTag(b []byte, p int) (int, bool) {
	for ; p < len(b); p++ {
		switch c := b[p]; {
		case c == '>':
			return s.endTag(p + 1)
		case class[c]&white == 0:
			return s.malformed(p, "an end tag that does not match")
		}
	}
	return p, true
}

// endTag closes the innermost element, which ends at p. If none is open, it is the stream.
func (s *Scanner) endTag(p int) (int, bool) {
	w := s.w
	n := len(w.open) - 1
	if n < 0 {
		w.kind, s.phase, s.done = Closed, ended, true
		return p, false
	}
	w.binds = w.binds[:w.open[n].binds]
	w.open = w.open[:n]
	switch n {
	case 0:
		w.last, s.done = w.start, true
		return p, false
	case 1:
		w.kids[len(w.kids)-1].at.end = int32(p)
	}
	w.run, s.state = p, inText
	return p, true
}

// stepBang tells CDATA sections from what a stream must not hold: comments and DTDs (RFC 6120 §11.1).
func (s *Scanner) stepBang(b []byte, p int) (int, bool) {
	const mark = "<![CDATA["
	for ; p < len(b); p++ {
		k := p - s.w.start
		switch c := b[p]; {
		case c == mark[k]:
			if k == len(mark)-1 {
				return s.beginCData(p + 1)
			}
		case k == 2 && (c == '-' || class[c]&nameStart != 0):
			s.fail(RestrictedXML, "comments and document types are not allowed")
			return p, false
		default:
			return s.malformed(p, "unknown markup")
		}
	}
	return p, true
}

func (s *Scanner) beginCData(p int) (int, bool) {
	if len(s.w.open) == 0 {
		if s.phase == inStream {
			s.fail(BadFormat, "text between stanzas")
			return p, false
		}
		return s.malformed(p, "text before the start tag")
	}
	s.w.run, s.state = p, inCData
	return p, true
}

func (s *Scanner) stepCData(b []byte, p int) (int, bool) {
	for ; p < len(b); p++ {
		switch c := b[p]; {
		case c == '>':
			if p-2 >= s.w.run && b[p-1] == ']' && b[p-2] == ']' {
				s.w.run, s.state = p+1, inText
				return p + 1, true
			}
		case class[c]&plainText != 0 || c == '<' || c == '&':
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
