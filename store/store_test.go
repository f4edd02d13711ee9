package store

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"palabre/account"
	"palabre/xmpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A place is where a test has its database, so that it can be opened again.
type place struct{ Options }

// each runs a test on every engine, each time with a database of its own.
func each(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	eachPlace(t, func(t *testing.T, p place) { test(t, p.open(t)) })
}

// eachPlace is each for a test that opens the database itself.
func eachPlace(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqlitePlace(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, postgresPlace(t))
	})
}

func sqlitePlace(t testing.TB) place {
	return place{Options{DataDir: t.TempDir(), Fatal: func(err error) { t.Errorf("fatal: %v", err) }}}
}

func (p place) open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), p.Options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	romeo  = xmpp.MustParseJID("romeo@example.org")
	juliet = xmpp.MustParseJID("juliet@example.org")
)

func addAccounts(t testing.TB, s *Store, jids ...xmpp.JID) {
	t.Helper()
	for _, jid := range jids {
		must(t, s.Create(t.Context(), account.Account{JID: jid}))
	}
}

func TestOpenAgain(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		s := p.open(t)
		addAccounts(t, s, romeo)
		must(t, s.Close())
		s = p.open(t)
		ok, err := s.Exists(t.Context(), romeo)
		must(t, err)
		if !ok {
			t.Error("romeo is gone")
		}
		addAccounts(t, s, juliet) // the numbers go on
	})
}

func TestSecondIsRefused(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		s := p.open(t)
		_, err := Open(t.Context(), p.Options)
		if err == nil || !strings.Contains(err.Error(), "in use by another palabre") {
			t.Fatalf("a second one: %v", err)
		}
		addAccounts(t, s, romeo) // the first goes on
	})
}
