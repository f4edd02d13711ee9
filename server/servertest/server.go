package servertest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/roster"
	"palabre/server"
	"palabre/store/storetest"
	"palabre/xmpp"
)

// The domains of a test's server.
const (
	Domain = "example.org"
	Other  = "example.net"
)

// engine names the variable that has every server of the tests use PostgreSQL: PALABRE_TEST_ENGINE=postgres make test
const engine = "PALABRE_TEST_ENGINE"

// Password is everybody's.
const Password = "arbre à palabres"

// A Server is a whole server in the test's process.
type Server struct {
	*daemon.Daemon

	config   daemon.Config
	log      *testLog
	mu       sync.Mutex
	accounts map[xmpp.JID]bool
}

// Start starts a server on SQLite in a temporary folder, with ports that the system gives. It ends with the test.
func Start(t testing.TB) *Server { return StartWith(t, nil) }

// StartWith lets the test change the configuration first.
func StartWith(t testing.TB, change func(*daemon.Config)) *Server {
	t.Helper()
	cfg := daemon.Default()
	cfg.Domains = []string{Domain, Other}
	cfg.DataDir = t.TempDir()
	cfg.Listen = daemon.Listen{C2S: []string{"127.0.0.1:0"}, C2STLS: []string{"127.0.0.1:0"}}
	cfg.Auth.Iterations, cfg.Auth.IterationsSHA512 = 4096, 4096
	if os.Getenv(engine) == "postgres" {
		cfg.Database.URL = storetest.Schema(t, storetest.URL(t))
	}
	if change != nil {
		change(&cfg)
	}
	s := &Server{config: cfg, log: &testLog{t: t}, accounts: map[xmpp.JID]bool{}}
	s.start(t)
	t.Cleanup(func() {
		stop(t, s.Daemon)
		s.log.end()
	})
	return s
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d, err := daemon.Open(context.Background(), s.config, log, "test", func(err error) { t.Errorf("the store says that it is wrong to go on: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	d.Start()
	s.Daemon = d
}

func stop(t testing.TB, d *daemon.Daemon) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// Restart stops the server as SIGTERM does, and starts it again, on other ports.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	stop(t, s.Daemon)
	s.start(t)
}

// Crash goes on with what a kill -9 would have left on the disk at this moment: what the server does on its way down happens to another copy of it. Nothing may be
// under way. A database that is not in the folder can't be copied: then the test is skipped.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	if s.config.Database.URL != "" {
		t.Skip("a copy of PostgreSQL's files is beyond this test; package chaos kills for real")
	}
	before := s.Daemon
	left := t.TempDir()
	for _, name := range []string{"palabre.db", "palabre.db-wal"} {
		data, err := os.ReadFile(filepath.Join(s.config.DataDir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(left, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.config.DataDir = left
	s.start(t)
	stop(t, before)
}

// Account makes an account, if the test has not yet.
func (s *Server) Account(t testing.TB, jid xmpp.JID) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[jid] {
		return
	}
	s.accounts[jid] = true
	if err := s.Accounts.Add(t.Context(), jid, Password); err != nil {
		t.Fatal(err)
	}
}

// Connect opens a stream over TLS to a domain, and logs nobody in.
func (s *Server) Connect(domain string) (*Client, error) {
	return Connect(s.Addr("c2s_tls"), domain)
}

// Login makes the account if need be, logs it in and binds the resource.
func (s *Server) Login(t testing.TB, user xmpp.JID, resource string) (*Client, error) {
	t.Helper()
	s.Account(t, user)
	c, err := s.Connect(user.Domain())
	if err != nil {
		return nil, err
	}
	return c, c.login(user, Password, resource)
}

// Reconnect gives a client another connection, on which it is logged in and nothing is bound: for one that goes on with its session.
func (s *Server) Reconnect(c *Client) error {
	c.Drop()
	next, err := s.Connect(c.JID.Domain())
	if err != nil {
		return err
	}
	if err := next.authenticate(c.JID.Bare(), Password); err != nil {
		return err
	}
	next.JID, next.fences = c.JID, c.fences
	*c = *next
	return nil
}

// Noticed waits until the server has noticed that a client is not connected any more.
func (s *Server) Noticed(full xmpp.JID) error {
	return s.until(full, func(x *server.Session) bool { return x == nil || x.IsAway() })
}

// Lapsed waits until the server has given a client's session up.
func (s *Server) Lapsed(full xmpp.JID) error {
	return s.until(full, func(x *server.Session) bool { return x == nil })
}

// until waits for something to come true of a session; nil is one that is not there any more.
func (s *Server) until(full xmpp.JID, fn func(*server.Session) bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		a := s.Host.Online(full.Bare())
		if a == nil || fn(a.Session(full.Resource())) {
			return nil
		}
		select {
		case <-late:
			return fmt.Errorf("the session of %s is there for too long", full)
		case <-tick.C:
		}
	}
}

// Befriend makes two accounts see each other, before either has logged in.
func (s *Server) Befriend(t testing.TB, a, b xmpp.JID) error {
	t.Helper()
	s.Account(t, a)
	s.Account(t, b)
	for _, j := range []xmpp.JID{a, b} {
		if s.Host.Online(j) != nil {
			return fmt.Errorf("%s is on-line already: put the line before its first step", j)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return s.Host.Append(ctx, friend(a, b), friend(b, a))
}

func friend(owner, contact xmpp.JID) *roster.Change {
	return &roster.Change{Account: owner, Contact: contact, Next: func(it roster.Item) roster.Item {
		it.Subscription, it.Listed = roster.Both, true
		return it
	}}
}

// Logged is all that the server has logged.
func (s *Server) Logged() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.all.String()
}

// A testLog keeps the server's log, shows it in the test's, and checks that no password gets into it.
type testLog struct {
	t     testing.TB
	mu    sync.Mutex
	all   strings.Builder
	ended bool
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(b)
	if l.ended {
		return len(b), nil
	}
	if strings.Contains(string(b), Password) {
		l.t.Errorf("a password is in the log: %s", b)
	}
	l.t.Logf("%s", strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

func (l *testLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}
