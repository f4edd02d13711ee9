package mail

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a line of others' text: no control characters, nothing that turns the direction of writing around or hides, and no more than
// so many characters.
func clean(s string, most int) string {
	var b strings.Builder
	n, gap := 0, false
	for _, r := range s {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d', unicode.Is(unicode.Co, r):
			continue
		case unicode.IsSpace(r) || unicode.IsControl(r):
			gap = b.Len() > 0
			continue
		}
		if n++; gap {
			n++
		}
		if n > most {
			return b.String() + "…"
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// wordSize is how many bytes of text go into one encoded word, which may be 75 long (RFC 2047) and has three characters for a byte.
const wordSize = 20

// encodeWords writes a text as encoded words, a line each.
func encodeWords(s string) string {
	var b strings.Builder
	for s != "" {
		n := 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			if n+size > wordSize {
				break
			}
			n += size
		}
		if b.Len() > 0 {
			b.WriteString("\r\n ")
		}
		b.WriteString("=?utf-8?q?")
		for _, c := range []byte(s[:n]) {
			switch {
			case c == ' ':
				b.WriteByte('_')
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
				b.WriteByte(c)
			default:
				fmt.Fprintf(&b, "=%02X", c)
			}
		}
		b.WriteString("?=")
		s = s[n:]
	}
	return b.String()
}

// isPlain tells whether a cleaned text can stand in a header as it is, and would not be taken for encoded words.
func isPlain(s string) bool {
	return !strings.Contains(s, "=?") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// lineSize is how long a line of a header should be (RFC 5322).
const lineSize = 76

// unstructured is a line of a header whose value is text. The text is clean.
func unstructured(name, text string) string {
	if isPlain(text) && len(name)+2+len(text) <= lineSize {
		return name + ": " + text + "\r\n"
	}
	return name + ": " + encodeWords(text) + "\r\n"
}

// phrase is a cleaned name as it stands before an address.
func phrase(s string) string {
	if !isPlain(s) || len(s) > lineSize-20 {
		return encodeWords(s)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && !isAtext(r) }) {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return s
}

// mailbox is an address with its name, which may be empty.
func mailbox(name string, a Address) string {
	if name == "" {
		return a.String()
	}
	return phrase(name) + " <" + a.String() + ">"
}
