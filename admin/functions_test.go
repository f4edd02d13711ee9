package admin_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palabre/admin"
	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

var alice = xmpp.MustParseJID("alice@example.org")

// do calls a function that must work.
func do[R any](t *testing.T, c admin.Caller, name string, params any) R {
	t.Helper()
	var r R
	if err := c.Call(t.Context(), name, params, &r); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// refuse calls a function that must not.
func refuse(t *testing.T, c admin.Caller, name string, params any, kind admin.Kind, text string) {
	t.Helper()
	var e *admin.Error
	err := c.Call(t.Context(), name, params, new(any))
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Text, text) {
		t.Errorf("%s: %v; want %s: %s", name, err, kind, text)
	}
}

// both runs a test with a server, and without one on a database of its own.
func both(t *testing.T, test func(t *testing.T, c admin.Caller)) {
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		test(t, dial(t, servertest.Start(t)))
	})
	t.Run("database", func(t *testing.T) {
		t.Parallel()
		test(t, offline(t))
	})
}

func offline(t *testing.T) admin.Caller {
	t.Helper()
	cfg := daemon.Default()
	cfg.Domains, cfg.DataDir = []string{servertest.Domain, servertest.Other}, filepath.Join(t.TempDir(), "data")
	cfg.Auth.Iterations, cfg.Auth.IterationsSHA512 = 4096, 4096
	api, done, err := daemon.Offline(t.Context(), cfg, slog.New(slog.DiscardHandler), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return api
}

func TestLifeOfAnAccount(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		user := admin.UserParams{JID: "Alice@EXAMPLE.org", Password: "secret"}
		if r := do[admin.UserResult](t, c, "user.add", user); r.JID != "alice@example.org" {
			t.Errorf("added %s", r.JID)
		}
		refuse(t, c, "user.add", user, admin.Conflict, "exists already")
		refuse(t, c, "user.add", admin.UserParams{JID: "x@elsewhere.org", Password: "x"}, admin.BadRequest, "This domain is not one of the server's")
		refuse(t, c, "user.add", admin.UserParams{JID: "bob@example.org/phone", Password: "x"}, admin.BadRequest, "name@domain")
		refuse(t, c, "user.add", admin.UserParams{JID: "bob@example.org"}, admin.BadRequest, "")

		do[admin.UserResult](t, c, "user.password", admin.UserParams{JID: "alice@example.org", Password: "another"})
		do[admin.UserResult](t, c, "user.disable", admin.UserParams{JID: "alice@example.org"})
		if r := do[admin.ListResult](t, c, "user.list", admin.ListParams{}); len(r.Users) != 1 || !r.Users[0].Disabled || r.More {
			t.Errorf("disabled: %+v", r)
		}
		do[admin.UserResult](t, c, "user.enable", admin.UserParams{JID: "alice@example.org"})
		do[admin.UserResult](t, c, "user.delete", admin.UserParams{JID: "alice@example.org"})
		for _, name := range []string{"user.password", "user.disable", "user.enable", "user.delete"} {
			refuse(t, c, name, admin.UserParams{JID: "alice@example.org", Password: "x"}, admin.NotFound, "There is no such account.")
			refuse(t, c, name, admin.UserParams{JID: "example.org", Password: "x"}, admin.BadRequest, "name@domain")
		}
	})
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		var rows []admin.ImportRow
		for i := range 5 {
			rows = append(rows, admin.ImportRow{Line: i + 1, JID: fmt.Sprintf("u%d@example.org", i), Password: "p"})
		}
		rows = append(rows, admin.ImportRow{Line: 6, JID: "v@example.net", Password: "p"})
		if r := do[admin.ImportResult](t, c, "user.import", admin.ImportParams{Rows: rows}); r.Created != 6 {
			t.Fatalf("imported %+v", r)
		}
		var names []string
		after := ""
		for {
			r := do[admin.ListResult](t, c, "user.list", admin.ListParams{Limit: 2, After: after})
			for _, u := range r.Users {
				names = append(names, u.JID)
				after, _, _ = strings.Cut(u.JID, "@")
			}
			if !r.More {
				break
			}
		}
		if !slices.Equal(names, []string{"u0@example.org", "u1@example.org", "u2@example.org", "u3@example.org", "u4@example.org"}) {
			t.Errorf("listed %v", names)
		}
		if r := do[admin.ListResult](t, c, "user.list", admin.ListParams{Domain: "Example.NET"}); len(r.Users) != 1 || r.Users[0].JID != "v@example.net" {
			t.Errorf("the other domain has %+v", r)
		}
		refuse(t, c, "user.list", admin.ListParams{Domain: "example.com"}, admin.NotFound, "it has example.org, example.net.")
		refuse(t, c, "user.list", admin.ListParams{Domain: "u0@example.org"}, admin.NotFound, "no such domain")
	})
}

