package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palabre/bench"
)

// Each way of naming the users that does not work says what to do instead.
func TestBenchReadsUsers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte("jid,password\na@example.org,x\nb@example.org,y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o     benchOptions
		users int
		says  string
	}{
		"file":              {benchOptions{users: file}, 2, ""},
		"part of a file":    {benchOptions{users: file, count: 1}, 1, ""},
		"prefix":            {benchOptions{users: "load", count: 7, password: "p", domain: "example.org"}, 7, ""},
		"nothing":           {benchOptions{}, 0, "--users FILE"},
		"no such file":      {benchOptions{users: file + "x"}, 0, "--count"},
		"prefix, no domain": {benchOptions{users: "load", count: 1, password: "p"}, 0, "domain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users, err := c.o.readUsers()
			if len(users) != c.users || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%d users, %v; want %d, %q", len(users), err, c.users, c.says)
			}
		})
	}
}

// The help names every scenario, so that a new one can't be forgotten there.
func TestBenchHelp(t *testing.T) {
	t.Parallel()
	cmd := benchCommand()
	for _, s := range bench.Scenarios() {
		if !strings.Contains(cmd.Long, s.Name()) || !strings.Contains(cmd.Long, s.About()) {
			t.Errorf("the help does not explain %s", s.Name())
		}
	}
}
