// Package stream turns bytes into stanzas and stanzas into bytes: the XML streams of RFC 6120 §4 over a connection.
//
// A Scanner reads XML in one pass and checks it whole (XML 1.0, Namespaces in XML 1.0, the restrictions of RFC 6120 §11.1),
// under limits that hold while the bytes come in, not only at an element's end. A Reader feeds it from a connection and
// holds a buffer only while something is half read. A Queue is the way out: bounded, never blocking, many packets a write.
// What leaves this package as a stanza is well-formed in itself, so the rest of the server may splice its bytes unseen.
package stream
