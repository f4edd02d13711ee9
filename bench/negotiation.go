package bench

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"

	"mellium.im/sasl"

	"palabre/stream"
	"palabre/xmpp"
)

// A negotiation is a stream on its way to a session (RFC 6120 §4.3). Each step waits for the answer to the one before:
// that is what clients do, and it is part of what a login costs a server.
type negotiation struct {
	user User
	conn net.Conn
	in   *stream.Reader
	keys *keyring

	features xmpp.Element // of the stream after login
}

func (n *negotiation) write(b []byte) error {
	_, err := n.conn.Write(b)
	return err
}

// open sends a stream header and waits for the server's and its features (RFC 6120 §4.3.2).
func (n *negotiation) open() (features xmpp.Element, err error) {
	h := stream.Header{To: n.user.JID.Domain(), Version: "1.0", Space: xmpp.NSClient}
	if err := n.write(h.AppendOpen(nil)); err != nil {
		return xmpp.Element{}, err
	}
	ev, err := n.in.Next()
	if err != nil {
		return xmpp.Element{}, err
	}
	if ev.Kind != stream.Opened {
		return xmpp.Element{}, errors.New("the server did not open a stream")
	}
	features, err = n.nonza()
	if err == nil && !features.Is(xmpp.NSStream, "features") {
		err = fmt.Errorf("the server sent <%s/> where stream features are due", features.Name.Local)
	}
	return features, err
}

// nonza waits for the next element that is no stanza.
func (n *negotiation) nonza() (xmpp.Element, error) {
	ev, err := n.in.Next()
	if err != nil {
		return xmpp.Element{}, err
	}
	switch ev.Kind {
	case stream.Closed:
		return xmpp.Element{}, errClosed
	case stream.Nonza:
		return ev.Nonza, streamError(ev.Nonza)
	}
	return xmpp.Element{}, errors.New("the server sent something else than the next step of the negotiation")
}

// streamError makes an error of a <stream:error/>; nil if e is none.
func streamError(e xmpp.Element) error {
	if !e.Is(xmpp.NSStream, "error") {
		return nil
	}
	out := &stream.Error{Condition: stream.UndefinedCondition, Text: e.ContentOf(xmpp.NSStreams, "text")}
	for _, c := range e.Elements() {
		if c.Name.Space == xmpp.NSStreams && c.Name.Local != "text" {
			out.Condition = stream.Condition(c.Name.Local)
		}
	}
	return out
}

// starttls is RFC 6120 §5.4.2 and §5.4.3.
func (n *negotiation) starttls(ctx context.Context, config *tls.Config) error {
	features, err := n.open()
	if err != nil {
		return err
	}
	if _, ok := features.Child(nsTLS, "starttls"); !ok {
		return errors.New("the server does not offer STARTTLS")
	}
	if err := n.write(xmpp.New(nsTLS, "starttls").AppendXML(nil, "")); err != nil {
		return err
	}
	answer, err := n.nonza()
	if err != nil {
		return err
	}
	if !answer.Is(nsTLS, "proceed") {
		return errors.New("the server refused STARTTLS")
	}
	if err := n.secure(ctx, config); err != nil {
		return err
	}
	if !n.in.Secure(n.conn) {
		return errors.New("the server sent more than <proceed/> before TLS")
	}
	return nil
}

