package c2s

import (
	"encoding/base64"
	"errors"
	"strings"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// maxFailures is how often a stream may fail to log in. It is more than the five retries of RFC 6120 §6.4.5: slixmpp 1.8 tries seven ways, from
// tls-unique down to PLAIN.
const maxFailures = 8

// other stands in statistics for mechanisms that were not offered.
const other = "other"

// auth: RFC 6120 §6.4.2. One that comes in the middle of an exchange begins anew.
func (n *negotiation) auth(e xmpp.Element) error {
	n.profile = nsSASL
	n.setMechanism(e.Attr("mechanism"))
	content := e.Content()
	if content == "" {
		return n.begin(e.Attr("mechanism"), nil)
	}
	if content == "=" {
		return n.begin(e.Attr("mechanism"), []byte{})
	}
	data, ok := decode64(e)
	if !ok {
		return n.badEncoding()
	}
	return n.begin(e.Attr("mechanism"), data)
}

func (n *negotiation) setMechanism(name string) {
	n.mech = other
	for _, m := range n.peer.Offered {
		if m == name {
			n.mech = m
		}
	}
}

// begin starts an exchange.
func (n *negotiation) begin(mechanism string, initial []byte) error {
	n.exchange = nil
	x, err := n.c.srv.opts.Auth.Begin(n.domain, mechanism, &n.peer)
	if err != nil {
		return n.refuse(err)
	}
	n.exchange = x
	return n.step(initial)
}

// response: RFC 6120 §6.4.3, XEP-0388 §2.5.
func (n *negotiation) response(e xmpp.Element) error {
	if n.exchange == nil {
		n.setProfile(e)
		return n.fail("malformed-request", "There is nothing that this could be a response to.", false)
	}
	data, ok := decode64(e)
	if !ok {
		return n.badEncoding()
	}
	return n.step(data)
}

// abort: RFC 6120 §6.4.4, XEP-0388 §4.5.
func (n *negotiation) abort(e xmpp.Element) error {
	n.setProfile(e)
	return n.fail("aborted", "", false)
}

func (n *negotiation) setProfile(e xmpp.Element) {
	if n.exchange == nil {
		n.profile, n.mech = e.Name.Space, other
	}
}

func (n *negotiation) step(data []byte) error {
	ctx, cancel := n.context()
	defer cancel()
	step, err := n.exchange.Next(ctx, data)
	if err != nil {
		return n.refuse(err)
	}
	if !step.Done {
		return n.c.write(appendData(nil, n.profile, "challenge", step.Data))
	}
	n.exchange = nil
	if !n.from.IsZero() && n.from != step.User {
		// RFC 6120 §6.4.6, XEP-0388 §2.3
		return n.fail("invalid-authzid", "The 'from' of your stream is someone else.", false)
	}
	n.user = step.User
	n.below.lifted = true
	if n.profile == nsSASL2 {
		return n.succeed2(step.Data)
	}
	return n.succeed(step.Data)
}

// succeed: RFC 6120 §6.4.6. The client then opens a new stream.
func (n *negotiation) succeed(data []byte) error {
	n.count("success")
	b := "<success xmlns='" + nsSASL + "'/>"
	if data != nil {
		text := "="
		if len(data) > 0 {
			text = base64.StdEncoding.EncodeToString(data)
		}
		b = "<success xmlns='" + nsSASL + "'>" + text + "</success>"
	}
	n.c.reader.Restart(stream.AfterLogin)
	n.opened, n.from = false, xmpp.JID{}
	return n.c.write([]byte(b))
}

// refuse reports the error of an Authenticator. What is not meant for the client is logged here, once.
func (n *negotiation) refuse(err error) error {
	var ae *server.AuthError
	if errors.As(err, &ae) {
		return n.fail(ae.Condition, ae.Text, ae.Close)
	}
	n.c.srv.log.Error("authentication is out of order", "conn", n.c.id, "peer", n.c.remote.String(), "kind", n.mech, "err", err)
	return n.fail("temporary-auth-failure", "The server can't check this just now. Try again in a while.", false)
}

func (n *negotiation) badEncoding() error {
	return n.fail("incorrect-encoding", "This is not base64 as RFC 4648 has it.", false)
}

// fail ends a try (RFC 6120 §6.4.5, XEP-0388 §2.6.2), and the stream if it was the last one.
func (n *negotiation) fail(condition, text string, last bool) error {
	n.exchange, n.asked = nil, request{}
	n.failures++
	n.count(condition)
	n.c.srv.log.Info("login failed", "conn", n.c.id, "peer", n.c.remote.String(), "kind", n.mech, "err", condition)
	e := xmpp.New(n.profile, "failure", xmpp.New(nsSASL, condition))
	if text != "" {
		t := xmpp.New(n.profile, "text", xmpp.Text(text))
		t.Attrs = []xmpp.Attr{{Name: xmpp.Name{Space: xmpp.NSXML, Local: "lang"}, Value: "en"}}
		e = e.Add(t)
	}
	if err := n.c.write(e.AppendXML(nil, xmpp.NSClient)); err != nil {
		return err
	}
	if last || n.failures >= maxFailures {
		return &stream.Error{Condition: stream.PolicyViolation, Text: "Too many tries to log in. Connect again, and check the name and the password."}
	}
	return nil
}

func (n *negotiation) count(result string) { n.c.srv.Stats.login(n.mech, result) }

// appendData writes an element of SASL that holds data, or nothing.
func appendData(b []byte, space, local string, data []byte) []byte {
	return encoded(space, local, data).AppendXML(b, xmpp.NSClient)
}

func encoded(space, local string, data []byte) xmpp.Element {
	if len(data) == 0 {
		return xmpp.New(space, local)
	}
	return xmpp.New(space, local, xmpp.Text(base64.StdEncoding.EncodeToString(data)))
}

// decode64 reads the data in an element, which holds nothing else: no white space, no padding bits that are not zero (RFC 6120 §6.3.5).
func decode64(e xmpp.Element) ([]byte, bool) {
	for _, c := range e.Children {
		if !c.IsText() {
			return nil, false
		}
	}
	s := e.Content()
	if strings.ContainsAny(s, "\r\n") { // the decoder passes over these
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, false
	}
	return b, true
}
