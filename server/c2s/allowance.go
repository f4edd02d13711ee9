package c2s

import (
	"net"

	"palabre/stream"
)

// How many bytes a client may send over TLS: for its handshake, and then until it has logged in. A handshake takes two or three KiB and a login less. Without a
// bound, crypto/tls keeps the pieces of a handshake message up to 64 KiB, before login and in the midst of it.
const (
	handshakeAllowance = 16 << 10
	loginAllowance     = 32 << 10
)

// An allowance is a connection below TLS from which no more than so much is read until it is lifted. It belongs to the reader.
type allowance struct {
	net.Conn
	left   int
	lifted bool
}

var errAllowance = &stream.Error{Condition: stream.PolicyViolation, Text: "That is more than anybody needs to log in."}

// Read is net.Conn's.
func (a *allowance) Read(b []byte) (int, error) {
	if a.lifted {
		return a.Conn.Read(b)
	}
	if a.left == 0 {
		return 0, errAllowance
	}
	n, err := a.Conn.Read(b[:min(len(b), a.left)])
	a.left -= n
	return n, err
}
