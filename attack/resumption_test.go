package attack

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// TestA8Stranger: who asks for another's session, or makes an id up, is told the same, byte by byte, whatever the session does at the time; and the session is not harmed.
func TestA8Stranger(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	there, away := s.phone(t, juliet, "there"), s.phone(t, juliet, "away")
	away.send("<presence/>")
	away.take()
	away.drop()
	sender := s.login(t, romeo, "orchard")
	sender.send(chat("juliet@example.org/away", "1"))
	sender.fence()
	for _, id := range []string{there.id, away.id, strings.Repeat("a", 26), "", "'", "' OR ''='", "%", "_", strings.ToUpper(away.id), away.id + " ", away.id[:25], strings.Repeat("x", 200_000)} {
		for _, h := range []string{"0", "1", "-1", "", "x"} {
			w := s.authenticated(t, mallory)
			w.send(resumption(id, h))
			if got := w.answered(); got != notFound {
				t.Errorf("%.100q, %q: %s", id, h, got)
			}
			_ = w.conn.Close()
		}
	}
	for _, id := range []string{away.id + "x", strings.ToUpper(away.id), " " + away.id} { // nor does a likeness do for the owner
		w := s.authenticated(t, juliet)
		w.send(resumption(id, 0))
		if got := w.answered(); got != notFound {
			t.Errorf("%q: %s", id, got)
		}
		_ = w.conn.Close()
	}
	there.hearsNothing()
	away.resume()
	if got := ids(away.take()); len(got) != 1 || got[0] != "1" {
		t.Errorf("after it all there come %v", got)
	}
	w := s.authenticated(t, mallory)
	_ = w.try(resumption(strings.Repeat("x", 1<<20), 0))
	w.dies("policy-violation")
}

// TestA8Counts: a session is not resumed by a count that can't be, and is left as it was; the right one does.
func TestA8Counts(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, romeo)
	p := s.phone(t, juliet, "phone")
	p.take()
	p.take()
	p.send(acknowledgement(1))
	p.take() // three have been sent, one is acknowledged
	for _, attached := range []bool{true, false} {
		if !attached {
			p.drop()
		}
		for _, h := range []string{"", "-1", "+3", " 3", "3.0", "x", "0", fmt.Sprint(p.got + 1), fmt.Sprint(p.got + 2), "2147483649", "4294967295", "4294967296", "4294967299", "18446744073709551619", "٣", "0x3", strings.Repeat("0", 100_000) + "x"} {
			w := s.authenticated(t, juliet)
			w.send(resumption(p.id, h))
			if got := w.answered(); got != notFound {
				t.Fatalf("%.20q: %s", h, got)
			}
			_ = w.conn.Close()
		}
		w := s.authenticated(t, juliet)
		w.send("<resume xmlns='" + nsResume + "' previd='" + p.id + "'/>")
		if got := w.answered(); got != notFound {
			t.Errorf("without h: %s", got)
		}
		_ = w.conn.Close()
		if attached {
			p.take() // it works still
		}
	}
	p.got-- // as if one had not arrived
	p.resume()
	if got := p.upTo("<iq type='result' id='fence'"); len(got) != 1 {
		t.Errorf("there comes %v", got)
	}
	p.take()
}

// TestA8Ended: an id is worth nothing once its session has ended, however it has: it is not found, and what it had got to is told to its own account alone.
func TestA8Ended(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *phone){
		"closed by the client": func(p *phone) { p.send(closed); p.ends() },
		"a stream error":       func(p *phone) { p.send("<x xmlns='urn:x'/>"); p.ends() },
		"a wrong count":        func(p *phone) { p.send(acknowledgement(1000)); p.ends() },
		"taken over":           func(p *phone) { p.s.login(t, juliet, "phone").hearsNothing(); p.ends() },
		"taken over while away": func(p *phone) {
			p.drop()
			p.s.login(t, juliet, "phone").hearsNothing()
		},
		"its time is over": func(p *phone) {
			session := p.session()
			p.drop()
			<-session.Gone()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, limitsOff) // of its own: a resource that changes hands often is left where it is
			s.Account(t, romeo)
			p := &phone{wire: s.login(t, juliet, "phone"), s: s, user: juliet}
			p.enable("max='1'")
			p.send(chat("romeo@example.org", "1"))
			p.take()
			end(p)
			got := p.back()
			if got != notFound && strings.NewReplacer(" h='1'", "", " h='2'", "").Replace(got) != notFound { // of what it had sent
				t.Errorf("the owner is told %s", got)
			}
			p.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>phone</resource></bind></iq>")
			p.until("</jid></bind></iq>")
			w := s.authenticated(t, mallory)
			w.send(resumption(p.id, p.got))
			if got := w.answered(); got != notFound {
				t.Errorf("another one is told %s", got)
			}
		})
	}
}

