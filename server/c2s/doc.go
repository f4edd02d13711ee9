// Package c2s is the transport for clients over TCP: STARTTLS on one port, TLS from the first byte on another.
//
// It implements RFC 6120 §4 to §7, XEP-0368 (direct TLS), XEP-0388 (SASL2), XEP-0386 (Bind 2) and XEP-0440, with the channel
// bindings of RFC 5929 and RFC 9266. A connection has one goroutine, which reads, at any time: it negotiates, then feeds the session, and
// whatever ends the stream ends it there. Each phase runs on a goroutine of its own, so that an idle one has a small stack.
// Before login a client has 30 s, 8 KiB and a bounded place among the others; nothing but the authenticator's word makes it somebody.
package c2s
