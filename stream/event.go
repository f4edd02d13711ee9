package stream

import "palabre/xmpp"

// EventKind says what was read.
type EventKind uint8

// What can be read from a stream.
const (
	None   EventKind = iota // nothing yet: more bytes are needed
	Opened                  // the stream's start tag: Event.Header
	Stanza                  // a message, presence or IQ: Event.Stanza
	Nonza                   // another top-level element, such as those of TLS and SASL negotiation: Event.Nonza
	Closed                  // the stream's end tag
)

// An Event is what a Scanner or a Reader found.
type Event struct {
	Kind   EventKind
	Header *Header
	Stanza *xmpp.Stanza
	Nonza  xmpp.Element

	// BadTo and BadFrom tell that the stanza had such an attribute but no address in it. The field of the stanza is
	// then zero, as if the attribute were absent, and the stanza must not be routed: it is answered with
	// xmpp.ErrJIDMalformed (RFC 6120 §8.3.3.8), or on a stream between servers with improper-addressing (§4.9.3.7).
	BadTo, BadFrom bool
}
