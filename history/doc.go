// Package history keeps what was said: the archive of each account (XEP-0313), and what waits for a client that comes later (XEP-0160),
// which are the same rows.
//
// A message is in the archives before anybody is told of it, and gets its ids there, in the order of commits: who has seen an id has been able
// to see all below it. Each client that gets a message learns its id in that account's archive (XEP-0359); what others claim to be such an id is cut out.
package history
