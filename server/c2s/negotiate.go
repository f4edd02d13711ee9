package c2s

import (
	"context"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A negotiation is what is known of a client on its way to a session (RFC 6120 §4.3). It is dropped when a resource is bound.
type negotiation struct {
	c        *conn
	deadline time.Time
	below    *allowance // what TLS reads from; nil before

	domain string   // that the client has chosen; it does not change on this connection
	from   xmpp.JID // who the client says it is on the present stream: worth nothing
	opened bool     // our header of the present stream has been sent
	next   phase    // set when this phase is over

	elements elements // that may come
	peer     server.Peer
	user     xmpp.JID // who the client is, once it has shown so
	exchange server.Exchange
	profile  string  // the namespace in which the exchange is spoken
	mech     string  // the mechanism of the exchange, as it stands in statistics
	asked    request // what the client wants beside being let in
	failures int
	binds    int
}

func newNegotiation(c *conn, e elements) *negotiation {
	return &negotiation{c: c, elements: e, deadline: time.Now().Add(c.srv.opts.LoginTime), peer: server.Peer{Addr: c.remote}}
}

// context is that of one step: it ends when the time for logging in is over.
func (n *negotiation) context() (context.Context, context.CancelFunc) {
	return context.WithDeadline(n.c.srv.ctx, n.deadline)
}

// greet is the phase before STARTTLS.
func greet(c *conn) (phase, error) {
	c.neg = newNegotiation(c, inClear)
	c.reader = stream.NewReader(c.raw, xmpp.NSClient, stream.BeforeLogin)
	return c.neg.read()
}

// read takes what the client sends until the phase is over.
func (n *negotiation) read() (phase, error) {
	for n.next == nil {
		ev, err := n.c.reader.Next()
		if err == nil {
			err = n.take(ev)
		}
		if err != nil {
			return nil, err
		}
	}
	return n.next, nil
}

func (n *negotiation) take(ev stream.Event) error {
	switch ev.Kind {
	case stream.Opened:
		return n.open(ev.Header)
	case stream.Nonza:
		return n.nonza(ev.Nonza)
	case stream.Stanza:
		return n.stanza(ev)
	case stream.Closed:
		return errClosed
	}
	return nil
}

// errTraffic: XEP-0388 §2.4.
var errTraffic = &stream.Error{Condition: stream.NotAuthorized, Text: "While you log in, nothing else may be sent."}

// elements are those of a phase of negotiation, with what takes them.
type elements map[xmpp.Name]func(*negotiation, xmpp.Element) error

var (
	inClear = elements{
		{Space: nsTLS, Local: "starttls"}:       (*negotiation).startTLS,
		{Space: nsSASL, Local: "auth"}:          needTLS(nsSASL),
		{Space: nsSASL2, Local: "authenticate"}: needTLS(nsSASL2),
	}
	inTLS = elements{
		{Space: nsTLS, Local: "starttls"}:       (*negotiation).refuseTLS,
		{Space: nsSASL, Local: "auth"}:          (*negotiation).auth,
		{Space: nsSASL, Local: "response"}:      (*negotiation).response,
		{Space: nsSASL, Local: "abort"}:         (*negotiation).abort,
		{Space: nsSASL2, Local: "authenticate"}: (*negotiation).authenticate,
		{Space: nsSASL2, Local: "response"}:     (*negotiation).response,
		{Space: nsSASL2, Local: "abort"}:        (*negotiation).abort,
	}
)

func (n *negotiation) nonza(e xmpp.Element) error {
	if e.Is(xmpp.NSStream, "error") {
		return errClosed // RFC 6120 §4.9.1.1
	}
	if fn := beforeBind[e.Name]; fn != nil && n.exchange == nil {
		return fn(n, e)
	}
	fn := n.elements[e.Name]
	switch {
	case fn == nil && n.user.IsZero():
		return &stream.Error{Condition: stream.NotAuthorized, Text: "Log in first."} // RFC 6120 §4.9.3.12
	case fn == nil:
		return &stream.Error{Condition: stream.UnsupportedStanzaType, Text: "This server does not know this element."} // RFC 6120 §4.9.3.24
	case !n.user.IsZero():
		return &stream.Error{Condition: stream.PolicyViolation, Text: "You are logged in already."} // XEP-0388 §4.8
	}
	if n.exchange != nil && e.Name.Space != n.profile {
		return errTraffic
	}
	return fn(n, e)
}

// stanza takes what comes between login and bind.
func (n *negotiation) stanza(ev stream.Event) error {
	st := ev.Stanza
	if n.user.IsZero() || ev.BadTo || st.Kind != xmpp.IQ || st.Type != xmpp.TypeSet || !st.Has(nsBind, "bind") {
		return &stream.Error{Condition: stream.NotAuthorized, Text: "Bind a resource first."} // RFC 6120 §7.1
	}
	return n.bindResource(st)
}
