package interop

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// run runs a program and fails the test if it fails.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

func TestSlixmpp(t *testing.T) {
	t.Parallel()
	slixmpp(t, "slixmpp_people.py")
}

func TestSlixmppArchive(t *testing.T) {
	t.Parallel()
	slixmpp(t, "slixmpp_archive.py")
}

// slixmpp runs a script of its clients on both engines.
func slixmpp(t *testing.T, script string) {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has Debian's modules
	need(t, python)
	if err := exec.Command(python, "-c", "import slixmpp").Run(); err != nil {
		missing(t, "python3-slixmpp is not installed")
	}
	eachEngine(t, func(t *testing.T, s *servertest.Server) {
		accounts(t, s, "romeo", "juliet")
		host, port, err := net.SplitHostPort(s.Addr("c2s").String())
		if err != nil {
			t.Fatal(err)
		}
		ca := filepath.Join(s.Config.DataDir, "self-signed.pem")
		out := run(t, python, "testdata/"+script, host, port, ca, servertest.Password)
		if !strings.Contains(out, "done") {
			t.Errorf("it did not come to its end:\n%s", out)
		}
		t.Log(out)
	})
}
