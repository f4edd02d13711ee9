package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// SocketName is the file in the data directory through which the command line reaches a running server.
const SocketName = "control.sock"

// maxCall is the longest request, in bytes: a page of an import.
const maxCall = 4 << 20

// Listen makes the socket, for the server's own user alone. A socket that a dead server left is replaced: the caller
// holds the lock of the data directory.
func Listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("admin: %w", err)
	}
	old := syscall.Umask(0o177) // so that there is no moment at which others could open it
	defer syscall.Umask(old)
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("the control socket can't be made: %w", err)
	}
	return ln, nil
}

// Serve answers calls until the listener is closed.
func (a *API) Serve(ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/{name}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
		if err != nil {
			reply(w, http.StatusRequestEntityTooLarge, &Error{BadRequest, "The request is too long."})
			return
		}
		out, err := a.call(r.Context(), r.PathValue("name"), body)
		if err != nil {
			reply(w, http.StatusUnprocessableEntity, err)
			return
		}
		reply(w, http.StatusOK, json.RawMessage(out))
	})
	// For whoever looks for a fault: curl --unix-socket control.sock http://palabre/debug/pprof/heap
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	err := s.Serve(ln)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone needs no answer
}

// A Remote calls the functions of a running server.
type Remote struct{ http *http.Client }

// Dial finds the running server of a data directory. The error is ErrNoServer if there is none.
func Dial(dir string) (*Remote, error) {
	path := filepath.Join(dir, SocketName)
	conn, err := net.Dial("unix", path)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("the running server belongs to another user; run this as that user, or as root")
		}
		return nil, ErrNoServer
	}
	_ = conn.Close()
	return &Remote{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}}, nil
}

// ErrNoServer says that no server runs on a data directory.
var ErrNoServer = errors.New("no server is running")

// Call is part of Caller.
func (r *Remote) Call(ctx context.Context, name string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("admin: %s: %w", name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://palabre/v1/"+name, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("admin: %s: %w", name, err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("the server's answer was cut off: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		e := &Error{Kind: Failed, Text: strings.TrimSpace(string(body))}
		_ = json.Unmarshal(body, e) // else the text as it came
		return e
	}
	return json.Unmarshal(body, result)
}

// Close ends what is open.
func (r *Remote) Close() { r.http.CloseIdleConnections() }
