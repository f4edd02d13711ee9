package stream

import (
	"sync"

	"palabre/xmpp"
)

// work is what is known of the element in progress. Places are counted from its first byte.
type work struct {
	start   int      // the '<' of the tag in progress
	name    qname    // of the start tag in progress
	end     int      // where the name in an end tag begins
	attrs   []attr   // of the start tag in progress
	gap     bool     // there was white space after the last attribute
	quote   byte     // around the value in progress
	run     int      // where the character data in progress begins, for "]]>"
	ref     int      // the '&' of the reference in progress
	char    rune     // its value so far
	digits  bool     // it has one
	back    state    // what it stands in
	open    []elem   // the elements in progress, the top-level one first
	binds   []bind   // the namespace declarations in force, outermost first
	count   int      // elements so far
	names   []string // namespace names that are not bytes of the element; see nsRef
	top     []attr   // the attributes of the top-level element
	outer   int      // how many of binds are its
	inner   int      // where its content begins
	last    int      // where its content ends
	kind    EventKind
	stanza  xmpp.Kind
	kids    []kid  // its child elements
	used    uint64 // which outer declarations are used: bits 0 to 31 of base, 32 to 63 of binds
	patches []span // namespace names inside that must be rewritten
}

type (
	span  struct{ at, end int32 }
	qname struct{ at, colon, end int32 } // colon is 0 where there is no prefix
	attr  struct {
		name  qname
		value span
		plain bool // the value has no reference and no white space but blanks
		decl  bool // it is a namespace declaration
		ns    nsRef
	}
	elem struct {
		name  span
		binds int32 // how many declarations are in force outside of it
	}
	bind struct {
		prefix span // empty for the default namespace
		ns     nsRef
	}
	kid struct {
		local span
		at    span
		ns    nsRef
	}
)

// An nsRef is a resolved namespace name: where it stands in the element's bytes, or, with end 0, its place in
// work.names, or, below zero, in Scanner.base.
type nsRef struct{ at, end int32 }

// The namespace names that are always in work.names.
var (
	nsContent = nsRef{at: 0} // the content namespace, whichever it is: to the rest of the server it is jabber:client
	nsXML     = nsRef{at: 1}
	nsNone    = nsRef{at: 2}
	fixed     = [...]string{xmpp.NSClient, xmpp.NSXML, ""}
)

var works = sync.Pool{New: func() any {
	return &work{
		attrs: make([]attr, 0, 8), top: make([]attr, 0, 8), open: make([]elem, 0, 8),
		binds: make([]bind, 0, 8), kids: make([]kid, 0, 8), names: append(make([]string, 0, 4), fixed[:]...),
	}
}}

// The most children of an element whose work is kept for the next one.
const keptKids = 256

func (w *work) recycle() {
	if cap(w.kids) > keptKids || cap(w.names) > keptKids || cap(w.patches) > keptKids {
		return
	}
	clear(w.names[len(fixed):])
	*w = work{
		attrs: w.attrs[:0], top: w.top[:0], open: w.open[:0], binds: w.binds[:0], kids: w.kids[:0],
		names: w.names[:len(fixed)], patches: w.patches[:0],
	}
	works.Put(w)
}
