package websocket

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// hijacked keeps the connection that the library takes from the HTTP server.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack is http.Hijacker's. The deadlines of HTTP end here.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = c
	return c, rw, c.SetDeadline(time.Time{})
}
