package server

import (
	"context"
	"errors"

	"palabre/stream"
	"palabre/xmpp"
)

// ErrDrop, returned by a Hook or a Then function, ends a stanza's way in silence. What an Inbound hook drops or refuses is to the sender as
// if there were no such account: what changed at the sender's side stays, so that the sender can't tell one from the other.
var ErrDrop = errors.New("dropped")

// A Hook decides on a stanza. It may replace p.Stanza by an altered copy and attach writes. It returns nil to let it pass,
// ErrDrop, or an *xmpp.Error that goes back to the sender; any other error is logged and goes back as internal-server-error.
type Hook func(ctx context.Context, p *Passage) error

// An Observer watches a stanza after its commit. reached are the sessions that it was delivered to.
type Observer func(ctx context.Context, p *Passage, reached []*Session)

// Hooks are the places where modules take part. Inside one slice the order is that of the list of modules.
type Hooks struct {
	// Outbound runs for each stanza of a local sender, and touches the sender's account only.
	Outbound []Hook
	// Inbound runs for each stanza to a local account that exists, and touches the recipient's account only.
	Inbound []Hook

	// Committing runs before the writes of a client's stanza are handed to the store, if there are any. It may add to them.
	Committing []func(p *Passage)

	// Sent runs after the commit, once for each message that a local account sent.
	Sent []Observer
	// Delivered runs when a message reached at least one session of a local account.
	Delivered []Observer
	// Undelivered runs when a message to an existing local account reached no session. The sender is not told.
	Undelivered []Observer

	// Sending runs for each packet to a session; true means that the hook has taken it and will send it later, by Session.Write.
	Sending []func(s *Session, p stream.Packet) (taken bool)

	// SessionOpened runs when a resource is bound, before its first stanza.
	SessionOpened []func(ctx context.Context, s *Session)
	// SessionClosed runs once, after a session has left its Account, on the goroutine of its reader. Session.Presence is still what it was.
	SessionClosed []func(ctx context.Context, s *Session)
	// SessionDetached runs when a session has lost its connection and is about to wait for another one.
	SessionDetached []func(s *Session)
	// SessionResumed runs when it is about to get one, before anything is sent on it.
	SessionResumed []func(s *Session)
	// Reached runs when the client of a session has got packets with these marks. It may come before Delivered, and must not block.
	Reached []func(s *Session, marks []int64)
	// Missed runs after SessionClosed for the stanzas that the client has not got, in their order, as far as the server knows. Some may be nothing but
	// a mark, or whole stanzas as bytes. IQ requests have been answered.
	Missed []func(ctx context.Context, s *Session, left []stream.Packet)
	// SessionSaved lets each module put away its part of a session that shall outlive the process, under the module's name.
	SessionSaved []func(s *Session, put func(module string, state []byte))
	// SessionRestored gives it back.
	SessionRestored []func(s *Session, get func(module string) []byte)
	// PresenceChanged tells of availability, directed presence, subscriptions and capabilities.
	PresenceChanged []func(ctx context.Context, c PresenceChange)
	// Barred tells whether owner wants nothing to pass between itself and peer. The kernel asks it before it lets peer see owner, and about what
	// modules send in owner's name; stanzas of clients are the business of the module's own Outbound and Inbound hooks, which give the errors.
	Barred []func(ctx context.Context, owner *Account, peer xmpp.JID) (bool, error)
	// AccountErased runs when an account is deleted, after its sessions have ended and before its rows go.
	AccountErased []func(ctx context.Context, account xmpp.JID) error
}

// A PresenceChange is something that decides who sees what from now on.
type PresenceChange struct {
	Kind    PresenceKind
	Account xmpp.JID // whose presence or roster it is, bare
	Session *Session // whose presence it is; nil for the last four
	// Directed: to whom, in full; Subscribed, Unsubscribed: who sees, or no longer sees, Account; Withheld, Restored: an address, or
	// all that it covers (see xmpp.JID.Covers)
	Contact xmpp.JID
}

// PresenceKind is a kind of PresenceChange.
type PresenceKind uint8

// The kinds of change.
const (
	BecameAvailable   PresenceKind = iota // the session's first available presence
	PresenceUpdated                       // a later one
	BecameUnavailable                     // the session has gone, or says so
	Directed                              // an available presence to one contact
	DirectedEnd                           // and its end
	CapsChanged                           // other capabilities than before (XEP-0115, XEP-0390)
	Subscribed                            // Contact may see Account from now on
	Unsubscribed                          // and no longer
	Withheld                              // Contact is about to be barred: who is covered by it shall see Account leave (XEP-0191 §3.3)
	Restored                              // and no longer: who may see Account shall see it again (XEP-0191 §3.4)
)

// Announce tells the modules of a change.
func (h *Host) Announce(ctx context.Context, c PresenceChange) {
	for _, fn := range h.hooks.PresenceChanged {
		fn(ctx, c)
	}
}
