package daemon_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palabre/admin"
	"palabre/daemon"
	"palabre/roster"
	"palabre/server/servertest"
	"palabre/store/storetest"
	"palabre/xmpp"
)

// configured is a configuration without a single port.
func configured(t *testing.T) daemon.Config {
	t.Helper()
	cfg := daemon.Default()
	cfg.Domains, cfg.DataDir = []string{servertest.Domain}, filepath.Join(t.TempDir(), "data")
	cfg.Listen = daemon.Listen{}
	cfg.Auth.Iterations, cfg.Auth.IterationsSHA512 = 4096, 4096
	return cfg
}

func open(t *testing.T, cfg daemon.Config) *daemon.Daemon {
	t.Helper()
	d, err := daemon.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), "test", func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirectoryThatOthersCanWriteToIsWarnedOf(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]bool{0o777: true, 0o720: true, 0o755: false, 0o700: false} {
		cfg := configured(t)
		if err := errors.Join(os.Mkdir(cfg.DataDir, 0o700), os.Chmod(cfg.DataDir, mode)); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		d, err := daemon.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(&log, nil)), "test", func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		d.Start()
		if err := d.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if warned := strings.Contains(log.String(), "run 'chmod 700 "+cfg.DataDir+"'"); warned != want {
			t.Errorf("with mode %o the log says: %s", mode, log.String())
		}
	}
}

// An account that is deleted while no server runs leaves nobody subscribed to it (RFC 6121 §3), as one that is deleted while one does.
func TestDeletedWithoutAServer(t *testing.T) {
	t.Parallel()
	romeo, juliet := xmpp.MustParseJID("romeo@example.org"), xmpp.MustParseJID("juliet@example.org")
	engines := map[string]func(t *testing.T, cfg *daemon.Config){
		"SQLite":     func(*testing.T, *daemon.Config) {},
		"PostgreSQL": func(t *testing.T, cfg *daemon.Config) { cfg.Database.URL = storetest.Schema(t, storetest.URL(t)) },
	}
	for name, use := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := configured(t)
			use(t, &cfg)
			d := open(t, cfg)
			for _, pair := range [][2]xmpp.JID{{romeo, juliet}, {juliet, romeo}} {
				if err := d.Accounts.Add(t.Context(), pair[0], "secret"); err != nil {
					t.Fatal(err)
				}
				if err := d.Host.Append(t.Context(), &roster.Change{Account: pair[0], Contact: pair[1], Next: func(it roster.Item) roster.Item {
					it.Subscription, it.Listed = roster.Both, true
					return it
				}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			deleteOffline(t, cfg, romeo)

			d = open(t, cfg)
			items, _, err := d.Store.Roster(t.Context(), juliet)
			if err != nil || len(items) != 1 || items[0].Subscription != roster.None {
				t.Errorf("the contact's roster: %+v, %v", items, err)
			}
			if there, err := d.Accounts.Exists(t.Context(), romeo); there || err != nil {
				t.Errorf("the account is there: %v, %v", there, err)
			}
			if err := d.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func deleteOffline(t *testing.T, cfg daemon.Config, jid xmpp.JID) {
	t.Helper()
	api, done, err := daemon.Offline(t.Context(), cfg, slog.New(slog.DiscardHandler), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Call(t.Context(), "user.delete", admin.UserParams{JID: jid.String()}, &admin.UserResult{}); err != nil {
		t.Error(err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
}

// The first start makes one account, the next ones none, whoever has been made or deleted since.
func TestFirstAccount(t *testing.T) {
	t.Parallel()
	d := open(t, configured(t))
	defer func() {
		if err := d.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	admin := xmpp.MustParseJID("admin@example.org")
	first, err := d.FirstAccount(t.Context())
	if err != nil || first.JID != admin || len(first.Password) < 20 {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := d.FirstAccount(t.Context())
	if err != nil || again.JID != admin || again.Password != "" {
		t.Errorf("again: %+v, %v", again, err)
	}
	other := xmpp.MustParseJID("zoe@example.org")
	if err := d.Accounts.Add(t.Context(), other, "secret"); err != nil {
		t.Fatal(err)
	}
	if err := d.Accounts.Delete(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	later, err := d.FirstAccount(t.Context())
	if err != nil || later.JID != other || later.Password != "" {
		t.Errorf("later: %+v, %v", later, err)
	}
}
