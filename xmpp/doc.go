// Package xmpp is the vocabulary of the server: addresses, stanzas, elements and errors, as values.
//
// It implements the syntax of RFC 6120 §8 (stanzas and their errors) and RFC 7622 (addresses). It does no I/O.
// A Stanza and an Element, once made, are never changed: they are shared between recipients and goroutines.
// To alter one, copy the struct and alter the copy. Parsing hostile bytes is the work of package stream;
// what reaches this package as raw XML is already well-formed.
package xmpp
