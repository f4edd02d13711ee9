package attack

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/history"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// flood sends messages m0, m1 and so on.
func (w *wire) flood(to xmpp.JID, from, n int, inside string) {
	w.t.Helper()
	for i := range n {
		w.send(fmt.Sprintf("<message to='%s' type='chat' id='m%d'><body>%s</body>%s</message>", to, from+i, secretBody, inside))
	}
	w.fence()
}

// lately reads n messages, however long they take, checks that they are m0, m1 and so on, and that no more come.
func (p *phone) lately(t *testing.T, n int, each func(i int)) {
	t.Helper()
	for i := range n {
		got := of("message", p.upTo("</message>"))
		if len(got) != 1 || got[0].attr("id") != fmt.Sprint("m", i) {
			t.Fatalf("message %d of %d: there comes %v", i, n, got)
		}
		each(i)
	}
	if more := of("message", p.take()); len(more) > 0 {
		t.Fatalf("then there come %v", ids(more))
	}
}

const (
	noStore = "<no-store xmlns='urn:xmpp:hints'/>"
	noKeep  = "<no-permanent-store xmlns='urn:xmpp:hints'/>"
)

// TestF11Flood: thousands of messages to somebody who is away reach the next client, one that reads slowly, once and in their order, with and without acknowledgements,
// archived or not; and nobody after it.
func TestF11Flood(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		managed, never bool
	}{{"plain", false, false}, {"acknowledged", true, false}, {"plain, not archived", false, true}, {"acknowledged, not archived", true, true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			const most = 5000
			w := s.login(t, juliet, "before")
			if test.never {
				w.send("<iq type='set' id='p'><prefs xmlns='" + nsArchive + "' default='never'/></iq>")
			}
			w.fence()
			w.send(closed)
			w.ends()
			sender := s.login(t, mallory, "pc")
			sender.flood(juliet, 0, most, "")
			p := &phone{wire: s.login(t, juliet, "slow"), s: s, user: juliet}
			must(t, p.tcp().SetReadBuffer(32<<10))
			if test.managed {
				p.enable("")
			}
			p.send("<presence/>")
			sender.flood(juliet, most, 10, "") // while it is busy
			p.lately(t, most+10, func(i int) {
				if test.managed && i%100 == 99 {
					p.send(acknowledgement(p.got))
				}
			})
			if test.managed {
				p.send(acknowledgement(p.got))
				p.take()
			}
			p.send(closed)
			p.ends()
			next := s.login(t, juliet, "next")
			next.send("<presence/>")
			if got := ids(parse(t, next.fence())); len(got) > 0 {
				t.Errorf("the next client gets %d, from %s on", len(got), got[0])
			}
		})
	}
}

// TestF11Unacknowledged: what a client was brought and has not acknowledged is not deleted, be it that nobody archives it, and though the client has bound by Bind 2; it
// goes to the next client.
func TestF11Unacknowledged(t *testing.T) {
	t.Parallel()
	for _, inside := range []string{"", noKeep} {
		t.Run(inside, func(t *testing.T) {
			t.Parallel()
			s := start(t, limitsOff)
			s.Account(t, juliet)
			s.login(t, mallory, "pc").flood(juliet, 0, 10, inside)
			for round := range 3 {
				w := s.opened(t)
				p := &phone{wire: w, s: s, user: juliet}
				w.send(strings.Replace(authenticate("", "juliet", servertest.Password), "<bind xmlns='urn:xmpp:bind:0'/>",
					"<bind xmlns='urn:xmpp:bind:0'><enable xmlns='"+nsResume+"' resume='true' max='1'/></bind>", 1))
				p.id = attribute(between(w.until("</stream:features>"), "<enabled", "/>"), "id")
				w.send("<presence/>")
				if got := of("message", p.take()); len(got) != 10 {
					t.Fatalf("the time %d: %d messages", round, len(got))
				}
				session := p.session()
				p.drop()
				<-session.Gone()
			}
			p := s.phone(t, juliet, "last")
			p.send("<presence/>")
			p.lately(t, 10, func(int) {})
			p.send(acknowledgement(p.got) + closed)
			p.ends()
			next := s.login(t, juliet, "next")
			next.send("<presence/>")
			if got := ids(parse(t, next.fence())); len(got) > 0 {
				t.Errorf("what was acknowledged comes again: %v", got)
			}
		})
	}
}