// TestA8Early: nobody resumes before they have shown who they are: in clear, over TLS, in the midst of a login, or with one that fails.
func TestA8Early(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	p := s.phone(t, juliet, "phone")
	p.drop()
	const unexpected = "<failed xmlns='" + nsResume + "'><unexpected-request xmlns='" + nsStanza + "'/></failed>"
	for _, w := range []*wire{s.clear(t), s.tls(t)} {
		w.send(header)
		w.until("</stream:features>")
		for range 5 {
			w.send(resumption(p.id, 0))
			if got := w.answered(); got != unexpected {
				t.Errorf("before login: %s", got)
			}
		}
		w.send(resumption(p.id, 0) + resumption(p.id, 0))
		w.dies("policy-violation")
	}
	for _, e := range []string{resumption(p.id, 0), "<enable xmlns='" + nsResume + "' resume='true'/>"} {
		for _, begin := range []string{"<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQscj1jbGllbnRzbm9uY2U=</auth>",
			"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-1'><initial-response>biwsbj1qdWxpZXQscj1jbGllbnRzbm9uY2U=</initial-response></authenticate>"} {
			w := s.opened(t)
			w.send(begin)
			w.until("</challenge>")
			w.send(e)
			if got := w.ends(); strings.Contains(got, "<resumed") || !strings.Contains(got, "<stream:error>") {
				t.Errorf("in the midst of a login: %s", got)
			}
		}
	}
	w := s.opened(t) // with a wrong password, inline
	w.send(strings.Replace(authenticate("", "juliet", "Wr0ng guess"), "<bind ", resumption(p.id, 0)+"<bind ", 1))
	if got := w.until("</failure>"); strings.Contains(got, "resumed") {
		t.Errorf("with a wrong password: %s", got)
	}
	w = s.opened(t) // as another one, inline
	s.Account(t, mallory)
	w.send(strings.Replace(authenticate("", "mallory", servertest.Password), "<bind ", resumption(p.id, 0)+"<bind ", 1))
	if got := w.until("</stream:features>"); strings.Contains(got, "resumed") || !strings.Contains(got, notFound) || !strings.Contains(got, "mallory@example.org") {
		t.Errorf("as another one: %s", got)
	}
	p.resume()
}

// TestA8Late: a stream that has a session neither resumes another nor enables twice.
func TestA8Late(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	old := s.phone(t, juliet, "old")
	old.drop()
	p := s.phone(t, juliet, "phone")
	for range 100 {
		p.send(resumption(old.id, 0) + resumption(p.id, 0))
	}
	p.send("<iq type='get' id='fence' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	if got := p.until("id='fence'"); strings.Count(got, "<unexpected-request") != 200 || strings.Contains(got, "<resumed") {
		t.Errorf("after binding: %.1000s", got)
	}
	if old.session().IsClosed() || !old.session().IsAway() {
		t.Error("the other session is concerned")
	}
	p.send("<enable xmlns='" + nsResume + "' resume='true'/>")
	if got := p.dies("policy-violation"); !strings.Contains(got, "<unexpected-request") {
		t.Errorf("enabled twice: %s", got)
	}
	old.resume()
}

// TestA8AtOnce: of two connections that ask for one session at the same time one has it in the end, and the other is told; nothing is lost, and nothing comes twice.
func TestA8AtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	sender := s.login(t, romeo, "orchard")
	p := s.phone(t, juliet, "phone")
	p.send("<presence/>")
	p.take()
	for round := range 30 {
		var want []string
		for i := range 5 {
			want = append(want, fmt.Sprint(round, ".", i))
			sender.send(chat("juliet@example.org", want[i]))
		}
		sender.fence()
		if round%2 == 0 {
			p.drop()
		}
		var wires [4]*wire
		for i := range wires {
			wires[i] = s.authenticated(t, juliet)
		}
		var all sync.WaitGroup
		for _, w := range wires {
			all.Go(func() { _ = w.try(resumption(p.id, p.got)) })
		}
		all.Wait()
		p.wire = s.winner(t, p, wires[:])
		if got := ids(p.take()); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("round %d: there come %v, want %v", round, got, want)
		}
		p.send(acknowledgement(p.got))
	}
}

// winner is the one that has the session in the end; the others have been refused, or have lost it. Once all are answered, nobody takes it any more.
func (s *site) winner(t *testing.T, p *phone, wires []*wire) (won *wire) {
	t.Helper()
	var resumed []*wire
	for _, w := range wires {
		switch got := w.answered(); {
		case strings.HasPrefix(got, "<resumed "):
			resumed = append(resumed, w)
		case got == notFound:
			_ = w.conn.Close()
		default: // it had the session, and another one has it before it was told
			w.loses()
		}
	}
	for _, w := range resumed {
		if w.try("<r xmlns='"+nsResume+"'/>") == nil && !w.loses() {
			if won != nil {
				t.Fatal("two have won")
			}
			won = w
		}
	}
	if won == nil {
		t.Fatal("nobody has won")
	}
	if n := len(s.Host.Online(p.user).Sessions()); n != 1 {
		t.Fatalf("there are %d sessions", n)
	}
	return won
}

// loses tells, when the server is asked for its count, whether the session goes on elsewhere, which the client must have been told.
func (w *wire) loses() bool {
	w.t.Helper()
	for {
		before, after, found := strings.Cut(w.got, "<a xmlns='"+nsResume+"'")
		if _, after, whole := strings.Cut(after, "/>"); found && whole {
			w.got = before + after
			return false
		}
		if err := w.read(); err != nil {
			if !strings.Contains(w.got, "<conflict ") {
				w.t.Errorf("the end is %v after %.1000q", err, w.got)
			}
			return true
		}
	}
}

