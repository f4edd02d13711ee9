package c2s

import (
	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// beforeBind are the elements of XEP-0198 that may come at any time before a resource is bound.
var beforeBind = elements{
	{Space: nsResume, Local: "enable"}: (*negotiation).refuseEnable,
	{Space: nsResume, Local: "resume"}: (*negotiation).resume,
}

// unexpected is the answer to an element of XEP-0198 that comes too early or too late (§3, §6).
func unexpected() []byte {
	return xmpp.New(nsResume, "failed", xmpp.New(xmpp.NSStanzas, "unexpected-request")).AppendXML(nil, xmpp.NSClient)
}

// resumeFeature offers to resume a session together with authentication (XEP-0198 §9.2).
func resumeFeature(h *server.Host) string {
	if h.Resumer() == nil {
		return ""
	}
	return xmpp.New(nsResume, "sm").String()
}

// refuseEnable: XEP-0198 §3.
func (n *negotiation) refuseEnable(xmpp.Element) error {
	return n.refuseResume(unexpected())
}

// resume: XEP-0198 §5.
func (n *negotiation) resume(e xmpp.Element) error {
	if n.user.IsZero() {
		return n.refuseResume(unexpected())
	}
	resumed, answer, err := n.tryResume(e)
	if err != nil {
		return err
	}
	b := answer.AppendXML(nil, xmpp.NSClient)
	if !resumed {
		return n.refuseResume(b)
	}
	n.welcomeBack(b)
	return nil
}

// refuseResume says no. The client may go on and bind a resource.
func (n *negotiation) refuseResume(answer []byte) error {
	if err := n.c.write(answer); err != nil {
		return err
	}
	if n.binds++; n.binds >= maxBinds {
		return &stream.Error{Condition: stream.PolicyViolation, Text: "Too many tries to resume a session. Bind a resource."}
	}
	return nil
}

// tryResume has the session that the client asks for go on with this connection. The error says that this connection is at its end, and tells nothing of
// the session: it may be there when the server has been restarted.
func (n *negotiation) tryResume(e xmpp.Element) (resumed bool, answer xmpp.Element, err error) {
	c := n.c
	r := c.srv.host.Resumer()
	if r == nil {
		return false, xmpp.New(nsResume, "failed", xmpp.New(xmpp.NSStanzas, "feature-not-implemented")), nil
	}
	c.makeQueue()
	ctx, cancel := n.context()
	defer cancel()
	s, answer := r.Resume(ctx, n.user, e, c)
	if s == nil && c.isAtEnd() {
		return false, answer, errHungUp
	}
	if s == nil {
		return false, answer, nil
	}
	c.take(s)
	return true, answer, nil
}

// isAtEnd tells whether the stream is to end, or has.
func (c *conn) isAtEnd() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// welcomeBack sends what tells the client that its session goes on.
func (n *negotiation) welcomeBack(answer []byte) {
	c := n.c
	c.srv.log.Info("session resumed", "conn", c.id, "jid", c.jid(), "peer", c.remote.String(), "kind", n.mech)
	c.begin(answer)
	n.next = attend
}
