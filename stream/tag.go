package stream

import "palabre/xmpp"

// startTag has the whole of a start tag, which ends at p.
func (s *Scanner) startTag(b []byte, p int, empty bool) (int, bool) {
	w := s.w
	outside := len(w.binds)
	s.declare(b)
	ns := s.resolve(b, w.name)
	for i := range w.attrs {
		if a := &w.attrs[i]; a.name.colon != 0 && !a.decl {
			a.ns = s.resolve(b, a.name)
		}
	}
	s.unique(b)
	switch {
	case s.err != nil:
		return p, false
	case s.phase != inStream:
		return s.streamTag(b, p, ns, empty)
	}
	switch len(w.open) {
	case 0:
		if !s.topTag(b, ns) {
			return p, false
		}
		w.inner, w.last = p, p
	case 1:
		w.kids = append(w.kids, kid{local: w.name.local(), at: span{int32(w.start), int32(p)}, ns: ns})
	}
	if empty {
		w.binds = w.binds[:outside]
	} else {
		w.open = append(w.open, elem{name: span{w.name.at, w.name.end}, binds: int32(outside)})
	}
	w.run, s.state = p, inText
	s.done = len(w.open) == 0
	return p, !s.done
}

// streamTag checks the start tag of a stream (RFC 6120 §4.8.1 to §4.8.3).
func (s *Scanner) streamTag(b []byte, p int, ns nsRef, empty bool) (int, bool) {
	w := s.w
	home := s.resolve(b, qname{})
	switch {
	case string(w.name.local().of(b)) != "stream" || empty:
		s.fail(BadFormat, "a stream's start tag was expected")
	case !s.is(b, ns, xmpp.NSStream):
		s.fail(InvalidNamespace, "this is not the namespace of streams")
	case home != nsContent && home != nsNone && !s.is(b, home, xmpp.NSStream):
		s.fail(InvalidNamespace, "the content namespace is not that of this port")
	case w.declared() > maxDeclared:
		s.fail(PolicyViolation, "the stream's declarations are too long")
	}
	w.kind, s.done = Opened, true
	return p, false
}

// maxDeclared bounds, in bytes, the prefixes and namespaces that a stream's start tag declares. Each stanza that uses one is passed on with its
// declaration: a long one would make of a few bytes a burst that closes the recipient's stream.
const maxDeclared = 512

// declared is the length of all declarations in force.
func (w *work) declared() (n int) {
	for _, d := range w.binds {
		n += int(d.prefix.end - d.prefix.at)
		if d.ns.end > 0 {
			n += int(d.ns.end - d.ns.at)
		} else {
			n += len(w.names[d.ns.at])
		}
	}
	return n
}

// topTag sees what a top-level element is.
func (s *Scanner) topTag(b []byte, ns nsRef) bool {
	w := s.w
	w.outer = len(w.binds)
	w.attrs, w.top = w.top, w.attrs
	w.kind = Nonza
	if ns != nsContent {
		// RFC 6120 §4.8.3: stanzas are of the one content namespace.
		if s.is(b, ns, xmpp.NSClient) || s.is(b, ns, xmpp.NSServer) || ns == nsNone {
			s.fail(InvalidNamespace, "the content namespace is not that of this port")
		}
		return s.err == nil
	}
	switch string(w.name.local().of(b)) {
	case "message":
		w.kind, w.stanza = Stanza, xmpp.Message
	case "presence":
		w.kind, w.stanza = Stanza, xmpp.Presence
	case "iq":
		w.kind, w.stanza = Stanza, xmpp.IQ
	case "handshake":
		if s.content == xmpp.NSComponent { // XEP-0114 §3
			return true
		}
		fallthrough
	default:
		s.fail(UnsupportedStanzaType, "only message, presence and iq are stanzas")
	}
	switch {
	case s.err != nil:
	case w.name.colon != 0:
		s.fail(BadNamespacePrefix, "the content namespace must be the default one") // RFC 6120 §4.8.5
	case !s.limits.Stanzas:
		s.fail(NotAuthorized, "log in first") // RFC 6120 §4.9.3.12
	}
	return s.err == nil
}
