package xmpp

import (
	"errors"
	"strings"

	"mellium.im/xmpp/jid"
)

// A JID is an XMPP address (RFC 7622), always in its normal form: equal addresses are equal with ==,
// and a JID can be the key of a map. The zero JID stands for "no address".
type JID struct {
	s   string
	dom uint16 // where the domain begins: 0, or one past the '@'
	end uint16 // where the domain ends: len(s), or the place of the '/'
}

// ErrJID says that a text is not an address.
var ErrJID = errors.New("malformed address")

// ParseJID reads an address and brings it into its normal form (RFC 7622 §3). The error is ErrJID.
func ParseJID(s string) (JID, error) {
	if j, ok := parseFast(s); ok {
		return j, nil
	}
	j, ok := parseFull(s)
	if !ok {
		return JID{}, ErrJID
	}
	if j.s == s {
		return j, nil
	}
	// Equal addresses must be equal for good: what has no stable normal form, such as "a@b..", is no address.
	if again, ok := parseFast(j.s); ok && again == j {
		return j, nil
	}
	if again, ok := parseFull(j.s); !ok || again != j {
		return JID{}, ErrJID
	}
	return j, nil
}

// parseFull applies all the rules of RFC 7622.
func parseFull(s string) (JID, bool) {
	j, err := jid.Parse(s)
	if err != nil {
		return JID{}, false
	}
	return join(j.Localpart(), j.Domainpart(), j.Resourcepart()), true
}

// MustParseJID is for constants: it panics on a malformed address.
func MustParseJID(s string) JID {
	j, err := ParseJID(s)
	if err != nil {
		panic("xmpp: malformed address: " + s)
	}
	return j
}

// NewJID makes an address of its parts, normalised. The error is ErrJID.
func NewJID(local, domain, resource string) (JID, error) {
	if strings.ContainsAny(local, "@/") || strings.ContainsAny(domain, "@/") {
		return JID{}, ErrJID
	}
	return ParseJID(join(local, domain, resource).s)
}

// WithResource gives the full JID of j's bare one and a resource, normalised. The error is ErrJID.
func (j JID) WithResource(resource string) (JID, error) {
	return NewJID(j.Local(), j.Domain(), resource)
}

func join(local, domain, resource string) JID {
	var j JID
	switch {
	case local != "" && resource != "":
		j.s = local + "@" + domain + "/" + resource
	case local != "":
		j.s = local + "@" + domain
	case resource != "":
		j.s = domain + "/" + resource
	default:
		j.s = domain
	}
	if local != "" {
		j.dom = uint16(len(local) + 1)
	}
	j.end = j.dom + uint16(len(domain))
	return j
}

// String is the address as it goes on the wire, before XML escaping.
func (j JID) String() string { return j.s }

// IsZero tells whether j is no address at all.
func (j JID) IsZero() bool { return j.s == "" }

// Local is the part before the '@', or empty.
func (j JID) Local() string {
	if j.dom == 0 {
		return ""
	}
	return j.s[:j.dom-1]
}

// Domain is the domain part.
func (j JID) Domain() string { return j.s[j.dom:j.end] }

// Resource is the part after the '/', or empty.
func (j JID) Resource() string {
	if int(j.end) == len(j.s) {
		return ""
	}
	return j.s[j.end+1:]
}

// Bare is the address without its resource. It costs nothing.
func (j JID) Bare() JID { return JID{s: j.s[:j.end], dom: j.dom, end: j.end} }

// IsBare tells whether the address has no resource.
func (j JID) IsBare() bool { return int(j.end) == len(j.s) }

// Covers tells whether j stands for k too: it is k, or k without its resource, or k's domain (XEP-0191 §6).
func (j JID) Covers(k JID) bool {
	return j == k || j == k.Bare() || j == k.DomainJID()
}

// DomainJID is the address of the domain alone.
func (j JID) DomainJID() JID {
	d := j.Domain()
	return JID{s: d, end: uint16(len(d))}
}

// The longest part of an address, in bytes (RFC 7622 §3.2 to §3.4).
const maxPart = 1023

// parseFast reads the addresses that are ASCII and already in their normal form. It allocates nothing, and
// leaves everything else to the full rules of RFC 7622: not ok does not mean malformed.
func parseFast(s string) (JID, bool) {
	if len(s) == 0 || len(s) > 3*maxPart+2 {
		return JID{}, false
	}
	var j JID
	end := len(s)
	if i := strings.IndexByte(s, '/'); i >= 0 {
		end = i
		if !plainResource(s[i+1:]) {
			return JID{}, false
		}
	}
	dom := 0
	if i := strings.IndexByte(s[:end], '@'); i >= 0 {
		dom = i + 1
		if !plainLocal(s[:i]) {
			return JID{}, false
		}
	}
	if !plainDomain(s[dom:end]) {
		return JID{}, false
	}
	j.s, j.dom, j.end = s, uint16(dom), uint16(end)
	return j, true
}

func plainLocal(s string) bool {
	if s == "" || len(s) > maxPart {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '+', c == '=', c == '#', c == '!':
		default:
			return false
		}
	}
	return true
}

// plainDomain takes dotted labels of letters, digits and inner hyphens; "xn--" goes the long way.
func plainDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			label++
		case c == '-':
			if label == 0 || i+1 == len(s) || s[i+1] == '.' || s[i+1] == '-' {
				return false
			}
			label++
		case c == '.':
			if label == 0 || i+1 == len(s) {
				return false
			}
			label = 0
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return true
}

func plainResource(s string) bool {
	if s == "" || len(s) > maxPart {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return s[0] != ' ' && s[len(s)-1] != ' '
}
