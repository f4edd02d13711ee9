package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/xmpp"
)

// greeted starts a server with an empty database and lets it greet; it returns what was said, and what was logged.
func greeted(t *testing.T, cfg daemon.Config, g greeting) (said, logged string) {
	t.Helper()
	var out, log bytes.Buffer
	d, err := daemon.Open(t.Context(), cfg, slog.New(slog.NewJSONHandler(&log, nil)), "test", func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	g.d, g.out = d, &out
	if err := g.say(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if first := password(t, out.String()); first != "" {
		if err := d.Accounts.SetPassword(ctx, xmpp.MustParseJID("admin@localhost"), "another"); err != nil {
			t.Errorf("the account that was named: %v", err)
		}
	}
	if err := d.Stop(ctx); err != nil {
		t.Error(err)
	}
	return out.String(), log.String()
}

// password finds the one that a person is shown.
func password(t *testing.T, said string) string {
	t.Helper()
	m := regexp.MustCompile(`password  ([A-Z0-9]{20,})  `).FindStringSubmatch(said)
	if m == nil {
		return ""
	}
	return m[1]
}

func atHome(t *testing.T) daemon.Config {
	t.Helper()
	cfg := daemon.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	cfg.Listen = daemon.Listen{C2S: []string{"127.0.0.1:0"}, C2STLS: []string{"127.0.0.1:0"}}
	return cfg
}

// A person is told where to connect and as whom: at the first start with a password, and never again.
func TestGreetingForAPerson(t *testing.T) {
	t.Parallel()
	cfg := atHome(t)
	said, logged := greeted(t, cfg, greeting{terminal: true, defaults: true})
	secret := password(t, said)
	if secret == "" || strings.Contains(logged, secret) {
		t.Errorf("the password %q; logged:\n%s", secret, logged)
	}
	for _, want := range []string{"address   admin@localhost\n", "127.0.0.1, port ", " (STARTTLS) or ", "user add alice@localhost", "Ctrl-C ends"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "admin-password")); !os.IsNotExist(err) {
		t.Errorf("the password is in a file, too: %v", err)
	}
	again, _ := greeted(t, cfg, greeting{terminal: true, defaults: true})
	if password(t, again) != "" || !strings.Contains(again, "password  as before; to set another: ") || !strings.Contains(again, " user password admin@localhost\n") {
		t.Errorf("again:\n%s", again)
	}
}

// A program gets lines of JSON only, and the password is in a file that nobody else can read.
func TestGreetingForAProgram(t *testing.T) {
	t.Parallel()
	cfg := atHome(t)
	said, logged := greeted(t, cfg, greeting{defaults: true})
	file := filepath.Join(cfg.DataDir, "admin-password")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(file)
	if err != nil || len(secret) < 20 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %q %v", info.Mode(), secret, err)
	}
	if said != "" || strings.Contains(logged, strings.TrimSpace(string(secret))) || !strings.Contains(logged, `"jid":"admin@localhost","file":"`+file) {
		t.Errorf("said %q; logged:\n%s", said, logged)
	}
}

// Whoever has configured a server makes the accounts; as long as there is none, the log says how.
func TestGreetingOfAConfiguredServer(t *testing.T) {
	t.Parallel()
	cfg := atHome(t)
	cfg.Domains = []string{"example.org"}
	said, logged := greeted(t, cfg, greeting{terminal: true})
	if said != "" || !strings.Contains(logged, "palabre user add NAME@example.org") {
		t.Errorf("said %q; logged:\n%s", said, logged)
	}
}
