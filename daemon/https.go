package daemon

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"palabre/server/websocket"
)

// pages are what the HTTPS port answers. Each is named here; there is no other.
func (d *Daemon) pages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(websocket.Path, d.WebSocket)
	mux.HandleFunc("GET /.well-known/host-meta", d.WebSocket.HostMeta)
	mux.HandleFunc("GET /.well-known/host-meta.json", d.WebSocket.HostMetaJSON)
	return mux
}

// serveHTTPS answers on an HTTPS port: pages by HTTP/2 or HTTP/1.1, and WebSockets, which begin as HTTP/1.1.
func (d *Daemon) serveHTTPS(ln net.Listener) error {
	g := newGate(ln, mostHTTPS, cmp.Or(d.Config.Tuning.MaxWaitingEach, mostHTTPSEach))
	if d.Config.Limits.Off {
		g = newGate(ln, 0, 0)
	}
	s := &http.Server{
		Handler: d.pages(),
		// As on the ports of XMPP there are no tickets: see c2s.
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: d.certificate.GetCertificate, SessionTicketsDisabled: true},
		ReadHeaderTimeout: 10 * time.Second, // for the handshake, too
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         g.state,
		ErrorLog:          slog.NewLogLogger(d.Log.Handler(), slog.LevelDebug), // what single clients do wrong
	}
	err := s.ServeTLS(g, "", "")
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.Close())
}
