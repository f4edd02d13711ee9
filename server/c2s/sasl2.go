package c2s

import (
	"palabre/stream"
	"palabre/xmpp"
)

// A request is what a client wants beside being let in (XEP-0388 §2.3).
type request struct {
	resume xmpp.Element // XEP-0198 §9.2: the session that the client wants to go on with, if any
	bind   bool
	tag    string         // the client's part of its resource (XEP-0386 §3.2)
	agent  string         // the identifier of the client's installation, or empty
	also   []xmpp.Element // what else is to happen while it binds
}

// authenticate: XEP-0388 §2.3.
func (n *negotiation) authenticate(e xmpp.Element) error {
	if n.exchange != nil {
		return errTraffic
	}
	n.profile = nsSASL2
	n.setMechanism(e.Attr("mechanism"))
	n.asked = readRequest(e)
	initial, ok := e.Child(nsSASL2, "initial-response")
	if !ok {
		return n.begin(e.Attr("mechanism"), nil)
	}
	data, ok := decode64(initial)
	if !ok {
		return n.badEncoding()
	}
	return n.begin(e.Attr("mechanism"), data)
}

func readRequest(e xmpp.Element) request {
	var r request
	if agent, ok := e.Child(nsSASL2, "user-agent"); ok {
		r.agent = uuid(agent.Attr("id"))
	}
	r.resume, _ = e.Child(nsResume, "resume")
	bind, ok := e.Child(nsBind2, "bind")
	if !ok {
		return r
	}
	r.bind = true
	for _, x := range bind.Elements() {
		if x.Is(nsBind2, "tag") {
			r.tag = x.Content()
		} else {
			r.also = append(r.also, x)
		}
	}
	return r
}

// succeed2: XEP-0388 §2.6.1. There is no new stream; the features follow at once.
func (n *negotiation) succeed2(data []byte) error {
	e := xmpp.New(nsSASL2, "success")
	if data != nil {
		e = e.Add(encoded(nsSASL2, "additional-data", data))
	}
	n.c.reader.SetLimits(stream.AfterLogin)
	var failed []xmpp.Element
	if !n.asked.resume.IsZero() {
		resumed, answer, err := n.tryResume(n.asked.resume)
		if err != nil {
			return err
		}
		if resumed { // XEP-0198 §9.2: no features, and whatever else was asked for is not looked at
			n.count("success")
			n.welcomeBack(e.Add(identifier(n.c.session.JID), answer).AppendXML(nil, xmpp.NSClient))
			return nil
		}
		failed = append(failed, answer)
	}
	if !n.asked.bind {
		n.count("success")
		e = e.Add(identifier(n.user)).Add(failed...)
		return n.c.write(n.appendBindFeatures(e.AppendXML(nil, xmpp.NSClient)))
	}
	bound, err := n.bind2()
	if err != nil {
		n.user = xmpp.JID{}
		n.c.reader.SetLimits(stream.BeforeLogin)
		return n.refuse(err)
	}
	n.count("success")
	e = e.Add(identifier(n.c.session.JID)).Add(failed...).Add(bound)
	b := e.AppendXML(nil, xmpp.NSClient)
	n.welcome(n.appendFeatures(b, ""))
	return nil
}

func identifier(jid xmpp.JID) xmpp.Element {
	return xmpp.New(nsSASL2, "authorization-identifier", xmpp.Text(jid.String()))
}

// uuid is an identifier in its normal form, or empty if it is none (XEP-0388 §2.3).
func uuid(s string) string {
	if len(s) != 36 {
		return ""
	}
	b := []byte(s)
	for i, c := range b {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return ""
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		case 'A' <= c && c <= 'F':
			b[i] = c | 0x20
		default:
			return ""
		}
	}
	return string(b)
}
