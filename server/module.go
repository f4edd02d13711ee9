package server

// A Module is one feature of the server: a XEP, or a part of RFC 6121.
type Module interface {
	Info() Info
	// Register is called once, before the first stanza, in the order of the list in daemon/modules.go.
	Register(h *Host)
}

// Info says what a module is: docs/specs.md is made of it.
type Info struct {
	Name  string // one word, as it stands in logs
	Specs []Spec
}

// A Spec is a specification that a module implements.
type Spec struct {
	Name    string // XEP-0199, RFC 6121
	Version string // as the specification numbers itself; empty for RFCs
	Note    string // what is left out, if anything
}
