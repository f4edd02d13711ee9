package letter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// marksMost is how many marks and joiners may follow a character. Hebrew with its accents, Vietnamese, Thai and emoji need fewer.
const marksMost = 5

// clean gives a text as it may stand in a letter. Its line ends are line feeds. What has no form of its own and changes how others look, or hides among them, is cut: control
// characters, the overrides and embeddings of directions (UAX #9), tags that are no flag, and marks beyond a few on one character.
func clean(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	marks, flag := 0, false
	var before rune
	for i, r := range s {
		r = replaced(s, i, r, before)
		flag = r == blackFlag || flag && isTag(r)
		before = r
		switch {
		case r == cut, isTag(r) && !flag:
			continue
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) && !flag:
			if marks++; marks > marksMost {
				continue
			}
		default:
			marks = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

const (
	cut       rune = -1
	blackFlag rune = 0x1F3F4 // the tags behind it say of which country
)

func isTag(r rune) bool { return r >= 0xE0000 && r <= 0xE007F }

// isPlain tells whether there is nothing to be done: printable ASCII and line feeds.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c >= 0x7F) {
			return false
		}
	}
	return true
}

// replaced is what stands for a character that begins at s[i]; cut if nothing does.
func replaced(s string, i int, r, before rune) rune {
	switch {
	case r == '\r', r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
		return '\n'
	case r == '\n' && before == '\n' && i > 0 && s[i-1] == '\r':
		return cut
	case r == '\n':
		return r
	case r == '\t':
		return ' '
	case r == 0xFEFF, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x206F, r >= 0xFFF9 && r <= 0xFFFB, unicode.IsControl(r):
		return cut
	case r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
		return utf8.RuneError
	}
	return r
}

// oneLine is a text as it may stand in a line of ours, as a name does: at most so many columns of it.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(clean(s)), " ")
	if columns(s) <= most {
		return s
	}
	return strings.TrimSpace(s[:fits(s, most-1)]) + "…"
}
