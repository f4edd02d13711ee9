package c2s

import (
	"crypto/tls"
	"net"

	"palabre/stream"
	"palabre/xmpp"
)

// Take serves a client that another transport has brought, and does not wait for it. nc carries what TCP would, each Write being whole elements (the start and
// the end of a stream are elements here), and TLS stands below it already: state is that of its connection. nc.Close wakes whoever reads or writes.
// A *stream.Error that nc.Read gives is told to the client.
//
// Everything from the first stream header on is as with a connection of our own: the lobby, the limits, the deadlines, the session.
func (s *Server) Take(nc net.Conn, state tls.ConnectionState) {
	s.accept(nc, func(c *conn) (phase, error) {
		below := &allowance{Conn: c.raw}
		c.reader = stream.NewReader(below, xmpp.NSClient, stream.BeforeLogin)
		return c.trust(below, "", channelBindings(state, nil)), nil
	})
}
