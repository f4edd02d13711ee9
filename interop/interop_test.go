package interop

import (
	"os"
	"os/exec"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/store/storetest"
	"palabre/xmpp"
)

// need finds a program, or ends the test: with a failure under CI, else by skipping it.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, program+" is not installed")
	}
	return path
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s; under CI that is a failure", what)
	}
	t.Skip(what)
}

// eachEngine runs a test with the database on SQLite and on PostgreSQL.
func eachEngine(t *testing.T, test func(t *testing.T, s *servertest.Server)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, servertest.Start(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := storetest.Schema(t, storetest.URL(t))
		test(t, servertest.StartWith(t, func(c *daemon.Config) { c.Database.URL = url }))
	})
}

// accounts makes accounts on the domain of the tests.
func accounts(t *testing.T, s *servertest.Server, names ...string) {
	t.Helper()
	for _, n := range names {
		s.Account(t, xmpp.MustParseJID(n+"@"+servertest.Domain))
	}
}
