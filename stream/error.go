package stream

import "palabre/xmpp"

// Condition is a defined condition of a stream error (RFC 6120 §4.9.3).
type Condition string

// The conditions of RFC 6120 §4.9.3 that the server gives or meets.
const (
	BadFormat              Condition = "bad-format"
	BadNamespacePrefix     Condition = "bad-namespace-prefix"
	Conflict               Condition = "conflict"
	ConnectionTimeout      Condition = "connection-timeout"
	HostGone               Condition = "host-gone"
	HostUnknown            Condition = "host-unknown"
	ImproperAddressing     Condition = "improper-addressing"
	InternalServerError    Condition = "internal-server-error"
	InvalidFrom            Condition = "invalid-from"
	InvalidNamespace       Condition = "invalid-namespace"
	InvalidXML             Condition = "invalid-xml"
	NotAuthorized          Condition = "not-authorized"
	NotWellFormed          Condition = "not-well-formed"
	PolicyViolation        Condition = "policy-violation"
	RemoteConnectionFailed Condition = "remote-connection-failed"
	Reset                  Condition = "reset"
	ResourceConstraint     Condition = "resource-constraint"
	RestrictedXML          Condition = "restricted-xml"
	SystemShutdown         Condition = "system-shutdown"
	UndefinedCondition     Condition = "undefined-condition"
	UnsupportedEncoding    Condition = "unsupported-encoding"
	UnsupportedFeature     Condition = "unsupported-feature"
	UnsupportedStanzaType  Condition = "unsupported-stanza-type"
	UnsupportedVersion     Condition = "unsupported-version"
)

// An Error is a stream error: it ends the stream (RFC 6120 §4.9.1.1). The text is for people, on both sides.
type Error struct {
	Condition Condition
	Text      string       // or empty
	App       xmpp.Element // an application-specific condition (RFC 6120 §4.9.4), or nothing
}

func (e *Error) Error() string {
	if e.Text == "" {
		return "stream error: " + string(e.Condition)
	}
	return "stream error: " + string(e.Condition) + ": " + e.Text
}

// AppendXML writes the error as it goes on a stream whose header declares the prefix "stream".
// The stream's own end tag is the caller's to add.
func (e *Error) AppendXML(b []byte) []byte {
	b = append(b, "<stream:error>"...)
	b = xmpp.New(xmpp.NSStreams, string(e.Condition)).AppendXML(b, xmpp.NSStream)
	if e.Text != "" {
		text := xmpp.New(xmpp.NSStreams, "text", xmpp.Text(e.Text))
		text.Attrs = []xmpp.Attr{{Name: xmpp.Name{Space: xmpp.NSXML, Local: "lang"}, Value: "en"}}
		b = text.AppendXML(b, xmpp.NSStream)
	}
	if !e.App.IsZero() {
		b = e.App.AppendXML(b, xmpp.NSStream)
	}
	return append(b, "</stream:error>"...)
}
