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
		if !slices.ContainsFunc(schemes, func(scheme string) bool { return hasPrefixFold(line[from:], scheme) }) {
			continue
		}
		to := from + linkEnd(line[from:])
		if target, ok := target(line[from:to]); ok {
			links = append(links, link{from, to, target})
			at = to
		}
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// longestLink is how many bytes a link has at most. Longer ones stay text: whoever writes many beginnings of links does not have all of what follows looked at for each.
const longestLink = 2000

const opening, closing = "([{", ")]}"

// linkEnd is where a link ends that begins a text: what may follow one in a sentence is not part of it. 0: it is too long.
func linkEnd(s string) int {
	end := strings.IndexFunc(s[:min(len(s), longestLink+utf8.UTFMax)], func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"`«»“”„\u2028\u2029", r)
	})
	if end < 0 {
		end = len(s)
	}
	if end > longestLink {
		return 0
	}
	var spare [len(closing)]int // brackets that are closed, and not opened
	for i := range closing {
		spare[i] = strings.Count(s[:end], closing[i:i+1]) - strings.Count(s[:end], opening[i:i+1])
	}
	for end > 0 {
		last, size := utf8.DecodeLastRuneInString(s[:end])
		bracket := strings.IndexRune(closing, last)
		switch {
		case strings.ContainsRune(".,;:!?'*_~…。、！？，", last):
		case bracket >= 0 && spare[bracket] > 0:
			spare[bracket]--
		default:
			return end
		}
		end -= size
	}
	return 0
}

// target is where a link leads to; ok is false for what is to stay text. Who reads a letter sees where they go: what stands before an @ only looks like a place.
func target(s string) (string, bool) {
	if !slices.ContainsFunc(schemes, func(scheme string) bool { return hasPrefixFold(s, scheme) && len(s) > len(scheme) }) {
		return "", false
	}
	lower := strings.ToLower(s)
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
