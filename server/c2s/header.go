package c2s

import (
	"strconv"
	"strings"

	"palabre/stream"
	"palabre/xmpp"
)

// open answers a stream header with ours and with the features (RFC 6120 §4.3.2).
func (n *negotiation) open(h *stream.Header) error {
	if from, err := xmpp.ParseJID(h.From); err == nil {
		n.from = from.Bare()
	} else {
		n.from = xmpp.JID{}
	}
	if err := n.check(h); err != nil {
		return err
	}
	n.c.lang = language(h.Lang)
	b := n.appendHeader(make([]byte, 0, 1024))
	switch {
	case !n.user.IsZero():
		b = n.appendBindFeatures(b)
	case n.peer.Secure:
		b = n.appendLoginFeatures(b)
	default:
		b = append(b, "<stream:features><starttls xmlns='"+nsTLS+"'><required/></starttls></stream:features>"...)
	}
	return n.c.write(b)
}

// check refuses a header (RFC 6120 §4.7, §4.9.3). The namespaces are the scanner's part.
func (n *negotiation) check(h *stream.Header) error {
	if !speaks(h.Version) {
		return &stream.Error{Condition: stream.UnsupportedVersion, Text: "This server speaks XMPP 1.0."} // §4.9.3.25
	}
	to, err := xmpp.ParseJID(h.To)
	if h.To != "" && (err != nil || to.Local() != "" || to.Resource() != "") {
		return &stream.Error{Condition: stream.ImproperAddressing, Text: "The 'to' of a stream is a domain."} // §4.7.2
	}
	switch {
	case !n.c.srv.host.IsLocal(to.Domain()):
		return &stream.Error{Condition: stream.HostUnknown, Text: "This server does not serve that domain. Check the address of your account."} // §4.9.3.6
	case n.domain != "" && n.domain != to.Domain():
		// What was negotiated was negotiated with the first one: its certificate, its accounts.
		return &stream.Error{Condition: stream.PolicyViolation, Text: "The 'to' of a stream can't change on the way."}
	case h.From != "" && n.from.Domain() != to.Domain(), !n.user.IsZero() && !n.from.IsZero() && n.from != n.user:
		return &stream.Error{Condition: stream.InvalidFrom, Text: "The 'from' of your stream is not an account of this domain, or not yours."} // XEP-0388 §2.1, RFC 6120 §4.9.3.9
	}
	n.domain = to.Domain()
	return nil
}

// speaks tells whether a version is 1.0 or later (RFC 6120 §4.7.5).
func speaks(version string) bool {
	major, minor, ok := strings.Cut(version, ".")
	if !ok {
		return false
	}
	m, err := strconv.ParseUint(major, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	return err == nil && err2 == nil && m >= 1
}

// appendHeader writes our header of the present stream, unless it has been sent. For an unknown domain it names the default one (RFC 6120 §4.9.1.3).
func (n *negotiation) appendHeader(b []byte) []byte {
	if n.opened {
		return b
	}
	n.opened = true
	h := stream.Header{From: n.domain, ID: n.c.srv.host.NewID(), Version: "1.0", Lang: "en", Space: xmpp.NSClient}
	if h.From == "" {
		h.From = n.c.srv.host.Domains()[0]
	}
	if !n.from.IsZero() {
		h.To = n.from.String() // RFC 6120 §4.7.2
	}
	return h.AppendOpen(b)
}

// language is the default language of what the client sends (RFC 6120 §4.7.4), or empty for what can't be one.
func language(tag string) string {
	if len(tag) > 35 { // no tag in use is longer
		return ""
	}
	for _, c := range []byte(tag) {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return ""
		}
	}
	return strings.Clone(tag)
}