// TestF11Erased: an account that goes takes with it what waits for it, though its client is being brought it at that moment; who gets the name next gets nothing.
func TestF11Erased(t *testing.T) {
	t.Parallel()
	for _, inside := range []string{"", noKeep} {
		t.Run(inside, func(t *testing.T) {
			t.Parallel()
			s := start(t, limitsOff, func(c *daemon.Config) { c.Tuning.Write = patience })
			s.Account(t, juliet)
			sender := s.login(t, mallory, "pc")
			sender.flood(juliet, 0, 3000, inside)
			deaf, managed := s.login(t, juliet, "deaf"), s.phone(t, juliet, "managed")
			for _, w := range []*wire{deaf, managed.wire} {
				must(t, w.tcp().SetReadBuffer(4096))
				w.send("<presence/>")
				w.until("<presence ")
			}
			away := s.phone(t, juliet, "away")
			away.send("<presence/>")
			away.drop()
			sender.flood(juliet, 3000, 100, inside)
			must(t, s.Accounts.Delete(t.Context(), juliet))
			sender.flood(juliet, 3100, 10, inside)
			must(t, s.Accounts.Add(t.Context(), juliet, servertest.Password))
			_ = deaf.conn.Close()
			_ = managed.conn.Close()
			s.settles(t, 1)
			w := s.login(t, juliet, "new")
			w.send("<presence/>")
			if got := ids(parse(t, w.fence())); len(got) > 0 {
				t.Errorf("there come %v", got)
			}
			if rows, _ := w.asks(query("", "")); len(rows) > 0 {
				t.Errorf("the archive has %d rows", len(rows))
			}
			sender.flood(juliet, 0, 1, inside)
			if got := ids(parse(t, w.fence())); len(got) != 1 {
				t.Errorf("what is for the new one: %v", got)
			}
		})
	}
}

// TestF11Remains: messages that nobody archives, and that were on their way to a client that does not read when its account went, do not come to who has the name next.
func TestF11Remains(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff, func(c *daemon.Config) { c.Tuning.Write = patience })
	deaf, sender := s.login(t, juliet, "deaf"), s.login(t, mallory, "pc")
	must(t, deaf.tcp().SetReadBuffer(4096))
	deaf.send("<presence/>")
	deaf.fence()
	session := s.Host.Online(juliet).Session("deaf")
	long := "<x xmlns='urn:x'>" + strings.Repeat("x", 50<<10) + "</x>" + noKeep
	for i := 0; s.C2S.QueuedBytes() < 800<<10; i++ { // it is not read, and near the bound
		sender.flood(juliet, i, 1, long)
	}
	must(t, s.Accounts.Delete(t.Context(), juliet))
	must(t, s.Accounts.Add(t.Context(), juliet, servertest.Password))
	must(t, deaf.tcp().SetLinger(0))
	_ = deaf.tcp().Close()
	<-session.Gone()
	s.settles(t, 1)
	w := s.login(t, juliet, "new")
	w.send("<presence/>")
	if got := ids(parse(t, w.fence())); len(got) > 0 {
		t.Errorf("there come %v", got)
	}
}

// TestF11Held: a message that is archived is not dropped for a later one while a client is inactive, and nothing that a client has got comes again because of it.
func TestF11Held(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	sender := s.login(t, mallory, "pc")
	p := s.phone(t, juliet, "phone")
	p.send("<presence/>")
	p.take()
	p.send("<inactive xmlns='urn:xmpp:csi:0'/>")
	p.take()
	for i := range 3 {
		sender.send(fmt.Sprintf("<message to='juliet@example.org' type='chat' id='typing%d'><active xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/></message>", i))
	}
	sender.fence()
	sender.send(chat("juliet@example.org", "m"))
	sender.fence()
	if got := ids(p.take()); strings.Join(got, " ") != "typing0 typing1 typing2 m" {
		t.Errorf("there come %v", got)
	}
	p.send(acknowledgement(p.got) + closed)
	p.ends()
	next := s.login(t, juliet, "next")
	next.send("<presence/>")
	if got := ids(parse(t, next.fence())); len(got) > 0 {
		t.Errorf("there come again %v", got)
	}
}

// TestF11Overtaken: while a client is still being brought what has waited, nothing that comes in the meantime overtakes it, archived or not.
func TestF11Overtaken(t *testing.T) {
	t.Parallel()
	for _, inside := range []string{"", noKeep} {
		t.Run(inside, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Account(t, juliet)
			sender := s.login(t, mallory, "pc")
			sender.flood(juliet, 0, 1500, inside) // more than are brought at once
			p := s.phone(t, juliet, "phone")
			p.send("<presence/>")
			p.take()
			p.got = 0
			p.wire.got = ""
			p.drop()
			sender.flood(juliet, 1500, 1, inside)
			p.resume()
			p.lately(t, 1501, func(i int) {
				if i%100 == 99 {
					p.send(acknowledgement(p.got))
				}
			})
		})
	}
}

