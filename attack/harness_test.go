package attack

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// patience is how long a test waits for what must come. Only one that fails ever uses it up.
const patience = 30 * time.Second

const (
	// secretBody stands in everything that people write to each other here.
	secretBody = "whispered in the garden"
	// nextPassword is what they change their passwords to.
	nextPassword = "Sycamore gr0ve"
)

var (
	juliet  = xmpp.MustParseJID("juliet@example.org")
	romeo   = xmpp.MustParseJID("romeo@example.org")
	mallory = xmpp.MustParseJID("mallory@example.org")
	tybalt  = xmpp.MustParseJID("tybalt@example.org")
)

// TestMain looks, at the end, for goroutines that are left, and through all that all servers have logged.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if found := run.leaked(); len(found) > 0 {
		fmt.Fprintln(os.Stderr, "in the log, and must not be there:", strings.Join(found, "\n"))
		code = 1
	}
	os.Exit(code)
}

// A record is what the whole run has shown: the servers' logs, and what was said that no log may hold.
type record struct {
	mu      sync.Mutex
	logs    []func() string
	secrets map[string]bool
}

var run = &record{secrets: map[string]bool{servertest.Password: true, secretBody: true, nextPassword: true}}

// note remembers the data of SASL that was sent or has come, what PLAIN holds, and what a session is resumed by.
func (r *record) note(s string) {
	if _, enabled, found := strings.Cut(s, "<enabled xmlns='urn:xmpp:sm:3'"); found {
		if id := attribute(enabled, "id"); id != "" {
			r.mu.Lock()
			r.secrets[id] = true
			r.mu.Unlock()
		}
	}
	for _, tag := range []string{"auth", "response", "initial-response", "challenge", "success", "additional-data"} {
		before, _, found := strings.Cut(s, "</"+tag+">")
		data := before[strings.LastIndexByte(before, '>')+1:]
		raw, err := base64.StdEncoding.DecodeString(data)
		if !found || err != nil || len(raw) < 12 {
			continue
		}
		r.mu.Lock()
		r.secrets[data] = true
		if fields := strings.Split(string(raw), "\x00"); len(fields) == 3 {
			r.secrets[fields[2]] = true
		}
		r.mu.Unlock()
	}
}

func (r *record) keep(log func() string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs = append(r.logs, log)
}

// leaked lists the lines that hold what no log may.
func (r *record) leaked() (found []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, log := range r.logs {
		found = append(found, secretsIn(log(), r.secrets)...)
	}
	return found
}

// secretsIn lists the lines of a log that hold a secret. Short ones are looked for as whole words: "x" stands everywhere.
func secretsIn(log string, secrets map[string]bool) (found []string) {
	var long []string
	short := map[string]bool{}
	for s := range secrets {
		if len(s) < 8 {
			short[s] = true
		} else {
			long = append(long, s)
		}
	}
	for line := range strings.Lines(log) {
		words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" =\"\n", r) })
		if slices.ContainsFunc(long, func(s string) bool { return strings.Contains(line, s) }) ||
			slices.ContainsFunc(words, func(w string) bool { return len(w) > 2 && short[w] }) {
			found = append(found, line)
		}
	}
	return found
}

// A site is a server under attack.
type site struct {
	*servertest.Server
	t      testing.TB
	errors bool // the word for one stands in the log without being one
}

// start starts a server. At the end, none of its connections may have failed by the server's own fault, and nothing may have gone wrong.
func start(t testing.TB, change ...func(*daemon.Config)) *site {
	t.Helper()
	s := &site{t: t}
	s.Server = servertest.StartWith(t, func(c *daemon.Config) {
		c.Tuning.Linger = 300 * time.Millisecond
		for _, fn := range change {
			fn(c)
		}
	})
	run.keep(s.Logged)
	t.Cleanup(func() {
		if n := s.C2S.Stats.Panics(); n > 0 {
			t.Errorf("%d connections failed by the server's own fault", n)
		}
		if log := s.Logged(); strings.Contains(log, "level=ERROR") && !s.errors {
			t.Error("errors are logged")
		}
	})
	return s
}

// limitsOff is for tests that log in more often than anybody may guess.
func limitsOff(c *daemon.Config) { c.Limits.Off = true }

// play plays a transcript of testdata against a server of its own.
func play(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	text, err := os.ReadFile(file)
	must(t, err)
	servertest.Play(t, start(t).Server, file, string(text))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something has come about.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come about: %s", what)
		}
	}
}
