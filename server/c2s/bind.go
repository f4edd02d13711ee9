package c2s

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"palabre/stream"
	"palabre/xmpp"
)

// maxBinds is how often a client may ask for a resource that it can't have: once, and five times more (RFC 6120 §7.7.3).
const maxBinds = 6

// bindResource: RFC 6120 §7.6 and §7.7.
func (n *negotiation) bindResource(st *xmpp.Stanza) error {
	answer, err := n.resource(st)
	if err == nil {
		n.welcome(answer.AppendXML(nil, xmpp.JID{}, ""))
		return nil
	}
	var e *xmpp.Error
	if !errors.As(err, &e) {
		n.c.srv.log.Error("bind failed", "conn", n.c.id, "jid", n.user.String(), "peer", n.c.remote.String(), "err", err)
		e = xmpp.ErrResourceConstraint.With("The server can't do this just now. Try again in a while.")
	}
	reply := st.ErrorReply(e)
	if err := n.c.write(reply.AppendXML(nil, xmpp.JID{}, "")); err != nil {
		return err
	}
	if n.binds++; n.binds >= maxBinds {
		return &stream.Error{Condition: stream.PolicyViolation, Text: "Too many tries to bind a resource."}
	}
	return nil
}

// resource binds what a client asks for, and gives the answer.
func (n *negotiation) resource(st *xmpp.Stanza) (*xmpp.Stanza, error) {
	if st.ID == "" || len(st.Children) != 1 {
		return nil, xmpp.ErrBadRequest.With("An IQ has an id and holds one element.")
	}
	if to := st.To; !to.IsZero() && to != n.user && to != n.user.DomainJID() {
		return nil, xmpp.ErrNotAllowed.With("Bind a resource first.")
	}
	e, _ := st.First()
	r, ok := e.Child(nsBind, "resource")
	if ok && r.Content() == "" {
		ok = false // RFC 6120 §7.7.2.1: as if none had been named
	}
	resource := ""
	if ok {
		resource = r.Content()
	}
	if err := n.c.bind(n.user, resource); err != nil {
		var e *xmpp.Error
		if errors.As(err, &e) && e.Condition == xmpp.ErrJIDMalformed.Condition {
			err = xmpp.ErrBadRequest.With(e.Text) // RFC 6120 §7.7.2.1
		}
		return nil, err
	}
	jid := xmpp.New(nsBind, "jid", xmpp.Text(n.c.session.JID.String()))
	return st.Addressed(xmpp.JID{}).Result(xmpp.New(nsBind, "bind", jid)), nil
}

// bind2 binds a resource that the server makes, and carries out what else was asked for (XEP-0386 §3.2).
func (n *negotiation) bind2() (bound xmpp.Element, err error) {
	id := n.agentID()
	resource := id
	if tag := n.asked.tag; tag != "" {
		if _, err := n.user.WithResource(tag + "/" + id); err == nil {
			resource = tag + "/" + id
		}
	}
	if err := n.c.bind(n.user, resource); err != nil {
		return bound, err
	}
	if n.asked.agent != "" {
		n.c.replace(id)
	}
	ctx, cancel := n.context()
	defer cancel()
	return xmpp.New(nsBind2, "bound", n.c.session.Inline(ctx, n.asked.also)...), nil
}

// agentID is the server's part of a resource: the same at each login of one installation of a client, and a secret to all others, for
// who knows a resource can find out whether it is there (RFC 6120 §7.5).
func (n *negotiation) agentID() string {
	if n.asked.agent == "" {
		return n.c.srv.host.NewID()[:16]
	}
	m := hmac.New(sha256.New, n.c.srv.opts.Secret)
	m.Write([]byte(n.user.String() + "\x00" + n.asked.agent))
	return strings.ToLower(base32.StdEncoding.EncodeToString(m.Sum(nil)[:10]))
}

// replace ends what the same installation has left behind under another tag (XEP-0386 §3.2).
func (c *conn) replace(id string) {
	for _, s := range c.session.Account.Sessions() {
		r := s.JID.Resource()
		if s != c.session && (r == id || strings.HasSuffix(r, "/"+id)) {
			s.End(&stream.Error{Condition: stream.Conflict, Text: "Your client has logged in again."})
		}
	}
}

// welcome sends what tells the client its address; the session begins.
func (n *negotiation) welcome(answer []byte) {
	c := n.c
	c.srv.log.Info("session opened", "conn", c.id, "jid", c.jid(), "peer", c.remote.String(), "kind", n.mech)
	c.begin(answer)
	n.next = attend
}
