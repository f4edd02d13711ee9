// Package interop lets clients that others have written talk to the whole server: slixmpp, Profanity, and mellium's client.
//
// Under CI a missing peer is a failure, elsewhere a skip. Each test runs with the database on SQLite and on PostgreSQL.
package interop
