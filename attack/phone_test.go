package attack

import (
	"fmt"
	"strings"
	"testing"

	"palabre/server"
	"palabre/xmpp"
)

const nsResume = "urn:xmpp:sm:3"

// A phone is a client whose session outlives its connection (XEP-0198).
type phone struct {
	*wire
	s    *site
	user xmpp.JID
	id   string // of its stream
	got  uint32 // stanzas since then
}

// phone logs in and enables stream management.
func (s *site) phone(t testing.TB, user xmpp.JID, resource string) *phone {
	t.Helper()
	p := &phone{wire: s.login(t, user, resource), s: s, user: user}
	p.enable("")
	return p
}

func (p *phone) enable(attrs string) {
	p.t.Helper()
	p.send("<enable xmlns='" + nsResume + "' resume='true' " + attrs + "/>")
	p.until("<enabled ")
	p.id = attribute(" "+p.until("/>"), "id")
	run.note("<enabled xmlns='" + nsResume + "' id='" + p.id + "'")
}

// take gives the stanzas that have come, once all that was sent before has been dealt with.
func (p *phone) take() []node {
	p.t.Helper()
	p.send("<iq type='get' id='fence' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	all := p.upTo("<iq type='result' id='fence'")
	return all[:len(all)-1]
}

// upTo gives the stanzas up to one that begins like this, and counts them.
func (p *phone) upTo(start string) (out []node) {
	p.t.Helper()
	got := p.until(start)
	for !strings.HasSuffix(got, "/>") && !strings.HasSuffix(got, "</iq>") && !strings.HasSuffix(got, "</message>") {
		got += p.until(">")
	}
	for _, n := range parse(p.t.(*testing.T), got) {
		if n.XMLName.Space == xmpp.NSClient {
			out = append(out, n)
		}
	}
	p.got += uint32(len(out))
	return out
}

func acknowledgement(h any) string { return fmt.Sprintf("<a xmlns='%s' h='%v'/>", nsResume, h) }

func resumption(id string, h any) string {
	return fmt.Sprintf("<resume xmlns='%s' previd='%s' h='%v'/>", nsResume, escape(id), h)
}

// drop loses the connection, and waits until the session is without one.
func (p *phone) drop() {
	p.t.Helper()
	session := p.session()
	must(p.t, p.tcp().SetLinger(0))
	_ = p.tcp().Close()
	eventually(p.t, "the session waits", func() bool { return session.IsAway() || session.IsClosed() })
}

func (p *phone) session() *server.Session {
	p.t.Helper()
	if a := p.s.Host.Online(p.user); a != nil {
		for _, x := range a.Sessions() {
			if x.ID == p.id {
				return x
			}
		}
	}
	p.t.Fatal("the session is not there")
	return nil
}

// back logs in on another connection, and asks for the session. It gives the answer.
func (p *phone) back() string {
	p.t.Helper()
	p.wire = p.s.authenticated(p.t, p.user)
	p.send(resumption(p.id, p.got))
	return p.answered()
}

// answered is the answer to a request to resume.
func (w *wire) answered() string {
	w.t.Helper()
	got := w.until(">")
	if strings.HasPrefix(got, "<failed") && !strings.HasSuffix(got, "/>") {
		got += w.until("</failed>")
	}
	return got
}

// resume goes on with the session.
func (p *phone) resume() {
	p.t.Helper()
	if got := p.back(); !strings.HasPrefix(got, "<resumed ") {
		p.t.Fatalf("the session is not resumed: %s", got)
	}
}

// notFound is the answer to who may not go on with a session, if nothing is known of it.
const notFound = "<failed xmlns='" + nsResume + "'><item-not-found xmlns='" + nsStanza + "'/></failed>"

// of picks those of a kind.
func of(kind string, all []node) (out []node) {
	for _, n := range all {
		if n.XMLName.Local == kind {
			out = append(out, n)
		}
	}
	return out
}

// ids are those of messages, in their order.
func ids(all []node) (out []string) {
	for _, n := range of("message", all) {
		out = append(out, n.attr("id"))
	}
	return out
}

// chat is a message with a body.
func chat(to, id string) string {
	return "<message to='" + to + "' type='chat' id='" + id + "'><body>" + secretBody + "</body></message>"
}

// login logs in on a stream that is open.
func (w *wire) login(user xmpp.JID, password string) *wire {
	w.t.Helper()
	w.send(plain("", user.Local(), password))
	w.until("<success xmlns='" + nsSASL + "'/>")
	w.send(headerTo(user.Domain()))
	w.until("</stream:features>")
	return w
}
