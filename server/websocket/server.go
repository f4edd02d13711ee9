package websocket

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/idna"

	"palabre/stream"
)

// Path is where clients find the WebSocket.
const Path = "/xmpp-websocket"

// subprotocol: RFC 7395 §3.1.
const subprotocol = "xmpp"

// Options are what a Server is made of. Take and Domains are needed.
type Options struct {
	// Take serves a connection that is as one of TCP, over TLS of this state, and does not wait for it. It closes it in the end, whatever happens.
	Take func(net.Conn, tls.ConnectionState)

	Domains []string // that clients log in to; the first is the default. Pages of theirs may connect
	Origins []string // other pages that may, as "https://chat.example.org"
	Log     *slog.Logger

	Idle     time.Duration // after which a client that has said nothing is pinged. 1 min if zero
	PongTime time.Duration // for its answer. 1 min if zero
	Now      func() time.Time
}

// A Server takes clients that come over WebSocket. Its handlers are for HTTPS only.
type Server struct {
	opts    Options
	pieces  sync.Pool      // of *[pieceSize]byte
	running sync.WaitGroup // connections, and pings

	mu     sync.Mutex // leaf
	closed bool
}

// New makes a server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Idle = cmp.Or(o.Idle, time.Minute)
	o.PongTime = cmp.Or(o.PongTime, time.Minute)
	domains := make([]string, len(o.Domains))
	for i, d := range o.Domains {
		domains[i] = d
		if a, err := idna.Lookup.ToASCII(d); err == nil { // as it stands in URLs
			domains[i] = a
		}
	}
	o.Domains = domains
	return &Server{opts: o, pieces: sync.Pool{New: func() any { return new([pieceSize]byte) }}}
}

// Close takes no more connections and waits until all have ended. Who took them ends them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
}

// enter counts a connection, unless the server has been closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running.Add(1)
	}
	return !s.closed
}

// ServeHTTP makes a WebSocket of a request (RFC 7395 §3.1), and stays with it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil { // RFC 7395 §3.9
		http.Error(w, "XMPP over WebSocket needs TLS: use wss.", http.StatusForbidden)
		return
	}
	if !s.mayConnect(r) {
		s.opts.Log.Info("a page of a foreign origin was refused", "peer", r.RemoteAddr)
		http.Error(w, "Pages of this origin may not connect. The administrator can add it to web.origins.", http.StatusForbidden)
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		if r.ProtoMajor == 1 { // HTTP/2 knows no such header
			w.Header().Set("Upgrade", "websocket")
		}
		http.Error(w, "This is where clients connect by WebSocket, with the subprotocol xmpp.", http.StatusUpgradeRequired)
		return
	}
	if !offers(r, subprotocol) {
		http.Error(w, "The subprotocol must be xmpp (RFC 7395).", http.StatusBadRequest)
		return
	}
	h := &hijacked{ResponseWriter: w}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // mayConnect has seen to it
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // the client has been told
	}
	s.serve(newConn(ws, h.conn), *r.TLS)
}

// serve hands over a connection and stays until it has been closed.
func (s *Server) serve(c *conn, state tls.ConnectionState) {
	if !s.enter() {
		_ = c.Close()
		return
	}
	defer s.running.Done()
	c.ws.SetReadLimit(int64(stream.AfterLogin.Bytes) + pieceSize) // the scanner, whose limit is lower, comes first
	c.heard.Store(s.opts.Now().UnixNano())
	p := s.watch(c)
	defer p.stop()
	s.opts.Take(c, state)
	s.pump(c)
	<-c.over
}

// mayConnect checks where the page comes from that wants to connect (RFC 6455). What is no browser has no Origin.
func (s *Server) mayConnect(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || u.Host == "" {
		return false
	}
	origin := strings.ToLower(u.Scheme + "://" + u.Host)
	return origin == "https://"+strings.ToLower(r.Host) || slices.Contains(s.opts.Origins, origin) ||
		u.Scheme == "https" && slices.Contains(s.opts.Domains, strings.ToLower(u.Host))
}

// offers tells whether a request names a subprotocol. They are compared as they stand (RFC 6455).
func offers(r *http.Request, name string) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for v := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(v) == name {
				return true
			}
		}
	}
	return false
}
