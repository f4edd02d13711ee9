// Package roster keeps each account's contacts and their subscriptions, with approval.
//
// It implements RFC 6121 §2 (the roster, its versions and pushes) and §3 with the tables of Appendix A (subscriptions, pre-approval).
// Invariants: a state is changed only inside the store's transaction, by a pure function of what is there; both sides of a
// local pair change in one append; caches follow the order of commits, and pushes leave in that order; what a contact sees of an
// account is decided by the account's own roster (subscription from or both), never by the contact's.
package roster
