package c2s

import "palabre/stream"

const (
	nsTLS     = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL    = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBind    = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSession = "urn:ietf:params:xml:ns:xmpp-session" // RFC 3921 §3
	nsSASL2   = "urn:xmpp:sasl:2"
	nsBind2   = "urn:xmpp:bind:0"
	nsBinding = "urn:xmpp:sasl-cb:0"
	nsResume  = "urn:xmpp:sm:3"
)

// conditions are those that a client's stream error may name in the log.
var conditions = map[stream.Condition]bool{
	stream.BadFormat: true, stream.BadNamespacePrefix: true, stream.Conflict: true, stream.ConnectionTimeout: true,
	stream.HostGone: true, stream.HostUnknown: true, stream.ImproperAddressing: true, stream.InternalServerError: true,
	stream.InvalidFrom: true, stream.InvalidNamespace: true, stream.InvalidXML: true, stream.NotAuthorized: true,
	stream.NotWellFormed: true, stream.PolicyViolation: true, stream.Reset: true, stream.ResourceConstraint: true,
	stream.RestrictedXML: true, stream.SystemShutdown: true, stream.UnsupportedEncoding: true, stream.UnsupportedFeature: true,
	stream.UnsupportedStanzaType: true, stream.UnsupportedVersion: true,
}
