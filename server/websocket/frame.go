package websocket

import (
	"bytes"
	"errors"

	"palabre/stream"
	"palabre/xmpp"
)

// nsFraming is the namespace of what begins and ends a stream (RFC 7395 §3.3.2).
const nsFraming = "urn:ietf:params:xml:ns:xmpp-framing"

const (
	streamStart = "<stream:stream"
	streamEnd   = "</stream:stream>"
	declaration = "<?xml version='1.0'?>"
)

// errCut says that what was to be sent was no whole element: an error of ours.
var errCut = errors.New("websocket: a write that is not made of whole elements")

// cutFrame takes the first element off what is written to a stream, and appends it to b as a frame.
func cutFrame(b, written []byte) (frame, rest []byte, err error) {
	written = bytes.TrimPrefix(written, []byte(declaration)) // RFC 7395 §3.3.3
	if rest, ok := bytes.CutPrefix(written, []byte(streamEnd)); ok {
		return append(b, "<close xmlns='"+nsFraming+"'/>"...), rest, nil // §3.6
	}
	if bytes.HasPrefix(written, []byte(streamStart)) {
		return openFrame(b, written)
	}
	var c cutter
	n, done := c.next(written)
	if !done || written[0] != '<' {
		return b, nil, errCut
	}
	return appendFrame(b, written[:n]), written[n:], nil
}

// openFrame makes an <open/> of a stream's start tag (RFC 7395 §3.4).
func openFrame(b, written []byte) (frame, rest []byte, err error) {
	b = append(b, "<open xmlns='"+nsFraming+"'"...)
	n := len(streamStart)
	for {
		name, whole := attribute(written[n:])
		if whole == nil {
			break
		}
		if n += len(whole); !bytes.HasPrefix(name, []byte("xmlns")) {
			b = append(b, whole...)
		}
	}
	if n >= len(written) || written[n] != '>' {
		return b, nil, errCut
	}
	return append(b, '/', '>'), written[n+1:], nil
}

// appendFrame declares what an element takes from the start tag of the stream (RFC 7395 §3.3.3).
func appendFrame(b, e []byte) []byte {
	n := nameEnd(e)
	b = append(b, e[:n]...)
	if bytes.HasPrefix(e, []byte("<stream:")) {
		b = append(b, " xmlns:stream='"+xmpp.NSStream+"'"...)
	} else if !declares(e[n:]) {
		b = append(b, " xmlns='"+xmpp.NSClient+"'"...)
	}
	return append(b, e[n:]...)
}

// nameEnd is where the name of an element ends.
func nameEnd(e []byte) int {
	if i := bytes.IndexAny(e, " \t\r\n/>"); i >= 0 {
		return i
	}
	return len(e)
}

// declares tells whether attributes declare the default namespace.
func declares(b []byte) bool {
	for {
		name, whole := attribute(b)
		if whole == nil {
			return false
		}
		if string(name) == "xmlns" {
			return true
		}
		b = b[len(whole):]
	}
}

// attribute gives the first attribute, with the white space before it, or nothing.
func attribute(b []byte) (name, whole []byte) {
	start := len(b) - len(bytes.TrimLeft(b, " \t\r\n"))
	equals := bytes.IndexAny(b[start:], "=/>")
	if equals <= 0 || b[start+equals] != '=' {
		return nil, nil
	}
	name = bytes.TrimRight(b[start:start+equals], " \t\r\n")
	value := b[start+equals+1:]
	from := bytes.IndexAny(value, `"'`)
	if from < 0 {
		return nil, nil
	}
	to := bytes.IndexByte(value[from+1:], value[from])
	if to < 0 {
		return nil, nil
	}
	return name, b[:start+equals+1+from+1+to+1]
}

// localName is the name of the element at the front of a frame, without its prefix.
func localName(b []byte) string {
	name := b[1:nameEnd(b)]
	return string(name[bytes.LastIndexByte(name, ':')+1:])
}

// unframe gives what TCP would carry instead of an <open/> or a <close/>. Other elements of these names are nil.
func unframe(frame []byte) ([]byte, error) {
	e, err := xmpp.Parse(string(frame), "")
	if err != nil {
		return nil, &stream.Error{Condition: stream.NotWellFormed, Text: "The element that begins or ends a stream cannot be read."}
	}
	switch {
	case e.Is(nsFraming, "close"):
		return []byte(streamEnd), nil
	case !e.Is(nsFraming, "open"):
		return nil, nil
	case len(e.Children) > 0:
		return nil, &stream.Error{Condition: stream.BadFormat, Text: "<open/> is empty."}
	}
	// No default namespace is declared, so that a frame that relies on one is refused (RFC 7395 §3.3.3). In the midst of a stream, the XML declaration is too.
	b := append([]byte(declaration+streamStart), " xmlns:stream='"+xmpp.NSStream+"'"...)
	for _, name := range []string{"to", "from", "version", "id"} {
		if v := e.Attr(name); v != "" {
			b = xmpp.AppendAttr(b, name, v)
		}
	}
	for _, a := range e.Attrs {
		if a.Name == (xmpp.Name{Space: xmpp.NSXML, Local: "lang"}) {
			b = xmpp.AppendAttr(b, "xml:lang", a.Value)
		}
	}
	return append(b, '>'), nil
}
