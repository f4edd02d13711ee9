package c2s

import (
	"context"
	"crypto/tls"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// startTLS: RFC 6120 §5.4.2.3.
func (n *negotiation) startTLS(e xmpp.Element) error {
	if n.c.reader.Buffered() > 0 {
		// What came with the request was not protected; it must not be taken for what will be.
		return &stream.Error{Condition: stream.PolicyViolation, Text: "Something was sent after <starttls/> without waiting for the answer."}
	}
	if err := n.c.write([]byte("<proceed xmlns='" + nsTLS + "'/>")); err != nil {
		return err
	}
	n.next = handshake(n.domain)
	return nil
}

// refuseTLS: RFC 6120 §5.4.2.2.
func (n *negotiation) refuseTLS(xmpp.Element) error {
	if err := n.c.write([]byte("<failure xmlns='" + nsTLS + "'/>")); err != nil {
		return err
	}
	return errClosed
}

// needTLS refuses to let somebody log in before TLS (RFC 6120 §6.5.4).
func needTLS(profile string) func(*negotiation, xmpp.Element) error {
	return func(n *negotiation, e xmpp.Element) error {
		n.profile, n.mech = profile, other
		return n.fail("encryption-required", "Turn on TLS in your client first.", false)
	}
}

// A hello is what a handshake needs to know, and what remains to be known of it.
type hello struct {
	c      *conn
	domain string           // that the client named before TLS
	sent   *tls.Certificate // ours
	turn   *turn            // to calculate; nil before and after
}

type helloKey struct{}

// newTLS makes the configuration of a port. There are no tickets: clients hardly ever use them, each login would pay for them, and a resumed
// connection would be bound to the certificate of another one (RFC 5929 §4).
func newTLS(certs *Certificates, protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS12,
		NextProtos:                  protocols,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true, // a batch is one write
		// The client has said hello; the costly part begins, and ends shortly after the certificate is chosen.
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, helloOf(info).await()
		},
		GetCertificate: func(info *tls.ClientHelloInfo) (*tls.Certificate, error) {
			h := helloOf(info)
			defer h.calculated()
			if info.ServerName == "" && h.domain != "" {
				named := *info
				named.ServerName = asciiDomain(h.domain) // RFC 6120 §5.4.3.1
				info = &named
			}
			var err error
			h.sent, err = certs.GetCertificate(info)
			return h.sent, err
		},
	}
}

func helloOf(info *tls.ClientHelloInfo) *hello { return info.Context().Value(helloKey{}).(*hello) }

// await waits for the turn of the client's address.
func (h *hello) await() error {
	var ok bool
	if h.turn, ok = h.c.srv.turns.take(prefixOf(h.c.remote), h.c.srv.opts.LoginTime); !ok {
		return errHungUp
	}
	return nil
}

func (h *hello) calculated() {
	if h.turn != nil {
		h.turn.done()
		h.turn = nil
	}
}

// handshake is the phase of the TLS handshake; domain is the one that the client has named, if it has.
func handshake(domain string) phase {
	return func(c *conn) (phase, error) {
		mode := StartTLS
		if c.reader == nil {
			mode = DirectTLS
		}
		h := &hello{c: c, domain: domain}
		defer h.calculated()
		below := &allowance{Conn: c.raw, left: handshakeAllowance}
		t := tls.Server(below, c.srv.tls[mode])
		// The deadline is the connection's: a context that can end would cost a goroutine.
		err := t.HandshakeContext(context.WithValue(context.Background(), helloKey{}, h))
		if err != nil {
			c.srv.Stats.handshakes.Add(1)
			c.srv.log.Debug("TLS handshake failed", "conn", c.id, "peer", c.remote.String(), "err", err)
			return nil, errHungUp
		}
		if err := c.secure(t); err != nil {
			return nil, err
		}
		return c.trust(below, domain, channelBindings(t.ConnectionState(), h.sent)), nil
	}
}

// trust is where negotiation goes on, or begins, once the connection is protected. below is where reading is bounded until somebody has logged in.
func (c *conn) trust(below *allowance, domain string, bindings []server.Binding) phase {
	n := newNegotiation(c, inTLS)
	if c.neg != nil {
		n.deadline = c.neg.deadline
	}
	below.left = loginAllowance
	n.domain, n.below = domain, below
	n.peer.Secure = true
	n.peer.Bindings = bindings
	c.neg = n
	return func(c *conn) (phase, error) { return c.neg.read() }
}

// secure goes on over TLS, with nothing that came before it (RFC 6120 §5.4.3.3).
func (c *conn) secure(t *tls.Conn) error {
	c.wire = t
	if c.reader == nil {
		c.reader = stream.NewReader(t, xmpp.NSClient, stream.BeforeLogin)
		return nil
	}
	if !c.reader.Secure(t) {
		return errHungUp
	}
	return nil
}
