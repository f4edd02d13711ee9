// Package interop lets clients that others have written talk to the whole server: slixmpp, Profanity, and mellium's client.
//
// Scripts for slixmpp are in testdata. Where a test has the server end and start again, it is a process of its own.
//
// Under CI a missing peer is a failure, elsewhere a skip. Each test runs with the database on SQLite and on PostgreSQL.
package interop
