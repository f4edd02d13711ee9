package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"palabre/stream"
	"palabre/xmpp"
)

// Namespaces of the negotiation: RFC 6120 §5.4, §6.4 and §7.6, RFC 6121 §2.1. nsSession is from before RFC 6121 (its Appendix E).
const (
	nsTLS     = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL    = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBind    = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSession = "urn:ietf:params:xml:ns:xmpp-session"
	nsRoster  = "jabber:iq:roster"
	nsPing    = "urn:xmpp:ping"
)

// limits are wide: a load tool trusts the server that it is pointed at, and its answers can be large.
var limits = stream.Limits{Bytes: 16 << 20, Depth: 128, Attrs: 256, Namespaces: 128, Elements: 1 << 20, Stanzas: true}

// A Dialer logs in to one server. It may be used by many goroutines.
type Dialer struct {
	Address string         // host and port
	Direct  bool           // TLS from the first byte (XEP-0368) rather than STARTTLS
	Roots   *x509.CertPool // what the server's certificate is checked against; nil: it isn't checked
	Sources []netip.Addr   // taken in turn; empty: the system chooses
	MinTLS  uint16         // the lowest version of TLS that will do, as in package tls; 0: 1.2

	dialed atomic.Uint64
	keys   keyring
}

// Login opens a session: TLS, SCRAM-SHA-256, resource binding. Stanzas other than answers to Session.Request are given
// to handle, one after the other, from then on. The session is the caller's to close.
func (d *Dialer) Login(ctx context.Context, u User, handle Handler) (*Session, error) {
	var s *Session
	err := d.login(ctx, u, func(n *negotiation) error {
		jid, err := n.bind()
		s = newSession(jid, n.conn, n.in)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.start(handle)
	return s, nil
}

// A Stream is one whose client is logged in and has no resource yet. Features are what the server offers at this point.
type Stream struct {
	Conn     net.Conn
	In       *stream.Reader
	Features xmpp.Element
}

// Authenticate is Login up to where a resource is bound, or an older stream resumed. The connection is the caller's to close.
func (d *Dialer) Authenticate(ctx context.Context, u User) (s Stream, err error) {
	err = d.login(ctx, u, func(n *negotiation) error {
		s = Stream{n.conn, n.in, n.features}
		return nil
	})
	return s, err
}

// login authenticates, and does what comes then. A connection on which something fails is closed.
func (d *Dialer) login(ctx context.Context, u User, then func(*negotiation) error) error {
	raw, err := d.dial(ctx)
	if err != nil {
		return fmt.Errorf("bench: log in as %s: %w", u.JID, err)
	}
	// A context that ends closes the connection, which ends whatever waits on it.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	n, err := d.encrypt(ctx, raw, u)
	if err == nil {
		err = n.authenticate()
	}
	if err == nil {
		err = then(n)
	}
	if err != nil {
		raw.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("bench: log in as %s: %w", u.JID, err)
	}
	if !stop() {
		raw.Close()
		return fmt.Errorf("bench: log in as %s: %w", u.JID, context.Cause(ctx))
	}
	return nil
}

func (d *Dialer) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	if n := len(d.Sources); n > 0 {
		addr := d.Sources[int(d.dialed.Add(1)-1)%n]
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0))
	}
	return dialer.DialContext(ctx, "tcp", d.Address)
}

// encrypt brings a connection to TLS.
func (d *Dialer) encrypt(ctx context.Context, raw net.Conn, u User) (*negotiation, error) {
	n := &negotiation{user: u, conn: raw, keys: &d.keys}
	if d.Direct {
		err := n.secure(ctx, d.tls(u, "xmpp-client")) // XEP-0368 §3: the ALPN name
		n.in = stream.NewReader(n.conn, xmpp.NSClient, limits)
		return n, err
	}
	n.in = stream.NewReader(n.conn, xmpp.NSClient, limits)
	return n, n.starttls(ctx, d.tls(u))
}

func (d *Dialer) tls(u User, protocols ...string) *tls.Config {
	return &tls.Config{
		ServerName:         u.JID.Domain(),
		RootCAs:            d.Roots,
		InsecureSkipVerify: d.Roots == nil,
		NextProtos:         protocols,
		MinVersion:         max(d.MinTLS, tls.VersionTLS12),
	}
}

// errClosed says that the server ended the stream without saying why.
var errClosed = errors.New("the server closed the stream")
