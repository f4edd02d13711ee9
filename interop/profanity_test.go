package interop

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	if err := os.WriteFile(filepath.Join(rc, "profrc"), []byte("[notifications]\ninvite=false\nmessage=off\nsub=false\n[ui]\nsplash=false\n[connection]\nreconnect=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tmux", "-L", term.socket, "-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", "profanity")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"), "XDG_DATA_HOME="+filepath.Join(home, ".local"),
		"TERM=xterm", "LC_ALL=C.UTF-8", "TMUX=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	t.Cleanup(term.quit)
	return term
}

// quit ends it, and waits for that: it still writes into its home.
func (x *terminal) quit() {
	x.types("/quit")
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if exec.Command("tmux", "-L", x.socket, "has-session").Run() != nil {
			return
		}
	}
	_ = exec.Command("tmux", "-L", x.socket, "kill-server").Run()
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

// screen is what is to be seen.
func (x *terminal) screen() string {
	out, err := exec.Command("tmux", "-L", x.socket, "capture-pane", "-p").CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return strings.TrimRight(string(out), "\n ")
}

// shows waits until the screen holds a text.
func (x *terminal) shows(text string) {
	x.t.Helper()
	x.showsTimes(1, text)
}

// showsTimes waits until the screen holds a text so many times.
func (x *terminal) showsTimes(n int, text string) {
	x.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		screen := x.screen()
		if strings.Count(screen, text) >= n {
			return
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("the screen does not show %q %d times:\n%s", text, n, screen)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// login logs in somebody whose server can be reached there.
func (x *terminal) login(name, host, port string) {
	x.t.Helper()
	x.shows("Profanity")
	x.types("/connect %s@example.org server %s port %s tls trust", name, host, port)
	x.shows("Enter password:")
	x.types("%s", servertest.Password)
	x.shows("logged in successfully")
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
			x.login(name, host, port)
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

// Profanity sees the server go away and come back, twice in good order and once not, while its connection loses what it was to get. It shows no message twice, and
// all of them, in their order; in good order its sessions go on.
func TestProfanityAway(t *testing.T) {
	t.Parallel()
	need(t, "tmux")
	need(t, "profanity")
	for name, archive := range map[string]string{"with archive": "on", "without": "off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachProcess(t, func(t *testing.T, p *process) { profanityAway(t, p, archive) })
		})
	}
}

func profanityAway(t *testing.T, p *process, archive string) {
	good, bad := newWay(t, net.JoinHostPort(p.host, p.port)), newWay(t, net.JoinHostPort(p.host, p.port))
	romeo, juliet := profanity(t), profanity(t)
	romeo.login("romeo", good.host, good.port)
	juliet.login("juliet", bad.host, bad.port)
	juliet.types("/mam %s", archive)
	romeo.types("/msg juliet@example.org line 1")
	juliet.shows("romeo@example.org")
	juliet.types("/msg romeo@example.org Ay me!")
	juliet.shows("line 1")
	romeo.shows("Ay me!")

	line, away := 1, 0
	say := func(n int) {
		for range n {
			line++
			romeo.types("line %d", line)
			romeo.shows(fmt.Sprint("me: line ", line))
		}
	}
	returns := func(end func() error) {
		must(t, end())
		p.start(t)
		bad.heals()
		away++
		for _, x := range []*terminal{romeo, juliet} {
			x.showsTimes(away, "Connection re-established")
		}
	}
	for i, end := range []func() error{p.Terminate, p.Terminate, p.Kill} {
		if i == 2 {
			returns(p.Terminate) // what a client has acknowledged in the seconds before a crash may come again; not so after a stop
		}
		bad.breaks()
		say(2)
		romeo.types("/win 1")
		romeo.types("/ping") // comes back when the lines have been taken over
		romeo.showsTimes(i+1, "Ping response")
		romeo.types("/win 2")
		returns(end)
		say(1)
		for n := range line {
			juliet.shows(fmt.Sprint("line ", n+1))
		}
	}

	var want []string
	for i := range line {
		want = append(want, fmt.Sprint("line ", i+1))
	}
	for name, x := range map[string]*terminal{"romeo": romeo, "juliet": juliet} {
		screen := x.screen()
		if got := regexp.MustCompile(`line \d+`).FindAllString(screen, -1); !slices.Equal(got, want) {
			t.Errorf("%s sees %v:\n%s", name, got, screen)
		}
	}
	if opened := strings.Count(p.log(t), "session opened"); opened != 4 {
		t.Errorf("%d sessions were opened: two at first, and two after the crash", opened)
	}
}
