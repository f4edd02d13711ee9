package letter

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// A link is a part of a line that leads somewhere.
type link struct {
	from, to int // bytes
	url      string
}

// schemes are those that a link may have. All others stay text.
var schemes = []string{"https://", "http://", "mailto:", "xmpp:"}

// linksIn finds the links of a line, in their order.
func linksIn(line string) (links []link) {
	for at := 0; ; {
		colon := strings.IndexByte(line[at:], ':')
		if colon < 0 {
			return links
		}
		colon += at
		from := colon
		for from > at && isLetter(line[from-1]) {
			from--
		}
		at = colon + 1
		before, _ := utf8.DecodeLastRuneInString(line[:from])
		if unicode.IsLetter(before) || unicode.IsDigit(before) {
			continue
		}
		to := from + linkEnd(line[from:])
		if target, ok := target(line[from:to]); ok {
			links = append(links, link{from, to, target})
			at = to
		}
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// linkEnd is where a link ends that begins a text: what may follow one in a sentence is not part of it.
func linkEnd(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"`«»“”„\u2028\u2029", r)
	})
	if end < 0 {
		end = len(s)
	}
	for end > 0 {
		last, size := utf8.DecodeLastRuneInString(s[:end])
		opens := map[rune]string{')': "(", ']': "[", '}': "{"}[last]
		switch {
		case strings.ContainsRune(".,;:!?'*_~…。、！？，", last):
		case opens != "" && strings.Count(s[:end], string(last)) > strings.Count(s[:end], opens):
		default:
			return end
		}
		end -= size
	}
	return 0
}

// target is where a link leads to; ok is false for what is to stay text. Who reads a letter sees where they go: what stands before an @ only looks like a place.
func target(s string) (string, bool) {
	lower := strings.ToLower(s)
	if !slices.ContainsFunc(schemes, func(scheme string) bool { return strings.HasPrefix(lower, scheme) && len(s) > len(scheme) }) {
		return "", false
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.User != nil, u.Host == "" && u.Opaque == "":
		return "", false
	case strings.Contains(lower, "%0a"), strings.Contains(lower, "%0d"), strings.Contains(lower, "%00"):
		return "", false
	}
	if u.Host != "" {
		host, err := idna.Lookup.ToASCII(u.Hostname())
		if net.ParseIP(u.Hostname()) == nil && (err != nil || host == "") {
			return "", false
		} else if err == nil {
			u.Host = strings.Replace(u.Host, u.Hostname(), host, 1)
		}
	}
	return u.String(), true
}
