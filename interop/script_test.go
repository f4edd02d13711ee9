package interop

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"palabre/server/servertest"
)

// A script is one for slixmpp.
type script struct {
	name       string // in testdata
	host, port string
	ca         string // the file with the certificate that it trusts
}

// request begins a line by which a script asks for something to be done to the server; it goes on when it has been answered.
const request = "server: "

// play runs a script to its end.
func (s script) play(t *testing.T, obey func(request string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-B", "testdata/"+s.name, s.host, s.port, s.ca, servertest.Password)
	answers, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = cmd.Stdout
	must(t, cmd.Start())
	var said strings.Builder
	ended := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		ended = ended || lines.Text() == "done"
		if what, ok := strings.CutPrefix(lines.Text(), request); ok {
			obey(what)
			_, err := io.WriteString(answers, "done\n")
			must(t, err)
		}
	}
	if err := cmd.Wait(); err != nil || !ended {
		t.Errorf("%s did not come to its end: %v\n%s", s.name, err, &said)
	}
}
