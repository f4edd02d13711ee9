package server_test

import (
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"palabre/server"
	"palabre/stream"
)

// A poisoned connection has its session end in the midst of getting it.
type poisoned struct {
	session *server.Session
	once    sync.Once
	closed  chan struct{}
}

func (c *poisoned) Send(stream.Packet) bool {
	c.once.Do(func() {
		go c.session.End(nil)
		for len(c.session.Account.Sessions()) > 0 { // the last thing that End does before it looks for the connection
			runtime.Gosched()
		}
		for range 100_000 { // there is nothing else to see until it has found one
			runtime.Gosched()
		}
	})
	return true
}

func (c *poisoned) Close(*stream.Error) { close(c.closed) }
func (c *poisoned) Flush()              {}
func (c *poisoned) Drop()               {}
func (c *poisoned) Remote() netip.Addr  { return netip.Addr{} }

// TestEndWhileResumed: a session that ends while it gets another connection closes that one.
func TestEndWhileResumed(t *testing.T) {
	t.Parallel()
	h := newHost(t, &diary{})
	w := bind(t, h, juliet)
	w.Count(true)
	w.Write(stream.Packet{Raw: "<enabled/>", Begins: true})
	w.SendStanza(message("1"))
	for w.Sent() == 0 {
		runtime.Gosched()
	}
	w.Lose()
	s := w.Session
	c := &poisoned{session: s, closed: make(chan struct{})}
	if err := s.Attach(t.Context(), c, 0); err != nil {
		return // the end has come first
	}
	select {
	case <-c.closed:
	case <-time.After(5 * time.Second):
		t.Error("the session has ended, and its connection stays")
	}
	s.Closed(t.Context())
	s.Parted(t.Context(), nil)
}