// TestF11Reader: a client that reads the archive by itself is not brought what it finds there; what others are not brought again because of that is nothing of what it got.
func TestF11Reader(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	sender := s.login(t, mallory, "pc")
	reader := s.phone(t, juliet, "reader")
	if rows, _ := reader.asks(query("", "")); len(rows) != 0 {
		t.Fatalf("there are %d rows", len(rows))
	}
	reader.got++
	sender.flood(juliet, 0, 1, "") // after it has read, and before it is there
	reader.send("<presence/>")
	if got := ids(reader.take()); len(got) != 1 {
		t.Errorf("what came since it has read the archive does not come: %v", got)
	}
	sender.flood(juliet, 1, 5, "")
	if got := ids(reader.take()); len(got) != 5 {
		t.Errorf("there come %v", got)
	}
	reader.send(acknowledgement(reader.got) + closed)
	reader.ends()
	next := s.login(t, juliet, "next")
	next.send("<presence/>")
	if got := ids(parse(t, next.fence())); len(got) > 0 {
		t.Errorf("there come again %v", got)
	}
}

// TestF11Expired: what is deleted from the archive while it is on its way to a client is not waited for.
func TestF11Expired(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	sender := s.login(t, mallory, "pc")
	sender.flood(juliet, 0, 1500, "")
	p := s.phone(t, juliet, "phone")
	p.send("<presence/>")
	p.take()
	p.got = 0
	p.drop()
	for {
		n, err := s.Store.Expire(t.Context(), servertest.Domain, history.FirstAt(time.Now().Add(time.Minute)), 1000)
		must(t, err)
		if n < 1000 {
			break
		}
	}
	p.resume()
	sender.flood(juliet, 0, 1, "")
	p.lately(t, 1, func(int) {})
}

// TestF12Long: of long messages that wait for a client that does not read there are few in memory at a time.
func TestF12Long(t *testing.T) {
	s := start(t, func(c *daemon.Config) { c.Tuning.Write = 2 * patience })
	s.Account(t, juliet)
	const times, size = 64, 250 << 10
	sender := s.login(t, mallory, "pc")
	for i := range times {
		sender.flood(juliet, i, 1, "<x xmlns='urn:x'>"+strings.Repeat("x", size)+"</x>")
	}
	w := s.login(t, juliet, "deaf")
	idle := heap()
	w.send("<presence/>")
	w.until("id='m0'")
	w.got = ""
	eventually(t, "what is read ahead is let go", func() bool { return int64(heap())-int64(idle) <= times*size/2 })
	for i := 1; i < times; i++ {
		w.until(fmt.Sprintf("id='m%d'", i))
		w.got = ""
	}
}

// TestF12Parting: what comes for a client whose connection takes long to its end is bounded in memory, too, and reaches it.
func TestF12Parting(t *testing.T) {
	s := start(t, func(c *daemon.Config) { c.Tuning.Write = 2 * patience })
	p, sender := s.phone(t, juliet, "phone"), s.login(t, mallory, "pc")
	must(t, p.tcp().SetReadBuffer(4096))
	p.send("<presence/>")
	p.take()
	session := p.session()
	long := "<x xmlns='urn:x'>" + strings.Repeat("x", 200<<10) + "</x>"
	n := 0
	for ; s.C2S.QueuedBytes() < 700<<10; n++ { // it is not read, and near the bound
		sender.flood(juliet, n, 1, long)
	}
	must(t, p.conn.(*tls.Conn).CloseWrite())
	eventually(t, "the server has noticed", func() bool { return session.Absence() == 1 })
	idle := heap()
	const more = 60
	sender.flood(juliet, n, more, long)
	eventually(t, "what has come is let go", func() bool { return int64(heap())-int64(idle) <= int64(more*len(long)/2) })
	if session.IsAway() {
		t.Error("the connection has gone: the test looks for the wrong thing")
	}
	p.drop()
	p.resume()
	p.lately(t, n+more, func(int) { p.send(acknowledgement(p.got)) })
}

// TestF11Silent: what was sent to a client that had gone without a word reaches the one that has come since, when that is noticed; and what both had does not come again.
func TestF11Silent(t *testing.T) {
	t.Parallel()
	for _, inside := range []string{"", noKeep} {
		t.Run(inside, func(t *testing.T) {
			t.Parallel()
			s := start(t, limitsOff)
			sender := s.login(t, mallory, "pc")
			silent := s.phone(t, juliet, "silent")
			silent.send("<presence/>")
			silent.take()
			sender.flood(juliet, 0, 3, inside)
			next := s.phone(t, juliet, "next")
			next.send("<presence/>")
			next.take()
			sender.flood(juliet, 3, 3, inside)
			if got := strings.Join(ids(next.take()), " "); got != "m3 m4 m5" {
				t.Errorf("at first there come %s", got)
			}
			session := silent.session()
			silent.drop()
			session.Lapse(session.Absence())
			<-session.Gone()
			if got := strings.Join(ids(next.take()), " "); got != "m0 m1 m2" {
				t.Errorf("then there come %s", got)
			}
		})
	}
}
