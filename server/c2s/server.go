package c2s

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"palabre/server"
	"palabre/stream"
)

// Mode says when TLS begins on a port.
type Mode uint8

// The modes.
const (
	StartTLS  Mode = iota // the client asks for it (RFC 6120 §5); it can do nothing else before
	DirectTLS             // with the first byte (XEP-0368)
)

// first is the phase with which a connection begins.
func (m Mode) first() phase {
	if m == DirectTLS {
		return handshake("")
	}
	return greet
}

// Options are what a Server is made of. Host, Auth and Certificates are needed; the rest has defaults.
type Options struct {
	Host         *server.Host
	Auth         server.Authenticator
	Certificates *Certificates
	Log          *slog.Logger

	// Secret draws the resources of Bind 2 from the clients' identifiers: with the same one, a client gets the same resource
	// after a restart of the server. Random if empty.
	Secret []byte

	// LimitsOff takes away the bounds on how many clients may be logging in. Sizes and deadlines stay.
	LimitsOff bool
	// MaxWaiting and MaxWaitingEach bound the streams that have not logged in, in all and of one address (an IPv4 address, an
	// IPv6 /64). The oldest gives way to a new one. 16,384 and 4,096 if zero.
	MaxWaiting, MaxWaitingEach int

	LoginTime  time.Duration // for everything up to a bound resource. 30 s if zero
	WriteTime  time.Duration // for one write to a client that is logged in. 20 s if zero
	LingerTime time.Duration // how long a closed stream waits for the client to close its own. 2 s if zero
}

// A Server serves clients.
type Server struct {
	opts   Options
	host   *server.Host
	log    *slog.Logger
	tls    [2]*tls.Config // by Mode
	inline string         // what can be asked for together with authentication, as stream features
	Stats  Stats

	ctx     context.Context // ends when the last connection is cut
	cancel  context.CancelFunc
	ids     atomic.Uint64
	running sync.WaitGroup // connections
	lobby   lobby
	turns   *turns

	mu        sync.Mutex // above a connection's
	closed    bool
	listeners map[net.Listener]bool
	conns     map[*conn]bool
}

// New makes a server. All modules of the host have been registered.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Secret) == 0 {
		o.Secret = make([]byte, 32)
		if _, err := io.ReadFull(rand.Reader, o.Secret); err != nil {
			panic("c2s: no randomness: " + err.Error())
		}
	}
	o.LoginTime = cmp.Or(o.LoginTime, 30*time.Second)
	o.WriteTime = cmp.Or(o.WriteTime, 20*time.Second)
	o.LingerTime = cmp.Or(o.LingerTime, 2*time.Second)
	s := &Server{
		opts: o, host: o.Host, log: o.Log,
		tls:       [2]*tls.Config{StartTLS: newTLS(o.Certificates), DirectTLS: newTLS(o.Certificates, "xmpp-client")},
		inline:    bindFeature(o.Host.InlineFeatures()) + resumeFeature(o.Host),
		lobby:     newLobby(cmp.Or(o.MaxWaiting, 16384), cmp.Or(o.MaxWaitingEach, 4096), o.LimitsOff),
		turns:     newTurns(),
		listeners: map[net.Listener]bool{}, conns: map[*conn]bool{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve takes clients from a listener until it is closed. The error is never nil; net.ErrClosed tells that the listener, or the server,
// was closed.
func (s *Server) Serve(ln net.Listener, mode Mode) error {
	if !s.listen(ln) {
		return net.ErrClosed
	}
	defer s.forget(ln)
	pause := time.Duration(0)
	for {
		c, err := ln.Accept()
		if err == nil {
			pause = 0
			s.accept(c, mode.first())
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return net.ErrClosed
		}
		var ne net.Error
		if !errors.As(err, &ne) {
			return fmt.Errorf("c2s: accept: %w", err)
		}
		// Most likely the process is out of file descriptors: whoever has waited the longest gives one back.
		s.lobby.evict()
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Error("accept failed", "err", err)
		if !s.sleep(pause) {
			return net.ErrClosed
		}
	}
}

// sleep waits, and tells whether the server is still there.
func (s *Server) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *Server) listen(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.listeners[ln] = true
	}
	return !s.closed
}

func (s *Server) forget(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
}

// accept starts a connection's first goroutine. Shutdown waits for its last.
func (s *Server) accept(nc net.Conn, first phase) {
	c := newConn(s, nc)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = nc.Close()
		return
	}
	s.conns[c] = true
	s.running.Add(1)
	s.mu.Unlock()
	s.Stats.accepted.Add(1)
	s.Stats.connections.Add(1)
	s.lobby.enter(c)
	go c.run(first)
}

// gone ends what accept began.
func (s *Server) gone(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.Stats.connections.Add(-1)
	s.running.Done()
}

// Close stops taking clients, closes the listeners and ends the streams of those who have not logged in. It does not wait.
func (s *Server) Close() {
	s.each(func(c *conn) {
		if !c.bound() {
			c.end(shutdownError())
		}
	})
}

// each closes the listeners and does something to every connection.
func (s *Server) each(fn func(*conn)) {
	s.mu.Lock()
	s.closed = true
	for ln := range s.listeners {
		_ = ln.Close()
	}
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		fn(c)
	}
}

// Shutdown ends every stream with system-shutdown and waits until their sessions are through. If the context ends first,
// the connections are cut, and the error is the context's.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancel()
	s.each(func(c *conn) { c.end(shutdownError()) })
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.each(func(c *conn) { _ = c.raw.Close() })
		s.cancel()
		<-done
		return fmt.Errorf("c2s: shutdown: %w", ctx.Err())
	}
}

func shutdownError() *stream.Error {
	return &stream.Error{Condition: stream.SystemShutdown, Text: "The server is going down for a moment. Your client may reconnect."}
}
