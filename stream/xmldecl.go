package stream

import "strings"

// stepDecl reads the XML declaration to its end. What begins otherwise is a processing instruction (RFC 6120 §11.1).
func (s *Scanner) stepDecl(b []byte, p int) (int, bool) {
	const mark = "<?xml"
	for ; p < len(b); p++ {
		switch c, k := b[p], p-s.w.start; {
		case k < len(mark) && c == mark[k]:
		case k == len("<?") && class[c]&nameStart == 0:
			return s.malformed(p, "unknown markup")
		case k < len(mark) || k == len(mark) && class[c]&white == 0:
			s.fail(RestrictedXML, "processing instructions are not allowed")
			return p, false
		case c == '>' && b[p-1] == '?':
			s.done = true
			s.xmlDecl(string(b[s.w.start+len(mark) : p-1]))
			return p + 1, false
		case class[c]&(plainText|plainValue) == 0:
			return s.malformed(p, "malformed XML declaration")
		}
	}
	return p, true
}

// xmlDecl checks what stands between "<?xml" and "?>" (XML 1.0 §2.8; RFC 6120 §11.5).
func (s *Scanner) xmlDecl(rest string) {
	version, rest, ok := pseudoAttr(rest, "version")
	if !ok || version != "1.0" {
		s.fail(NotWellFormed, "malformed XML declaration")
	}
	encoding, rest, ok := pseudoAttr(rest, "encoding")
	if ok && !strings.EqualFold(encoding, "utf-8") {
		s.fail(UnsupportedEncoding, "the encoding must be UTF-8") // RFC 6120 §11.6
	}
	alone, rest, ok := pseudoAttr(rest, "standalone")
	if ok && alone != "yes" && alone != "no" || strings.Trim(rest, blanks) != "" {
		s.fail(NotWellFormed, "malformed XML declaration")
	}
	s.phase = atHeader
}

const blanks = " \t\r\n"

// pseudoAttr reads ` name="value"` from the front of s. Where it is not there, rest is s.
func pseudoAttr(s, name string) (value, rest string, ok bool) {
	t := strings.TrimLeft(s, blanks)
	if t == s {
		return "", s, false
	}
	if t, ok = strings.CutPrefix(t, name); !ok {
		return "", s, false
	}
	if t, ok = strings.CutPrefix(strings.TrimLeft(t, blanks), "="); !ok {
		return "", s, false
	}
	t = strings.TrimLeft(t, blanks)
	if t == "" || t[0] != '\'' && t[0] != '"' {
		return "", s, false
	}
	if value, rest, ok = strings.Cut(t[1:], t[:1]); !ok {
		return "", s, false
	}
	return value, rest, true
}