// TestA8Accounts: a session ends with its account, and when the account may not log in any more, also while it waits. A new password is needed to go on with one.
func TestA8Accounts(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	p, next := s.phone(t, juliet, "phone"), s.opened(t)
	t.Run("password", func(t *testing.T) {
		p.drop()
		must(t, s.Accounts.SetPassword(t.Context(), juliet, nextPassword))
		w := s.opened(t)
		w.send(plain("", "juliet", servertest.Password))
		w.until("</failure>")
		w.send(resumption(p.id, p.got))
		if got := w.answered(); !strings.Contains(got, "<unexpected-request") {
			t.Errorf("with the old password: %s", got)
		}
		w = next.login(juliet, nextPassword)
		w.send(resumption(p.id, p.got))
		if got := w.answered(); !strings.HasPrefix(got, "<resumed ") {
			t.Errorf("with the new password: %s", got)
		}
		p.wire = w
		must(t, s.Accounts.SetPassword(t.Context(), juliet, servertest.Password))
	})
	t.Run("disabled", func(t *testing.T) {
		waiting := s.phone(t, juliet, "waiting")
		session := waiting.session()
		waiting.drop()
		must(t, s.Accounts.Disable(t.Context(), juliet))
		p.dies("not-authorized")
		<-session.Gone()
		must(t, s.Accounts.Enable(t.Context(), juliet))
		for _, x := range []*phone{p, waiting} {
			if got := x.back(); !strings.Contains(got, "<item-not-found") {
				t.Errorf("when it is enabled again: %s", got)
			}
		}
	})
	t.Run("disabled between login and resumption", func(t *testing.T) {
		p := s.phone(t, juliet, "phone")
		p.drop()
		w := s.authenticated(t, juliet)
		must(t, s.Accounts.Disable(t.Context(), juliet))
		w.send(resumption(p.id, p.got))
		if got := w.answered(); !strings.Contains(got, "<item-not-found") {
			t.Errorf("got %s", got)
		}
		must(t, s.Accounts.Enable(t.Context(), juliet))
	})
	t.Run("deleted", func(t *testing.T) {
		p := s.phone(t, juliet, "phone")
		p.send(chat("romeo@example.org", "1"))
		p.take()
		p.drop()
		must(t, s.Accounts.Delete(t.Context(), juliet))
		must(t, s.Accounts.Add(t.Context(), juliet, servertest.Password))
		if got := p.back(); got != notFound {
			t.Errorf("who has the name next is told %s", got)
		}
	})
}

// TestA8Ending has sessions resumed while they end: each time one or the other happens, and nothing is left half done.
func TestA8Ending(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	for name, end := range map[string]func(t *testing.T, resource string){
		"disabled": func(t *testing.T, _ string) {
			must(t, s.Accounts.Disable(t.Context(), juliet))
			must(t, s.Accounts.Enable(t.Context(), juliet))
		},
		"taken over": func(t *testing.T, resource string) { s.login(t, juliet, resource).hearsNothing() },
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 60 {
				resource := fmt.Sprint(name, round)
				p := s.phone(t, juliet, resource)
				session := p.session()
				p.drop()
				p.wire = s.authenticated(t, juliet)
				var both sync.WaitGroup
				both.Go(func() {
					time.Sleep(time.Duration(round%20) * 50 * time.Microsecond)
					end(t, resource)
				})
				p.send(resumption(p.id, p.got))
				if got := p.answered(); strings.HasPrefix(got, "<resumed ") {
					p.ends()
				} else if !strings.Contains(got, "<item-not-found") && !strings.HasPrefix(got, "<stream:error>") {
					t.Errorf("got %s", got)
				}
				both.Wait()
				<-session.Gone()
			}
		})
	}
}

// TestA8Restart: who asks while the server is on its way down and up again finds the session when it is there; of an account that may not log in there is none.
func TestA8Restart(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	ps := map[string]*phone{}
	for _, user := range []xmpp.JID{juliet, romeo, mallory} {
		p := s.phone(t, user, "phone")
		p.take()
		p.drop()
		ps[user.Local()] = p
	}
	s.Restart(t)
	run.keep(s.Logged)
	must(t, s.Accounts.Disable(t.Context(), romeo))
	must(t, s.Accounts.Enable(t.Context(), romeo))
	if got := ps["romeo"].back(); !strings.Contains(got, "<item-not-found") {
		t.Errorf("disabled meanwhile: %s", got)
	}
	w := s.authenticated(t, mallory)
	w.send(resumption(ps["juliet"].id, 1))
	if got := w.answered(); got != notFound {
		t.Errorf("another one's: %s", got)
	}
	w.send(resumption(ps["mallory"].id, 2))
	if got := w.answered(); !strings.Contains(got, "<item-not-found") {
		t.Errorf("with a count that can't be: %s", got)
	}
	ps["juliet"].resume()
	ps["mallory"].resume()
}
