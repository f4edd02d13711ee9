package interop

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"palabre/daemon"
	"palabre/directory"
	"palabre/server/servertest"
)

// TestDirectory has slixmpp look for people; what Gajim makes of the answers is checked by its library.
func TestDirectory(t *testing.T) {
	t.Parallel()
	needSlixmpp(t)
	if err := exec.Command(python, "-c", "import nbxmpp").Run(); err != nil {
		missing(t, "python3-nbxmpp is not installed")
	}
	s := servertest.StartWith(t, func(c *daemon.Config) { c.Directory.RosterGroups = []string{"capulets"} })
	accounts(t, s, "romeo", "juliet")
	face, err := os.ReadFile("../directory/testdata/face.png")
	must(t, err)
	photo, err := directory.NewPhoto(face)
	must(t, err)
	out, err := s.Directory.Import(t.Context(), servertest.Domain, []directory.Record{
		{ID: "romeo", Photo: &photo, Fields: directory.Fields{"name": "Romeo Montague", "account": "romeo", "organisation": "House of Montague"}},
		{ID: "juliet", Fields: directory.Fields{"name": "Juliet Capulet", "account": "juliet"}},
		{ID: "capulets", Kind: directory.Group, Fields: directory.Fields{"name": "Capulets"}},
		{ID: "desk", Kind: directory.Mailbox, Fields: directory.Fields{"name": "Help desk", "email": "desk@example.org"}},
	}, false)
	must(t, err)
	for _, o := range out {
		must(t, o.Err)
	}
	_, _, err = s.Directory.Regroup(t.Context(), servertest.Domain, "capulets", directory.MemberChange{Add: []string{"juliet"}})
	must(t, err)
	host, port, err := net.SplitHostPort(s.Addr("c2s").String())
	must(t, err)
	script{"slixmpp_directory.py", host, port, filepath.Join(s.Config.DataDir, "self-signed.pem")}.play(t, func(what string) { t.Errorf("%s: this server can't", what) })
}