func TestImportCanBeRunAgain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		rows := []admin.ImportRow{
			{Line: 1, JID: "a@example.org", Password: "p"}, {Line: 2, JID: "A@example.org", Password: "q"},
			{Line: 3, JID: "b@example.com", Password: "p"}, {Line: 4, JID: "c@example.org"}, {Line: 5, Error: "a quote is missing"},
		}
		first := do[admin.ImportResult](t, c, "user.import", admin.ImportParams{Rows: rows})
		if first.Created != 1 || first.Existing != 1 || first.Refused != 3 || len(first.Problems) != 3 {
			t.Fatalf("first: %+v", first)
		}
		if p := first.Problems[2]; p.Line != 5 || p.Error != "a quote is missing" {
			t.Errorf("a row that could not be read: %+v", p)
		}
		if again := do[admin.ImportResult](t, c, "user.import", admin.ImportParams{Rows: rows}); again.Created != 0 || again.Existing != 2 {
			t.Errorf("again: %+v", again)
		}
	})
}

// What a client sees of an administrator.
func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := dial(t, s)
	phone, laptop := login(t, s, "phone"), login(t, s, "laptop")
	if err := phone.Send("<presence><priority>7</priority></presence>"); err != nil {
		t.Fatal(err)
	}
	if err := phone.Fence(); err != nil {
		t.Fatal(err)
	}
	list := do[admin.SessionsResult](t, c, "user.sessions", admin.SessionsParams{JID: "alice@example.org"}).Sessions
	if len(list) != 2 || list[0].JID != "alice@example.org/phone" || !list[0].Available || list[0].Priority != 7 ||
		list[0].Address != "127.0.0.1" || list[0].Since.IsZero() || list[1].Available {
		t.Errorf("sessions: %+v", list)
	}
	if all := do[admin.SessionsResult](t, c, "user.sessions", admin.SessionsParams{}).Sessions; len(all) != 2 {
		t.Errorf("all sessions: %+v", all)
	}
	if users := do[admin.ListResult](t, c, "user.list", admin.ListParams{}).Users; len(users) != 1 || users[0].Sessions != 2 {
		t.Errorf("users: %+v", users)
	}
	if n := do[admin.KickResult](t, c, "user.kick", admin.KickParams{JID: "alice@example.org/laptop", Reason: "go home"}).Ended; n != 1 {
		t.Errorf("ended %d", n)
	}
	ended(t, laptop, "policy-violation", "go home")
	refuse(t, c, "user.kick", admin.KickParams{JID: "alice@example.org/laptop"}, admin.NotFound, "There is no such session.")
	refuse(t, c, "user.kick", admin.KickParams{JID: "example.org"}, admin.BadRequest, "Name an account")
	do[admin.UserResult](t, c, "user.disable", admin.UserParams{JID: "alice@example.org"})
	ended(t, phone, "not-authorized", "This account is disabled.")
	if list := do[admin.SessionsResult](t, c, "user.sessions", admin.SessionsParams{JID: "alice@example.org"}).Sessions; len(list) != 0 {
		t.Errorf("afterwards: %+v", list)
	}
}

func login(t *testing.T, s *servertest.Server, resource string) *servertest.Client {
	t.Helper()
	c, err := s.Login(t, alice, resource)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	return c
}

// ended checks what a client is told at the end of its stream.
func ended(t *testing.T, c *servertest.Client, condition, text string) {
	t.Helper()
	for {
		e, err := c.Next()
		if err != nil {
			t.Fatalf("the stream ended without an error: %v", err)
		}
		if e.Name.Local == "error" && e.Name.Space == xmpp.NSStream {
			if s := e.String(); !strings.Contains(s, condition) || !strings.Contains(s, text) {
				t.Errorf("it ended with %s", s)
			}
			return
		}
	}
}

func TestServerStatus(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := dial(t, s)
	st := do[admin.ServerStatus](t, c, "server.status", admin.None{})
	if st.Version != "test" || st.Since.IsZero() || st.Files == 0 || !slices.Equal(st.Domains, []string{servertest.Domain, servertest.Other}) ||
		len(st.Listen) != 2 || st.Listen[0].Address != s.Addr("c2s").String() {
		t.Errorf("%+v", st)
	}
	if db := st.Database; db.Engine != "SQLite" || db.Version == "" || db.Durability != "local" || db.Error != "" {
		t.Errorf("%+v", db)
	}
	do[admin.None](t, c, "server.reload", admin.None{})
}

// Without a server, what only a server can do is refused with a sentence.
func TestNoServer(t *testing.T) {
	t.Parallel()
	c := offline(t)
	for name, params := range map[string]any{
		"server.status": admin.None{}, "server.reload": admin.None{},
		"user.sessions": admin.SessionsParams{}, "user.kick": admin.KickParams{JID: "alice@example.org"},
	} {
		refuse(t, c, name, params, admin.NotRunning, "The server is not running. Start it with 'palabre serve'.")
	}
	refuse(t, c, "user.frobnicate", admin.None{}, admin.NotFound, "There is no function user.frobnicate.")
}
