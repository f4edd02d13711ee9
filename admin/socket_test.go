package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palabre/admin"
	"palabre/server/servertest"
)

// The socket is its owner's alone, and takes the place of one that a dead server left.
func TestSocketIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		ln, err := admin.Listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		ln.(*net.UnixListener).SetUnlinkOnClose(false) // as a server that was killed
		info, err := os.Stat(filepath.Join(dir, admin.SocketName))
		if err != nil {
			t.Fatal(err)
		}
		if want := os.ModeSocket | 0o600; info.Mode() != want {
			t.Errorf("its mode is %v, not %v", info.Mode(), want)
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.Dial(dir); !errors.Is(err, admin.ErrNoServer) {
		t.Errorf("a socket that nobody listens on: %v", err)
	}
}

func TestPathOfSocketIsTooLong(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := admin.Listen(dir)
	if err == nil {
		_ = ln.Close()
		t.Fatal("it was made")
	}
	if !strings.Contains(err.Error(), "set data_dir to a shorter one") {
		t.Errorf("%v", err)
	}
}

// post sends a request as it stands, and gives the status and the error that came back.
func post(t *testing.T, s *servertest.Server, method, path string, body io.Reader) (int, admin.Error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.Config.DataDir, admin.SocketName))
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://palabre"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var e admin.Error
	_ = json.NewDecoder(resp.Body).Decode(&e) // what is no JSON leaves it empty
	return resp.StatusCode, e
}

// What is no call of a function is refused, whatever it is; the server goes on.
func TestHostileCalls(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		kind               admin.Kind
		text               string
	}{
		"unknown function":    {"POST", "/v1/user.frobnicate", "{}", 422, admin.NotFound, "There is no function user.frobnicate."},
		"not by GET":          {"GET", "/v1/user.list", "", 405, "", ""},
		"another path":        {"POST", "/v1/../v1/user.list/x", "{}", 404, "", ""},
		"unknown parameter":   {"POST", "/v1/user.list", `{"limits":1}`, 422, admin.BadRequest, `The parameters can't be read: unknown field "limits".`},
		"wrong type":          {"POST", "/v1/user.list", `{"limit":"many"}`, 422, admin.BadRequest, "The parameters can't be read: "},
		"no JSON":             {"POST", "/v1/user.list", "limit=1", 422, admin.BadRequest, "The parameters can't be read: "},
		"nothing":             {"POST", "/v1/user.list", "", 422, admin.BadRequest, "The parameters can't be read: EOF."},
		"two at once":         {"POST", "/v1/user.list", `{"limit":1} {"limit":2}`, 422, admin.BadRequest, "The parameters can't be read: something follows them."},
		"deeply nested":       {"POST", "/v1/user.list", strings.Repeat("[", 1<<20), 422, admin.BadRequest, "The parameters can't be read: "},
		"too long":            {"POST", "/v1/user.import", strings.Repeat(" ", 4<<20+1), 413, admin.BadRequest, "The request is longer than 4194304 bytes."},
		"too many at once":    {"POST", "/v1/user.import", `{"rows":[` + strings.Repeat(`{},`, 1000) + `{}]}`, 422, admin.BadRequest, "At most 1000 accounts can be imported at once."},
		"page of all":         {"POST", "/v1/user.list", `{"limit":1001}`, 422, admin.BadRequest, "A page has 1 to 1000 accounts."},
		"page of fewer":       {"POST", "/v1/user.list", `{"limit":-1}`, 422, admin.BadRequest, "A page has 1 to 1000 accounts."},
		"control characters":  {"POST", "/v1/user.add", `{"jid":"a\u0000b@example.org","password":"x"}`, 422, admin.BadRequest, "An account is named like"},
		"password of nothing": {"POST", "/v1/user.add", `{"jid":"ab@example.org"}`, 422, admin.BadRequest, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, e := post(t, s, c.method, c.path, strings.NewReader(c.body))
			if status != c.status || e.Kind != c.kind || !strings.HasPrefix(e.Text, c.text) {
				t.Errorf("%d %+v", status, e)
			}
		})
	}
	r := dial(t, s)
	var list admin.ListResult
	if err := r.Call(t.Context(), "user.list", admin.ListParams{}, &list); err != nil || len(list.Users) != 0 {
		t.Errorf("afterwards: %+v, %v", list, err)
	}
}

// dial reaches a server as the command line does.
func dial(t *testing.T, s *servertest.Server) *admin.Remote {
	t.Helper()
	r, err := admin.Dial(s.Config.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}
