package interop

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A way leads clients to a server. Who comes while there is none waits for it: Profanity gives its session up when it is refused. A way can be bad: then what
// the server sends is lost on it, and nobody is told.
type way struct {
	host, port string

	to     string
	ln     net.Listener
	ends   sync.WaitGroup
	mu     sync.Mutex
	bad    bool
	closed bool
	conns  []net.Conn
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &way{to: to, ln: ln}
	w.host, w.port, err = net.SplitHostPort(ln.Addr().String())
	must(t, err)
	w.ends.Go(w.serve)
	t.Cleanup(w.close)
	return w
}

func (w *way) serve() {
	for {
		client, err := w.ln.Accept()
		if err != nil {
			return
		}
		w.ends.Go(func() { w.carry(client) })
	}
}

func (w *way) carry(client net.Conn) {
	defer client.Close()
	server := w.find()
	if server == nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	w.conns = append(w.conns, client, server)
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return
	}
	w.ends.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	_, _ = io.Copy(lossy{w, client}, server)
	w.mu.Lock()
	bad := w.bad
	w.mu.Unlock()
	if bad { // the client does not learn of the end either
		_, _ = io.Copy(io.Discard, client)
	}
}

// find waits for the server; it gives nil if the way is closed before.
func (w *way) find() net.Conn {
	for {
		server, err := net.Dial("tcp", w.to)
		w.mu.Lock()
		closed := w.closed
		w.mu.Unlock()
		switch {
		case !closed && err == nil:
			return server
		case err == nil:
			_ = server.Close()
			return nil
		case closed:
			return nil
		}
		<-time.After(20 * time.Millisecond)
	}
}

// A lossy writer is what the server writes to.
type lossy struct {
	w *way
	net.Conn
}

func (l lossy) Write(b []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if l.w.bad {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

// breaks has what the server sends from now on be lost.
func (w *way) breaks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad = true
}

// heals cuts the connections of a way that is bad; new ones are good.
func (w *way) heals() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bad {
		w.cutLocked()
	}
}

// close is for good.
func (w *way) close() {
	_ = w.ln.Close()
	w.mu.Lock()
	w.closed = true
	w.cutLocked()
	w.mu.Unlock()
	w.ends.Wait()
}

func (w *way) cutLocked() {
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns, w.bad = nil, false
}
