package main

import (
	"fmt"
	"slices"
	"strings"

	"palabre/bench"
)

// An engine is where a server keeps the archive.
type engine string

// The engines; off is no archive at all.
const (
	off          engine = "off"
	inPostgreSQL engine = "postgresql"
	inSQLite     engine = "sqlite"
)

// A task is something to measure: a scenario of the load tool, against a server that is set up in some way.
type task struct {
	name     string // as the command line has it
	scenario string
	archive  engine
	change   func(*bench.Config) // what it differs in from the scenario's defaults; may be nil
}

var tasks = []task{
	{"chat", "chat", off, nil},
	{"chat-sm", "chat", off, func(c *bench.Config) { c.StreamManagement = true }},
	{"chat-postgresql", "chat", inPostgreSQL, nil},
	{"chat-sqlite", "chat", inSQLite, nil},
	{"archive-postgresql", "archive", inPostgreSQL, nil},
	{"archive-sqlite", "archive", inSQLite, nil},
	{"lone-postgresql", "chat", inPostgreSQL, lone},
	{"lone-sqlite", "chat", inSQLite, lone},
	{"room-10", "muc", off, roomOf(10)},
	{"room-50", "muc", off, roomOf(50)},
	{"room-200", "muc", off, roomOf(200)},
	{"room-10-postgresql", "muc", inPostgreSQL, roomOf(10)},
	{"room-50-postgresql", "muc", inPostgreSQL, roomOf(50)},
	{"room-200-postgresql", "muc", inPostgreSQL, roomOf(200)},
	{"enter", "enter", off, nil},
	{"presence", "presence", off, nil},
	{"connect", "connect", off, nil},
	{"unacked", "unacked", off, nil},
	{"churn", "churn", off, nil},
}

// lone is one user who writes to another, and goes on when it has arrived.
func lone(c *bench.Config) {
	c.Users, c.Senders, c.Window, c.StreamManagement = c.Users[:2], 1, 1, true
}

// roomOf is one room of so many.
func roomOf(n int) func(*bench.Config) {
	return func(c *bench.Config) { c.Occupants = n }
}

// usual is what is measured when nothing else is asked for.
const usual = "chat,chat-sm,chat-postgresql,chat-sqlite,archive-postgresql,archive-sqlite," +
	"room-10,room-50,room-200,room-10-postgresql,room-50-postgresql,room-200-postgresql,enter,presence,connect"

// choose finds the tasks of a list of names.
func choose(names string) ([]task, error) {
	var chosen []task
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(tasks, func(t task) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q: choose among %s", name, strings.Join(taskNames(), ", "))
		}
		chosen = append(chosen, tasks[i])
	}
	return chosen, nil
}

func taskNames() []string {
	var names []string
	for _, t := range tasks {
		names = append(names, t.name)
	}
	return names
}

// engines are those that the tasks take, each once.
func engines(chosen []task) []engine {
	var all []engine
	for _, t := range chosen {
		if !slices.Contains(all, t.archive) {
			all = append(all, t.archive)
		}
	}
	return all
}

// users are those that a scenario has.
func (t task) users(s *site) []bench.User {
	switch t.scenario {
	case "connect":
		return s.idle
	case "muc":
		return s.idle
	case "enter":
		return s.idle[:min(enterUsers, len(s.idle))]
	case "unacked":
		return s.idle[:min(unackedUsers, len(s.idle))]
	case "archive":
		return s.readers
	}
	return s.active
}
