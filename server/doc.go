// Package server is the kernel: it routes stanzas between sessions and modules (RFC 6120 §10, RFC 6121 §8).
//
// A stanza is decided, committed and told, in this order; nothing is told before what it writes is durable.
// Everything known of an account hangs on one Account, found by its bare JID. Identity comes from the session, never
// from what a stanza says. Lock tiers: the gate of Shutdown (0), a shard of the account table (1), an Account, or the owner of a Sequence (2),
// a flow (3), a Slot's own (4); a holder takes only higher numbers, and no lock is held over I/O or over a call into a module.
package server
