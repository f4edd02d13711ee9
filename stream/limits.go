package stream

// Limits bound what a peer may make us hold. Each is checked as the bytes come in: a peer that goes over one is
// told at once, whether or not the element ever ends.
type Limits struct {
	Bytes      int  // length of a top-level element or of the stream header
	Depth      int  // nesting, a stanza itself being 1
	Attrs      int  // attributes of one element, namespace declarations among them
	Namespaces int  // namespace declarations in force at one place, besides those of the stream header
	Elements   int  // elements in a top-level element, itself included
	Stanzas    bool // whether stanzas are allowed: not before login (RFC 6120 §4.9.3.12)
}

// BeforeLogin holds for a peer that has not said who it is.
var BeforeLogin = Limits{Bytes: 8 << 10, Depth: 64, Attrs: 64, Namespaces: 32, Elements: 32}

// AfterLogin holds for a peer that is known.
var AfterLogin = Limits{Bytes: 256 << 10, Depth: 64, Attrs: 64, Namespaces: 32, Elements: 5000, Stanzas: true}
