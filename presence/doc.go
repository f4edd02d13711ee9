// Package presence tells those who may know that somebody is there, and how.
//
// It implements RFC 6121 §4: initial, later and unavailable presence, probes, directed presence; and the rules of §8.5 that keep
// strangers from learning whether an account exists or is on-line. Invariants: a session's presence is set before it is told, and
// whoever reads it to pass it on looks again afterwards, so that nobody is left with an older one; every recipient's Inbound hooks
// decide; what was directed to somebody is remembered, within bounds, until it is withdrawn.
package presence
