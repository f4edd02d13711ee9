package interop

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"palabre/server/servertest"
)

// A terminal is a Profanity in a tmux of its own.
type terminal struct {
	t      *testing.T
	socket string
}

// profanity starts one with a home of its own.
func profanity(t *testing.T) *terminal {
	t.Helper()
	term := &terminal{t: t, socket: "palabre-" + rand.Text()}
	home := t.TempDir()
	rc := filepath.Join(home, ".config", "profanity")
	if err := os.MkdirAll(rc, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(rc, "profrc"), []byte("[notifications]\ninvite=false\nmessage=off\nsub=false\n[ui]\nsplash=false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tmux", "-L", term.socket, "-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", "profanity")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"), "XDG_DATA_HOME="+filepath.Join(home, ".local"),
		"TERM=xterm", "LC_ALL=C.UTF-8", "TMUX=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("tmux", "-L", term.socket, "kill-server").Run() })
	return term
}

// types sends a line.
func (x *terminal) types(format string, args ...any) {
	x.t.Helper()
	line := fmt.Sprintf(format, args...)
	for _, keys := range [][]string{{"-l", line}, {"Enter"}} {
		args := append([]string{"-L", x.socket, "send-keys"}, keys...)
		if out, err := exec.Command("tmux", args...).CombinedOutput(); err != nil {
			x.t.Fatalf("tmux: %v\n%s", err, out)
		}
	}
}

// shows waits until the screen holds a text.
func (x *terminal) shows(text string) {
	x.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		screen, err := exec.Command("tmux", "-L", x.socket, "capture-pane", "-p").CombinedOutput()
		if err == nil && strings.Contains(string(screen), text) {
			return
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("the screen does not show %q (%v):\n%s", text, err, screen)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func TestProfanity(t *testing.T) {
	t.Parallel()
	need(t, "tmux")
	need(t, "profanity")
	eachEngine(t, func(t *testing.T, s *servertest.Server) {
		accounts(t, s, "romeo", "juliet")
		host, port, err := net.SplitHostPort(s.Addr("c2s").String())
		if err != nil {
			t.Fatal(err)
		}
		romeo, juliet := profanity(t), profanity(t)
		for name, x := range map[string]*terminal{"romeo": romeo, "juliet": juliet} {
			x.shows("Profanity")
			x.types("/connect %s@example.org server %s port %s tls trust", name, host, port)
			x.shows("Enter password:")
			x.types("%s", servertest.Password)
			x.shows("logged in successfully")
		}

		// a favourite, asked for and approved
		romeo.types("/sub request juliet@example.org")
		juliet.shows("Received authorization request from romeo@example.org")
		juliet.types("/sub allow romeo@example.org")
		romeo.shows("Subscription received from juliet@example.org")
		juliet.types("/status set away \"in the orchard\"")
		romeo.shows("in the orchard")

		// and a conversation
		romeo.types("/msg juliet@example.org But, soft! What light?")
		juliet.shows("romeo@example.org")
		juliet.types("/msg romeo@example.org Ay me!")
		juliet.shows("But, soft! What light?")
		romeo.shows("Ay me!")
	})
}
