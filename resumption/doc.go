// Package resumption lets clients acknowledge what they get, tells them what the server has taken over, and lets a session go on when its connection is lost, or
// the server was restarted (XEP-0198).
//
// The kernel counts, keeps what is not acknowledged, and swaps connections; this package speaks the protocol, decides for how long a session waits, and keeps in the
// store what must outlive the process. Invariants: <a h/> covers a stanza only after it has been told, and no stanza whose being counted would be forgotten by a
// crash that remembers the stream at all; a session is found by its own account only; a session that was saved is restored once.
package resumption
