package stream

import (
	"unicode"
	"unicode/utf8"
)

// What an ASCII byte may be. Bytes beyond ASCII have no bit: they are looked at as runes.
const (
	plainText  = 1 << iota // in character data, with nothing to check
	plainValue             // in an attribute value, with nothing to check or to normalise
	nameChar               // in a name; the colon is not among them
	nameStart              // at the beginning of a name
	white                  // XML white space (XML 1.0 §2.3)
	uriChar                // in a URI (RFC 3986 §2)
)

var class = func() (t [256]uint8) {
	for c := ' '; c < 0x80; c++ {
		t[c] = plainText | plainValue
	}
	for _, c := range "\t\n\r" {
		t[c] = plainText | white
	}
	t[' '] |= white
	t['<'], t['&'], t['>'] = 0, 0, plainValue
	t['"'], t['\''] = plainText, plainText
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= nameChar | nameStart | uriChar
		t[c-'a'+'A'] |= nameChar | nameStart | uriChar
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= nameChar | uriChar
	}
	for _, c := range "-._~%:/?#[]@!$&'()*+,;=" {
		t[c] |= uriChar
	}
	t['_'] |= nameChar | nameStart
	t['-'] |= nameChar
	t['.'] |= nameChar
	return t
}()

// isChar tells whether XML may hold a character at all, be it by reference (XML 1.0 §2.2).
func isChar(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// isNameRune is nameChar and nameStart for what is beyond ASCII.
func isNameRune(r rune, first bool) bool {
	return unicode.Is(nameStarts, r) || !first && unicode.Is(nameOthers, r)
}

// isURI tells whether a namespace name has only characters that a URI may have (RFC 3986 §2; Namespaces in XML 1.0 §2.2).
// Parsers that join namespace and local name with a blank or a brace refuse others, and their users' streams would end.
func isURI[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&uriChar == 0 {
			return false
		}
	}
	return true
}
