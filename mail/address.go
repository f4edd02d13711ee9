package mail

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The longest local part and domain, in octets (RFC 5321).
const (
	longestLocal  = 64
	longestDomain = 253
)

// An Address is where mail can be sent to. The zero value is none.
type Address struct {
	local  string // without quotes
	domain string // in ASCII
}

// An AddressError says why something is no address that mail can be sent to: a sentence for people.
type AddressError struct {
	Address string // as it was given, made fit to be shown
	Reason  string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("the e-mail address “%s” can't be used: %s", e.Address, e.Reason)
}

// ParseAddress reads an address such as juliet@example.org. Comments and IP addresses are refused; the domain may be internationalised. The
// error is an *AddressError.
func ParseAddress(s string) (Address, error) {
	refuse := func(reason string) (Address, error) { return Address{}, &AddressError{clean(s, 80), reason} }
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return refuse("it has no @")
	}
	local, domain := s[:at], s[at+1:]
	if len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"' {
		var ok bool
		if local, ok = unquote(local[1 : len(local)-1]); !ok {
			return refuse("what is between the quotes can't stand there")
		}
	} else if !isDotAtom(local) {
		return refuse("what is before the @ is empty or has characters that can't stand there")
	}
	if len(local) > longestLocal {
		return refuse("what is before the @ is too long")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !utf8.ValidString(domain) || !isDomain(ascii) {
		return refuse("what is after the @ is not the name of a domain")
	}
	return Address{local, strings.ToLower(ascii)}, nil
}

// isDomain tells whether this is a name that a host can have.
func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return r != '-' && (r >= utf8.RuneSelf || !isAlphanumeric(r)) }) {
			return false
		}
	}
	return len(s) <= longestDomain
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// unquote takes the backslashes out of a quoted string. What could be taken for the end of an SMTP argument is refused, though RFC 5321 has it.
func unquote(s string) (string, bool) {
	var b strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case r == '<' || r == '>' || r != ' ' && !isVisible(r):
			return "", false
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
			continue
		case r == '"':
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), !escaped && b.Len() > 0
}

// isDotAtom tells whether a local part needs no quotes: Dot-string of RFC 5321, with the characters of RFC 6531.
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtext(r) }) {
			return false
		}
	}
	return true
}

func isAtext(r rune) bool {
	switch {
	case r >= utf8.RuneSelf:
		return isVisible(r)
	case isAlphanumeric(r):
		return true
	}
	return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// isVisible leaves out control and format characters, spaces, what is not assigned, and bytes that are not UTF-8.
func isVisible(r rune) bool {
	return r != utf8.RuneError && unicode.IsOneOf([]*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S}, r)
}

// IsZero tells whether there is no address.
func (a Address) IsZero() bool { return a.domain == "" }

// Domain is what stands after the @, in ASCII.
func (a Address) Domain() string { return a.domain }

// International tells whether only relays with SMTPUTF8 (RFC 6531) can take it.
func (a Address) International() bool {
	return strings.ContainsFunc(a.local, func(r rune) bool { return r >= utf8.RuneSelf })
}

// String is the address as it stands in commands and headers.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	local := a.local
	if !isDotAtom(local) {
		local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
	}
	return local + "@" + a.domain
}
