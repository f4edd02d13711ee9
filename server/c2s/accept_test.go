package c2s_test

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"palabre/server/c2s"
)

// A poorListener is out of file descriptors for a while.
type poorListener struct {
	net.Listener
	failures int
	err      error
}

func (l *poorListener) Accept() (net.Conn, error) {
	if l.failures--; l.failures >= 0 {
		return nil, l.err
	}
	return l.Listener.Accept()
}

// TestOutOfDescriptors: who has waited the longest goes, and the listener goes on.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	oldest, bound := w.opened(t), w.login(t, juliet, "balcony")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	full := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", syscall.EMFILE)}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := w.c2s.Serve(&poorListener{Listener: ln, failures: 2, err: full}, c2s.StartTLS); !errors.Is(err, net.ErrClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	oldest.dies("resource-constraint")
	conn, err := net.Dial("tcp", ln.Addr().String())
	must(t, err)
	l := &line{t: t, conn: conn}
	l.send(header)
	l.until("</stream:features>")
	bound.fence()
	l.send("</stream:stream>")
	l.until("</stream:stream>")
	conn.Close()
	ln.Close()
	serving.Wait()
}

// TestBrokenListener: an error that does not pass ends Serve.
func TestBrokenListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := errors.New("as the test wants it")
	if err := w.c2s.Serve(&poorListener{failures: 1, err: broken}, c2s.DirectTLS); !errors.Is(err, broken) {
		t.Errorf("serve: %v", err)
	}
}

// TestAll: MaxWaiting bounds all addresses together.
func TestAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.MaxWaiting = 2 })
	first := w.opened(t)
	w.opened(t)
	w.opened(t)
	first.dies("resource-constraint")
	w.login(t, juliet, "balcony")
	if n := w.c2s.Waiting(); n != 1 {
		t.Errorf("%d are waiting, want 1", n)
	}
}

// TestLimitsOff: for measurements, any number may wait.
func TestLimitsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.MaxWaiting, o.MaxWaitingEach, o.LimitsOff = 1, 1, true })
	for range 3 {
		defer func(l *line) {
			l.send(plainAuth("juliet", password))
			l.until("<success")
		}(w.opened(t))
	}
}
