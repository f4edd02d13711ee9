package directory

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"palabre/xmpp"
)

// The longest texts that an entry takes, in bytes.
const (
	longestID     = 128
	longestName   = 256
	longestEmail  = 254 // RFC 5321, without the brackets
	longestDetail = 500
	longestNote   = 4000
)

// mostMarks is how many accents one letter can have.
const mostMarks = 8

// A ValueError says that a value is not taken.
type ValueError struct{ What, Why string }

func (e *ValueError) Error() string { return e.What + " " + e.Why }

// isTurner tells whether a character turns the direction of text, or is there to be unseen.
func isTurner(r rune) bool {
	switch {
	case r == '\u061c', r == '\u200b', r == '\u200e', r == '\u200f', r == '\ufeff', r >= '\u202a' && r <= '\u202e', r >= '\u2060' && r <= '\u206f':
		return true
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff && unicode.Is(unicode.Cf, r), r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef:
		return true
	}
	return false
}

// cleanText brings a text from outside into its normal form: composed, with single spaces, without control characters and those that turn the direction.
// What is cut out is of no use to anybody; a text that is too long, or is none, is refused. Lines stay where lines says so.
func cleanText(what, s string, limit int, lines bool) (string, error) {
	if !utf8.ValidString(s) {
		return "", &ValueError{what, "is not UTF-8"}
	}
	if len(s) > 4*limit { // before it is looked at letter by letter
		return "", tooLong(what, limit)
	}
	if lines {
		parts := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s), "\n")
		for i, p := range parts {
			parts[i] = strings.TrimRight(cleanLine(p, false), " ")
		}
		s = strings.Trim(strings.Join(parts, "\n"), "\n")
	} else {
		s = cleanLine(s, true)
	}
	if s = norm.NFC.String(s); len(s) > limit {
		return "", tooLong(what, limit)
	}
	return s, nil
}

func tooLong(what string, limit int) error {
	return &ValueError{what, fmt.Sprintf("is longer than %d bytes; shorten it", limit)}
}

func cleanLine(s string, trim bool) string {
	var b strings.Builder
	marks := 0
	for _, r := range s {
		if unicode.IsSpace(r) { // tabs and ends of lines too
			r = ' '
		}
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if !unicode.IsControl(r) && !isTurner(r) && marks <= mostMarks {
			b.WriteRune(r)
		}
	}
	if !trim {
		return b.String()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// CleanID brings an ID into its normal form, that of a local part: lower case.
func CleanID(domain, id string) (string, error) {
	j, err := xmpp.NewJID(id, domain, "")
	switch {
	case id == "" || err != nil:
		return "", &ValueError{fmt.Sprintf("%q", limited(id)), "can't be an ID: it is like what stands before the @ of an address, such as alice.smith"}
	case len(j.Local()) > longestID:
		return "", tooLong("the ID", longestID)
	}
	return j.Local(), nil
}

// limited keeps what others have written short in an error.
func limited(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:77], "") + "..."
	}
	return s
}

// CleanEmail brings an address of mail into its normal form. It is one that needs no quotes (RFC 5321), with letters of all scripts (RFC 6531).
func CleanEmail(s string) (string, error) {
	wrong := &ValueError{fmt.Sprintf("%q", limited(s)), "is not an e-mail address such as alice@example.org"}
	if s = strings.Trim(s, " \t"); len(s) > longestEmail {
		return "", tooLong("the e-mail address", longestEmail)
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || !utf8.ValidString(s) || len(local) > 64 || !isDotAtom(local) || !isHost(domain) {
		return "", wrong
	}
	return norm.NFC.String(local) + "@" + strings.ToLower(norm.NFC.String(domain)), nil
}

func isDotAtom(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool {
			return r < 0x80 && !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) || r >= 0x80 && isOdd(r)
		}) {
			return false
		}
	}
	return true
}

func isHost(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || part[0] == '-' || part[len(part)-1] == '-' || strings.ContainsFunc(part, func(r rune) bool {
			return r < 0x80 && !isLetterOrDigit(r) && r != '-' || r >= 0x80 && isOdd(r)
		}) {
			return false
		}
	}
	return true
}

func isLetterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// isOdd tells whether a character has no place in an address, though it is not ASCII.
func isOdd(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.M, r) && !unicode.IsSymbol(r)
}
