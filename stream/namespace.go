package stream

import (
	"bytes"

	"palabre/xmpp"
)

// declare puts the namespace declarations of the start tag in progress in force (Namespaces in XML 1.0 §3).
func (s *Scanner) declare(b []byte) {
	w := s.w
	for i := range w.attrs {
		a := &w.attrs[i]
		prefix, ok := a.name.declares(b)
		if !ok {
			continue
		}
		a.decl = true
		if len(w.binds) >= s.limits.Namespaces {
			s.fail(PolicyViolation, "too many namespace declarations")
			return
		}
		value, ns := b[a.value.at:a.value.end], nsRef(a.value)
		if !a.plain {
			w.names = append(w.names, decode(string(value)))
			ns = nsRef{at: int32(len(w.names) - 1)}
			value = []byte(w.names[ns.at])
		}
		if !s.mayDeclare(b[prefix.at:prefix.end], value) {
			return
		}
		switch {
		case string(value) == xmpp.NSXML:
			continue // the prefix xml is always declared
		case len(value) == 0:
			ns = nsNone
		case string(value) == s.content:
			ns = nsContent
			if s.content != xmpp.NSClient && len(w.open) > 0 {
				w.patches = append(w.patches, a.value)
			}
		}
		w.binds = append(w.binds, bind{prefix, ns})
	}
}

// declares tells whether an attribute is a namespace declaration, and of which prefix: an empty one is the default.
func (q *qname) declares(b []byte) (prefix span, ok bool) {
	const xmlns = "xmlns"
	switch n := int(q.end - q.at); {
	case n < len(xmlns) || string(b[q.at:q.at+int32(len(xmlns))]) != xmlns:
		return span{}, false
	case n == len(xmlns):
		return span{}, true
	default:
		return span{q.colon + 1, q.end}, int(q.colon-q.at) == len(xmlns)
	}
}

const nsXMLNS = "http://www.w3.org/2000/xmlns/"

// mayDeclare checks the constraints on a declaration (Namespaces in XML 1.0 §2.2, §3).
func (s *Scanner) mayDeclare(prefix, value []byte) bool {
	switch {
	case (string(prefix) == "xml") != (string(value) == xmpp.NSXML):
		s.fail(NotWellFormed, "the prefix xml and its namespace belong to each other")
	case string(prefix) == "xmlns" || string(value) == nsXMLNS:
		s.fail(NotWellFormed, "the prefix xmlns cannot be declared")
	case len(prefix) > 0 && len(value) == 0:
		s.fail(NotWellFormed, "a prefix cannot be undeclared")
	case !isURI(value):
		s.fail(NotWellFormed, "a namespace name that is not a URI")
	default:
		return true
	}
	return false
}

// resolve finds the namespace of the name of an element, or of a qualified attribute.
func (s *Scanner) resolve(b []byte, q qname) nsRef {
	w := s.w
	var prefix []byte
	if q.colon != 0 {
		prefix = b[q.at:q.colon]
	}
	for i := len(w.binds) - 1; i >= 0; i-- {
		d := &w.binds[i]
		if bytes.Equal(b[d.prefix.at:d.prefix.end], prefix) {
			if q.colon != 0 && (i < w.outer || len(w.open) == 0) {
				w.used |= 1 << (maxBinds + i)
			}
			return d.ns
		}
	}
	for i := range s.base {
		if d := &s.base[i]; d.prefix == string(prefix) {
			if q.colon != 0 {
				w.used |= 1 << i
			}
			if d.content {
				return nsContent
			}
			return nsRef{at: int32(-1 - i)}
		}
	}
	switch string(prefix) {
	case "":
		return nsNone
	case "xml":
		return nsXML
	}
	s.fail(NotWellFormed, "a prefix that is not declared")
	return nsNone
}

// name gives a namespace name. It is part of raw, the element's bytes, where it stands there.
func (s *Scanner) name(raw string, ns nsRef) string {
	switch {
	case ns.end > 0:
		return raw[ns.at:ns.end]
	case ns.at >= 0:
		return s.w.names[ns.at]
	}
	return s.base[-1-ns.at].space
}

// is compares a namespace name.
func (s *Scanner) is(b []byte, ns nsRef, name string) bool {
	if ns.end > 0 {
		return string(b[ns.at:ns.end]) == name
	}
	return s.name("", ns) == name
}

// same compares two namespace names.
func (s *Scanner) same(b []byte, x, y nsRef) bool {
	switch {
	case x == y:
		return true
	case x.end > 0 && y.end > 0:
		return bytes.Equal(b[x.at:x.end], b[y.at:y.end])
	case x.end > 0:
		x, y = y, x
	}
	return s.is(b, y, s.name("", x))
}

// unique sees to it that no attribute is there twice, be it by another prefix (Namespaces in XML 1.0 §6.3).
// Limits.Attrs bounds the pairs.
func (s *Scanner) unique(b []byte) {
	attrs := s.w.attrs
	for i := range attrs {
		x := &attrs[i]
		for j := range attrs[:i] {
			y := &attrs[j]
			if !bytes.Equal(x.name.local().of(b), y.name.local().of(b)) {
				continue
			}
			if x.decl == y.decl && (x.name.colon != 0) == (y.name.colon != 0) && s.same(b, x.ns, y.ns) {
				s.fail(NotWellFormed, "an attribute is there twice")
				return
			}
		}
	}
}
