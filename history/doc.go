// Package history keeps what was said: the archive of each account and each room, and what waits for a client that comes later, which are the same rows.
//
// It implements XEP-0313 and what belongs to it: stable ids (XEP-0359), hints (XEP-0334), preferences (XEP-0441), tombstones (XEP-0424 §4), offline
// messages (XEP-0160). Invariants: a message is in the archives that it belongs to, once in each, before anybody is told of it; ids rise in the order of
// commits, so that who has seen one has been able to see all below it; a query that is not clear is an error and never the whole archive; only
// the account itself reads its archive, and nobody sees more of a room's than the spans that are theirs.
package history
