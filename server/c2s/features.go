package c2s

import (
	"slices"
	"strings"

	"palabre/xmpp"
)

// appendLoginFeatures offers the ways to log in (RFC 6120 §6.4.1, XEP-0440 §2, XEP-0388 §2.1). They are made anew for each stream: the domain
// and the connection decide.
func (n *negotiation) appendLoginFeatures(b []byte) []byte {
	n.peer.Offered = n.c.srv.opts.Auth.Mechanisms(n.domain, &n.peer)
	b = append(b, "<stream:features>"...)
	if len(n.peer.Offered) > 0 {
		b = append(b, "<mechanisms xmlns='"+nsSASL+"'>"...)
		b = appendMechanisms(b, n.peer.Offered)
		b = append(b, "</mechanisms>"...)
		b = n.appendBindings(b)
		b = append(b, "<authentication xmlns='"+nsSASL2+"'>"...)
		b = appendMechanisms(b, n.peer.Offered)
		b = append(b, "<inline>"...)
		b = append(b, n.c.srv.inline...)
		b = append(b, "</inline></authentication>"...)
	}
	return append(b, "</stream:features>"...)
}

func appendMechanisms(b []byte, names []string) []byte {
	for _, m := range names {
		b = append(b, "<mechanism>"...)
		b = xmpp.AppendText(b, m)
		b = append(b, "</mechanism>"...)
	}
	return b
}

// appendBindings names the channel bindings, but only beside a mechanism that uses one: a client must take them without it for an attack
// (XEP-0440 §3).
func (n *negotiation) appendBindings(b []byte) []byte {
	plus := func(name string) bool { return strings.HasSuffix(name, "-PLUS") }
	if len(n.peer.Bindings) == 0 || !slices.ContainsFunc(n.peer.Offered, plus) {
		return b
	}
	b = append(b, "<sasl-channel-binding xmlns='"+nsBinding+"'>"...)
	for _, x := range n.peer.Bindings {
		b = append(b, "<channel-binding"...)
		b = xmpp.AppendAttr(b, "type", x.Type)
		b = append(b, '/', '>')
	}
	return append(b, "</sasl-channel-binding>"...)
}

// bindFeature is what Bind 2 offers (XEP-0386 §3.1).
func bindFeature(inline []xmpp.Name) string {
	var spaces []string
	for _, name := range inline {
		spaces = append(spaces, name.Space)
	}
	slices.Sort(spaces)
	e := xmpp.New(nsBind2, "bind")
	if len(spaces) > 0 {
		list := xmpp.New(nsBind2, "inline")
		for _, s := range slices.Compact(spaces) {
			list = list.Add(xmpp.New(nsBind2, "feature").With("var", s))
		}
		e = e.Add(list)
	}
	return e.String()
}

// appendBindFeatures offers what there is after login, as long as no resource is bound (RFC 6120 §7.4).
func (n *negotiation) appendBindFeatures(b []byte) []byte {
	return n.appendFeatures(b, "<bind xmlns='"+nsBind+"'/><session xmlns='"+nsSession+"'><optional/></session>")
}

// appendFeatures offers what the modules have for a client that is logged in.
func (n *negotiation) appendFeatures(b []byte, first string) []byte {
	b = append(b, "<stream:features>"...)
	b = append(b, first...)
	for _, e := range n.c.srv.host.StreamFeatures(n.domain) {
		b = e.AppendXML(b, xmpp.NSClient)
	}
	return append(b, "</stream:features>"...)
}
