package interop

import (
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// TestNbxmpp has Gajim's library publish, and others read.
func TestNbxmpp(t *testing.T) {
	t.Parallel()
	need(t, python)
	if err := exec.Command(python, "-c", "import nbxmpp").Run(); err != nil {
		missing(t, "python3-nbxmpp is not installed")
	}
	eachEngine(t, func(t *testing.T, s *servertest.Server) {
		accounts(t, s, "romeo", "juliet", "nurse")
		must(t, s.Befriend(t, xmpp.MustParseJID("romeo@example.org"), xmpp.MustParseJID("juliet@example.org")))
		host, port, err := net.SplitHostPort(s.Addr("c2s").String())
		must(t, err)
		script{"nbxmpp_published.py", host, port, filepath.Join(s.Config.DataDir, "self-signed.pem")}.play(t, func(what string) { t.Errorf("%s: this server can't", what) })
	})
}
