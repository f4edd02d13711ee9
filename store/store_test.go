package store

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"palabre/account"
	"palabre/store/storetest"
	"palabre/xmpp"
)

func TestMain(m *testing.M) {
	if os.Getenv(childFrom) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

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

// tamper runs statements on the database behind the store's back.
func (p place) tamper(t testing.TB, statements ...string) {
	t.Helper()
	if p.URL != "" {
		storetest.Execute(t, p.URL, statements...)
		return
	}
	db, err := modernc().open(filepath.Join(p.DataDir, sqliteFile), 1, url.Values{"_pragma": writerPragmas})
	must(t, err)
	defer db.Close()
	for _, sql := range statements {
		_, err := db.Exec(sql)
		must(t, err)
	}
}

// The database of a newer release is left alone.
func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		s := p.open(t)
		addAccounts(t, s, romeo)
		must(t, s.Close())
		p.tamper(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)")
		_, err := Open(t.Context(), p.Options)
		if err == nil || !strings.Contains(err.Error(), "newer palabre (its schema is version 99") {
			t.Fatalf("a newer schema: %v", err)
		}
		p.tamper(t, "DELETE FROM goose_db_version WHERE version_id = 99")
		s = p.open(t)
		if ok, err := s.Exists(t.Context(), romeo); !ok || err != nil {
			t.Errorf("romeo: %v, %v", ok, err)
		}
	})
}

// One who got past the lock raises the epoch: the first one must not write any more, and says so to the process.
func TestStolenEpoch(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var told []error
		p.Fatal = func(err error) { told = append(told, err) }
		s := p.open(t)
		addAccounts(t, s, romeo)
		p.tamper(t, "UPDATE epoch SET epoch = epoch + 1")
		for range 2 {
			if err := s.Create(t.Context(), account.Account{JID: juliet}); !errors.Is(err, ErrAway) {
				t.Errorf("a write: %v", err)
			}
		}
		if ok, err := s.Exists(t.Context(), juliet); ok || err != nil {
			t.Errorf("juliet: %v, %v", ok, err)
		}
		must(t, s.Close())
		if len(told) != 1 || !errors.Is(told[0], errStolen) {
			t.Errorf("fatal: %v", told)
		}
	})
}

func TestDurability(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		d, err := s.Durability(t.Context())
		must(t, err)
		if d.Level == "" || d.Engine == "" || d.Version == "" || d.Level == Unsafe && len(d.Warnings) == 0 {
			t.Errorf("durability: %+v", d)
		}
	})
}

func TestPlainRefusals(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(blocked, nil, 0o600))
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"nowhere":      {Options{}, "no place for the database is given"},
		"no directory": {Options{DataDir: filepath.Join(blocked, "x")}, "the data directory can't be made"},
		"bad url":      {Options{URL: "postgres://u:sekrit@[::1/x"}, "[database] url is not one of a PostgreSQL database"},
		"nobody there": {Options{URL: "postgres://u:sekrit@127.0.0.1:1/x"}, "the PostgreSQL server at 127.0.0.1 does not answer (connect: connection refused); start it"},
		"no socket":    {Options{URL: "postgres:///x?host=/nonexistent"}, "does not answer (connect: no such file or directory)"},
	} {
		s, err := Open(t.Context(), c.o)
		if err == nil {
			must(t, s.Close())
			t.Fatalf("%s: opened", name)
		}
		if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, "sekrit") || strings.Contains(text, "\n") {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}
