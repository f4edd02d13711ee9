// Package daemon is the whole server as a value: its configuration, the one ordered list of its modules, its listeners, its start and its end.
//
// It joins the packages that do not know each other. It is a package of its own, and not part of cmd/palabre, so that tests can start the very server that
// the command starts.
package daemon
