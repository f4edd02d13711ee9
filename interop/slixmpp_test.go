package interop

import (
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"palabre/server/servertest"
)

const python = "/usr/bin/python3" // Debian's, which has Debian's modules

func needSlixmpp(t *testing.T) {
	t.Helper()
	need(t, python)
	if err := exec.Command(python, "-c", "import slixmpp").Run(); err != nil {
		missing(t, "python3-slixmpp is not installed")
	}
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
func slixmpp(t *testing.T, name string) {
	t.Helper()
	needSlixmpp(t)
	eachEngine(t, func(t *testing.T, s *servertest.Server) {
		accounts(t, s, "romeo", "juliet", "nurse")
		host, port, err := net.SplitHostPort(s.Addr("c2s").String())
		must(t, err)
		script{name, host, port, filepath.Join(s.Config.DataDir, "self-signed.pem")}.play(t, func(what string) { t.Errorf("%s: this server can't", what) })
	})
}

// What slixmpp makes of a server that goes away and comes back. Each script says what it is about.
func TestSlixmppAway(t *testing.T) {
	t.Parallel()
	needSlixmpp(t)
	for _, name := range []string{"slixmpp_restart.py", "slixmpp_crash.py", "slixmpp_offline.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachProcess(t, func(t *testing.T, p *process) {
				script{name, p.host, p.port, p.ca}.play(t, func(what string) { p.obey(t, what) })
			})
		})
	}
}
