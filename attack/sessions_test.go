package attack

import (
	"fmt"
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// binds logs in on a new stream and asks for a resource, all in one go, and waits for the answer, which may be another one.
func (s *site) binds(t testing.TB, user xmpp.JID, resource string) *wire {
	t.Helper()
	w := s.tls(t)
	w.send(header)
	w.until("</stream:features>")
	w.send(plain("", user.Local(), servertest.Password) + header +
		"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	_, bound, _ := strings.Cut(w.until("</jid></bind></iq>"), "<jid>")
	w.jid, _, _ = strings.Cut(bound, "<")
	return w
}

// survivors counts those whose session is still there, which must work, and those whose stream has ended with conflict. All others must have ended for being too many.
func (s *site) survivors(t *testing.T, user xmpp.JID, all []*wire) (conflicts, left int) {
	t.Helper()
	there, last := map[string]bool{}, map[string]*wire{}
	for _, x := range s.Host.Online(user).Sessions() {
		there[x.JID.String()] = true
	}
	for _, w := range all {
		last[w.jid] = w // several may have had an address, one after the other
	}
	for _, w := range all {
		if there[w.jid] && last[w.jid] == w {
			w.fence()
			left++
		} else if got := w.ends(); strings.Contains(got, "<conflict ") {
			conflicts++
		} else if !strings.Contains(got, "<policy-violation ") {
			t.Errorf("one too many ends with %q", got)
		}
	}
	return conflicts, left
}

// TestA9Conflict: of many clients that bind the same resource the newest has it, and those before are told; when it has changed hands twice in a minute, newcomers get another. However
// many there are, twenty are left, and a friend sees one come and go at a time.
func TestA9Conflict(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	must(t, s.Befriend(t, juliet, romeo))
	other := s.login(t, romeo, "orchard")
	const times = 300
	var all []*wire
	for range times {
		w := s.binds(t, juliet, "balcony")
		w.send("<presence/>")
		all = append(all, w)
	}
	all[times-1].fence()
	s.settles(t, 21)
	conflicts, left := s.survivors(t, juliet, all)
	if conflicts != 2 || left != 20 {
		t.Errorf("%d end with conflict, %d are left", conflicts, left)
	}
	other.send("<presence type='probe' to='juliet@example.org'/>")
	if got := parse(t, other.fence()); len(got) != 20 {
		t.Errorf("a friend sees %d of them", len(got))
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
	if _, left := s.survivors(t, mallory, all); left != 20 {
		t.Errorf("%d are left", left)
	}
	other.hearsNothing()
	s.settles(t, 21)
	w := s.authenticated(t, mallory)
	for range 10 {
		w.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + strings.Repeat("x", 1024) + "</resource></bind></iq>")
	}
	w.dies("policy-violation")
}
