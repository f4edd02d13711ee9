package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// binds logs in on a new stream and asks for a resource, all in one go, and waits for the answer.
func (s *site) binds(t testing.TB, user xmpp.JID, resource string) *wire {
	t.Helper()
	w := s.tls(t)
	w.send(header)
	w.until("</stream:features>")
	w.send(plain("", user.Local(), servertest.Password) + header +
		"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	w.until("</jid></bind></iq>")
	return w
}

// TestA9Conflict: of many clients that bind the same resource the newest has it, each former one is told, and friends see one come and go at a time.
func TestA9Conflict(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	must(t, s.Befriend(t, juliet, romeo))
	s.Account(t, mallory)
	other := s.login(t, romeo, "orchard")
	const times = 300
	last := s.binds(t, juliet, "balcony")
	last.send("<presence/>")
	for range times {
		next := s.binds(t, juliet, "balcony")
		next.send("<presence/>")
		last.dies("conflict")
		last = next
	}
	last.fence()
	if n := len(s.Host.Online(juliet).Sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
	s.settles(t, 2)
	other.send("<presence type='probe' to='juliet@example.org/balcony'/>")
	if got := parse(t, other.fence()); len(got) != 1 || got[0].attr("type") != "" {
		t.Errorf("a friend sees %v", got)
	}
}

// TestA9Many: an account has twenty sessions; for the next the one goes that has been idle the longest, and others' accounts are not concerned.
func TestA9Many(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, mallory)
	other := s.login(t, juliet, "balcony")
	var all []*wire
	for i := range 60 {
		all = append(all, s.binds(t, mallory, fmt.Sprint("r", i)))
	}
	sessions := s.Host.Online(mallory).Sessions()
	if len(sessions) != 20 {
		t.Errorf("%d sessions", len(sessions))
	}
	over := 0
	for i, w := range all {
		if slices.ContainsFunc(sessions, func(x *server.Session) bool { return x.JID.Resource() == fmt.Sprint("r", i) }) {
			w.fence()
			continue
		}
		over++
		w.dies("policy-violation")
	}
	if over != 40 {
		t.Errorf("%d had to go, want 40", over)
	}
	other.hearsNothing()
	s.settles(t, 21)
	w := s.authenticated(t, mallory)
	for range 5 {
		w.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + strings.Repeat("x", 1024) + "</resource></bind></iq>")
	}
	w.dies("policy-violation")
}
