// Package courier takes orders to send what was said by e-mail, of rooms and of conversations of two: it finds out who is meant by the names that people type, which part of
// what was said is wanted, and has the mail written. Who may send what is decided by those who give it the order to carry out.
//
// Invariants: a mail goes out together with the notice that it does, in one commit, or not at all; nobody gets it whom the one who orders it has not named,
// or who is no member of a group that they have named.
package courier
