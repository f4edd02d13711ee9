package server

import (
	"context"
	"net/netip"

	"palabre/xmpp"
)

// An Authenticator decides who may log in. The transports speak SASL with it (RFC 6120 §6, XEP-0388) and know no mechanism.
type Authenticator interface {
	// Mechanisms lists what may be offered to this peer for a domain, the strongest first. It is empty where nobody may log in.
	Mechanisms(domain string, peer *Peer) []string
	// Begin starts an exchange. The error is an *AuthError.
	Begin(domain, mechanism string, peer *Peer) (Exchange, error)
}

// A Peer is what is known of a client before it has logged in.
type Peer struct {
	Addr     netip.Addr
	Secure   bool      // TLS is in place
	Bindings []Binding // the channel bindings of this connection that the server supports, the strongest first (XEP-0440)
	Offered  []string  // the mechanisms that were offered to it, in that order (XEP-0474)
	Failures int       // tries on this stream so far that did not end well; kept by the Authenticator
}

// A Binding is one channel binding of a TLS connection (RFC 5929, RFC 9266).
type Binding struct {
	Type string // tls-exporter, tls-server-end-point
	Data []byte
}

// An Exchange is one run of a SASL mechanism. It is used by one goroutine.
type Exchange interface {
	// Next takes what the client sent (nil: no initial response) and says what to answer.
	// An error is an *AuthError, or one of the store's that the transport reports as temporary-auth-failure.
	Next(ctx context.Context, data []byte) (Step, error)
}

// A Step is the server's turn in an exchange.
type Step struct {
	Data []byte   // the challenge, or the additional data that goes with success
	Done bool     // the client is who it says
	User xmpp.JID // once Done: the bare JID that it may use
}

// An AuthError is a SASL failure: a condition of RFC 6120 §6.5 and a text for people.
type AuthError struct {
	Condition string // not-authorized, invalid-authzid, invalid-mechanism, malformed-request, account-disabled, temporary-auth-failure, ...
	Text      string
	Close     bool // the stream has used up its tries
}

func (e *AuthError) Error() string { return e.Condition + ": " + e.Text }