func (n *negotiation) secure(ctx context.Context, config *tls.Config) error {
	conn := tls.Client(n.conn, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	n.conn = conn
	return nil
}

// authenticate is RFC 6120 §6.4 with SCRAM-SHA-256 (RFC 7677), and the restart of the stream (RFC 6120 §6.4.6). Channel binding is not
// asked for: like for like, no other server need have it.
func (n *negotiation) authenticate() error {
	if err := n.prove(); err != nil {
		return err
	}
	n.in.Restart(limits)
	var err error
	n.features, err = n.open()
	return err
}

func (n *negotiation) prove() error {
	features, err := n.open()
	if err != nil {
		return err
	}
	mechanisms, _ := features.Child(nsSASL, "mechanisms")
	if !offers(mechanisms, sasl.ScramSha256.Name) {
		return fmt.Errorf("the server does not offer %s", sasl.ScramSha256.Name)
	}
	client := sasl.NewClient(n.keys.mechanism(), sasl.Credentials(func() (user, password, identity []byte) {
		return []byte(n.user.JID.Local()), []byte(n.user.Password), nil
	}))
	_, response, err := client.Step(nil)
	if err != nil {
		return fmt.Errorf("SASL: %w", err)
	}
	step := payload("auth", response).With("mechanism", sasl.ScramSha256.Name)
	for {
		if err := n.write(step.AppendXML(nil, "")); err != nil {
			return err
		}
		answer, err := n.nonza()
		if err != nil {
			return err
		}
		response, done, err := saslStep(client, answer)
		if err != nil || done {
			return err
		}
		step = payload("response", response)
	}
}

func offers(mechanisms xmpp.Element, name string) bool {
	for _, m := range mechanisms.Elements() {
		if m.Is(nsSASL, "mechanism") && m.Content() == name {
			return true
		}
	}
	return false
}

// saslStep takes an answer of the server's. What <success/> carries is checked like a challenge: it is the proof
// that the server knows the password too (RFC 5802 §3).
func saslStep(client *sasl.Negotiator, answer xmpp.Element) (response []byte, done bool, err error) {
	if answer.Is(nsSASL, "failure") {
		reason := "no reason given"
		if els := answer.Elements(); len(els) > 0 {
			reason = els[0].Name.Local
		}
		return nil, false, fmt.Errorf("the server refused the password: %s", reason)
	}
	done = answer.Is(nsSASL, "success")
	if !done && !answer.Is(nsSASL, "challenge") {
		return nil, false, fmt.Errorf("the server sent <%s/> during SASL", answer.Name.Local)
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(answer.Content()))
	if err != nil {
		return nil, false, fmt.Errorf("SASL: %w", err)
	}
	if done && len(data) == 0 {
		return nil, true, nil // the proof came in a challenge of its own
	}
	if _, response, err = client.Step(data); err != nil {
		return nil, false, fmt.Errorf("SASL: %w", err)
	}
	return response, done, nil
}

// payload is a SASL element; an empty response is "=" (RFC 6120 §6.4.2), which no SCRAM message is.
func payload(local string, data []byte) xmpp.Element {
	return xmpp.New(nsSASL, local, xmpp.Text(base64.StdEncoding.EncodeToString(data)))
}

// bind is RFC 6120 §7.6.1, with the request for a session that followed it once, where the server still demands that.
func (n *negotiation) bind() (xmpp.JID, error) {
	if _, ok := n.features.Child(nsBind, "bind"); !ok {
		return xmpp.JID{}, errors.New("the server does not offer resource binding")
	}
	answer, err := n.request("bind", xmpp.New(nsBind, "bind"))
	if err != nil {
		return xmpp.JID{}, err
	}
	bound, _ := answer.Child(nsBind, "bind")
	jid, err := xmpp.ParseJID(bound.ContentOf(nsBind, "jid"))
	if err != nil || jid.IsBare() {
		return xmpp.JID{}, fmt.Errorf("the server bound the address %q", bound.ContentOf(nsBind, "jid"))
	}
	if session, ok := n.features.Child(nsSession, "session"); ok {
		if _, optional := session.Child(nsSession, "optional"); !optional {
			_, err = n.request("session", xmpp.New(nsSession, "session"))
		}
	}
	return jid, err
}

// request sends an IQ of type set and waits for its answer, before the session has a reader of its own.
func (n *negotiation) request(id string, child xmpp.Element) (*xmpp.Stanza, error) {
	iq := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, child)
	iq.ID = id
	if err := n.write(iq.AppendXML(nil, xmpp.JID{}, "")); err != nil {
		return nil, err
	}
	ev, err := n.in.Next()
	if err != nil {
		return nil, err
	}
	switch {
	case ev.Kind == stream.Closed:
		return nil, errClosed
	case ev.Kind == stream.Nonza && streamError(ev.Nonza) != nil:
		return nil, streamError(ev.Nonza)
	case ev.Kind != stream.Stanza || ev.Stanza.ID != id:
		return nil, fmt.Errorf("the server did not answer the request %q", id)
	}
	return ev.Stanza, stanzaError(ev.Stanza)
}

// stanzaError makes an error of an answer of type error; nil if it is none.
func stanzaError(s *xmpp.Stanza) error {
	if s.Type != xmpp.TypeError {
		return nil
	}
	e, _ := s.Child(xmpp.NSClient, "error")
	for _, c := range e.Elements() {
		if c.Name.Space == xmpp.NSStanzas && c.Name.Local != "text" {
			return &xmpp.Error{Type: xmpp.ErrorType(e.Attr("type")), Condition: xmpp.Condition(c.Name.Local), Text: e.ContentOf(xmpp.NSStanzas, "text")}
		}
	}
	return xmpp.ErrBadRequest.With("the error has no condition")
}
