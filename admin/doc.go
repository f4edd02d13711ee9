// Package admin is what an administrator can do, as one table of named functions.
//
// Each face of it, the command line, and later HTTP and ad-hoc commands, calls the same functions by name with JSON. The command line reaches a
// running server through a Unix socket in its data directory, which only the server's user can open; without a running server the
// same functions work on the database directly. A Server field that is nil means that no server runs.
package admin
