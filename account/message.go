package account

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// maxMessage is the longest message of a client, in bytes. Before login a stream takes no more either.
const maxMessage = 8 << 10

// A clientFirst is a client-first-message (RFC 5802 §7).
type clientFirst struct {
	gs2     string // the gs2-header as it came, with both its commas
	bare    string // all that follows it
	flag    byte   // n, y or p
	binding string // the channel binding that p names
	authzid string // unescaped, or empty
	name    string // unescaped
	nonce   string
}

// parseClientFirst reads a client-first-message; not ok means that it breaks the syntax or demands an extension.
func parseClientFirst(s string) (m clientFirst, ok bool) {
	if len(s) > maxMessage || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return m, false
	}
	flag, rest, ok := strings.Cut(s, ",")
	if !ok || !m.setFlag(flag) {
		return m, false
	}
	authzid, bare, ok := strings.Cut(rest, ",")
	if !ok {
		return m, false
	}
	if authzid != "" {
		escaped, found := strings.CutPrefix(authzid, "a=")
		if m.authzid, ok = unescapeName(escaped); !found || !ok {
			return m, false
		}
	}
	m.gs2, m.bare = s[:len(s)-len(bare)], bare
	// A reserved-mext ("m=") in the place of the name is an extension that must be understood: we know none (RFC 5802 §5.1).
	name, rest, ok := strings.Cut(bare, ",")
	escaped, found := strings.CutPrefix(name, "n=")
	if !ok || !found {
		return m, false
	}
	if m.name, ok = unescapeName(escaped); !ok {
		return m, false
	}
	nonce, extensions, more := strings.Cut(rest, ",")
	if m.nonce, found = strings.CutPrefix(nonce, "r="); !found || !isNonce(m.nonce) {
		return m, false
	}
	return m, !more || areExtensions(extensions)
}

// setFlag reads the gs2-cbind-flag (RFC 5802 §7).
func (m *clientFirst) setFlag(flag string) bool {
	if flag == "n" || flag == "y" {
		m.flag = flag[0]
		return true
	}
	binding, ok := strings.CutPrefix(flag, "p=")
	if !ok || binding == "" {
		return false
	}
	for _, c := range []byte(binding) {
		if !isLetter(c) && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	m.flag, m.binding = 'p', binding
	return true
}

// A clientFinal is a client-final-message (RFC 5802 §7).
type clientFinal struct {
	binding string // decoded
	nonce   string
	proof   []byte
	without string // the client-final-message-without-proof
}

func parseClientFinal(s string) (m clientFinal, ok bool) {
	if len(s) > maxMessage || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return m, false
	}
	// The proof comes last, and its encoding has no comma.
	end := strings.LastIndexByte(s, ',')
	if end < 0 {
		return m, false
	}
	m.without = s[:end]
	proof, found := strings.CutPrefix(s[end+1:], "p=")
	if m.proof, ok = decode64(proof); !found || !ok {
		return m, false
	}
	binding, rest, ok := strings.Cut(m.without, ",")
	encoded, found := strings.CutPrefix(binding, "c=")
	if !ok || !found {
		return m, false
	}
	decoded, ok := decode64(encoded)
	if !ok {
		return m, false
	}
	m.binding = string(decoded)
	nonce, extensions, more := strings.Cut(rest, ",")
	if m.nonce, found = strings.CutPrefix(nonce, "r="); !found || !isNonce(m.nonce) {
		return m, false
	}
	return m, !more || areExtensions(extensions)
}

// unescapeName reads a saslname: "=" stands only in =2C and =3D (RFC 5802 §5.1).
func unescapeName(s string) (string, bool) {
	if s == "" {
		return "", false
	}
	if strings.IndexByte(s, '=') < 0 {
		return s, true
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "=")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), true
		case strings.HasPrefix(after, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			b.WriteByte('=')
		default:
			return "", false
		}
		s = after[2:]
	}
}

// isNonce: printable characters of ASCII but the comma, which the caller has cut at.
func isNonce(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x21 || c > 0x7e || c == ',' {
			return false
		}
	}
	return s != ""
}

// areExtensions checks the form of the optional attributes after the nonce. Unknown ones are passed over (RFC 5802 §5.1),
// m= would demand to be understood.
func areExtensions(s string) bool {
	for attr := range strings.SplitSeq(s, ",") {
		if len(attr) < 3 || !isLetter(attr[0]) || attr[1] != '=' || attr[0] == 'm' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func decode64(s string) ([]byte, bool) {
	// The decoder passes over line ends; a SCRAM message has none.
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil
}
