package stream

import "palabre/xmpp"

// A Header is what the start tag of a stream says (RFC 6120 §4.7), as it came: addresses are not parsed,
// the version is not compared.
type Header struct {
	To, From string
	ID       string
	Version  string
	Lang     string
	Space    string // the content namespace: jabber:client and the like (RFC 6120 §4.8.2)
}

// AppendOpen writes the XML declaration and the start tag of a stream.
func (h *Header) AppendOpen(b []byte) []byte {
	b = append(b, "<?xml version='1.0'?><stream:stream"...)
	b = xmpp.AppendAttr(b, "xmlns", h.Space)
	b = xmpp.AppendAttr(b, "xmlns:stream", xmpp.NSStream)
	for _, a := range [...]struct{ name, value string }{
		{"id", h.ID}, {"from", h.From}, {"to", h.To}, {"version", h.Version}, {"xml:lang", h.Lang},
	} {
		if a.value != "" {
			b = xmpp.AppendAttr(b, a.name, a.value)
		}
	}
	return append(b, '>')
}

// AppendClose writes the end tag of a stream (RFC 6120 §4.4).
func AppendClose(b []byte) []byte { return append(b, "</stream:stream>"...) }
