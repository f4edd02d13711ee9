package directory

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// undecomposed are the letters that stand for others without being made of them.
var undecomposed = strings.NewReplacer("ø", "o", "œ", "oe", "æ", "ae", "ß", "ss", "ł", "l", "đ", "d", "ı", "i", "ð", "d", "þ", "th", "ħ", "h",
	"ŧ", "t", "ŋ", "n", "ĸ", "k", "ƒ", "f", "ɓ", "b", "ɗ", "d", "ɛ", "e", "ɔ", "o", "ə", "e", "ς", "σ")

// Fold gives a text as it is searched for: without accents and case.
func Fold(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if !unicode.Is(unicode.M, r) && !unicode.Is(unicode.Cf, r) {
			b.WriteRune(unicode.ToLower(r)) // some are only lower case once they are taken apart
		}
	}
	return undecomposed.Replace(b.String())
}

func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// FoldEmail gives an address as it is looked up: case does not tell two apart, accents do.
func FoldEmail(s string) string { return strings.ToLower(norm.NFC.String(s)) }
