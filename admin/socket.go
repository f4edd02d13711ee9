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
	"net/url"
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
	if len(path) > maxPath {
		return nil, fmt.Errorf("the control socket %s can't be made: its path is longer than %d characters; set data_dir to a shorter one", path, maxPath)
	}
	// Linux gives the file the mode of the socket, so that there is no moment at which others could open it.
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }) // elsewhere the Chmod below has to do
	}}
	ln, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("the control socket can't be made: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("the control socket can't be kept from others: %w", err), ln.Close())
	}
	return ln, nil
}

// maxPath is the longest path of a socket that all systems take.
const maxPath = 103

// Serve answers calls until the listener is closed.
func (a *API) Serve(ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/{name}", a.answer)
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

// answer carries out one call.
func (a *API) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		reply(w, http.StatusRequestEntityTooLarge, &Error{BadRequest, fmt.Sprintf("The request is longer than %d bytes.", maxCall)})
		return
	case err != nil:
		reply(w, http.StatusBadRequest, &Error{BadRequest, "The request was cut off."})
		return
	}
	out, err := a.call(r.Context(), r.PathValue("name"), body)
	if err != nil {
		reply(w, http.StatusUnprocessableEntity, err)
		return
	}
	reply(w, http.StatusOK, json.RawMessage(out))
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
		var sent *url.Error
		if errors.As(err, &sent) {
			err = sent.Err // without the address, which means nothing to people
		}
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
