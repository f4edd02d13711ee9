package attack

import (
	"fmt"
	"runtime"
	"testing"

	"palabre/xmpp"
)

// TestF5Away: to a stranger, somebody whose session waits for its client is as one who is there, as one who is not, and, where nothing is kept, as one who has no account:
// the same bytes, or the same silence, while the session waits and when it is over.
func TestF5Away(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	inhabited(t, s)
	waiting := xmpp.MustParseJID("waiting@example.org")
	must(t, s.Befriend(t, waiting, juliet))
	p := s.phone(t, waiting, "here")
	p.send("<presence><status>" + secretBody + "</status></presence>")
	p.take()
	w := s.login(t, mallory, "pc")
	asked := s.requests()
	for _, typ := range []string{"probe", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "unavailable", "error", ""} {
		for _, to := range []string{"%s", "%s/here", "%s/there"} {
			asked = append(asked, "<presence type='"+typ+"' to='"+to+"'/>")
		}
	}
	for _, form := range []string{"<iq type='result' id='q' to='%s'/>", "<message type='headline' id='q' to='%s'/>", "<message type='error' id='q' to='%s'/>"} {
		for _, to := range []string{"%s", "%s/here", "%s/there"} {
			asked = append(asked, fmt.Sprintf(form, to))
		}
	}
	groupchat := "<message type='groupchat' id='q' to='%s"
	asked = append(asked, groupchat+"'/>", groupchat+"/there'/>")
	kept := []string{}
	for _, to := range []string{"%s", "%s/here", "%s/there"} {
		for _, typ := range []string{"chat", "normal", "unknown"} {
			for _, inside := range []string{"<body>" + secretBody + "</body>", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", "<body>" + secretBody + "</body>" + noStore, "<body>" + secretBody + "</body>" + noKeep, "<request xmlns='urn:xmpp:receipts'/>"} {
				kept = append(kept, "<message type='"+typ+"' id='q' to='"+to+"'>"+inside+"</message>")
			}
		}
	}
	everyone, accounts := []xmpp.JID{nobody, waiting, present, absent}, []xmpp.JID{absent, waiting, present}
	look := func() {
		t.Helper()
		w.send("<presence/>")
		w.fence()
		compare(t, w, asked, everyone)
		compare(t, w, kept, accounts)
	}
	compare(t, w, []string{groupchat + "/here'/>"}, []xmpp.JID{waiting, present}) // RFC 6121 §8.5.3.1: who knows a resource reaches it
	session := p.session()
	p.drop()
	look()
	session.Lapse(session.Absence())
	<-session.Gone()
	look()
	w.hearsNothing()
}

// TestF5Friend: a friend is told that somebody has gone when the session is over, and not before; and what the friend asks in between is answered, at the latest, then.
func TestF5Friend(t *testing.T) {
	t.Parallel()
	s := start(t)
	must(t, s.Befriend(t, juliet, romeo))
	w := s.present(t, romeo, "orchard")
	p := s.phone(t, juliet, "phone")
	p.send("<presence/>")
	p.take()
	session := p.session()
	p.drop()
	if got := of("presence", parse(t, w.fence())); len(got) != 1 || got[0].attr("type") != "" {
		t.Errorf("there come %v", got)
	}
	w.send("<iq type='get' id='v' to='juliet@example.org/phone'><query xmlns='jabber:iq:version'/></iq>")
	w.hearsNothing()
	session.Lapse(session.Absence())
	<-session.Gone()
	gone, answered := 0, 0
	for _, n := range parse(t, w.fence()) {
		if n.XMLName.Local == "presence" && n.attr("type") == "unavailable" {
			gone++
		}
		if n.attr("id") == "v" && n.condition() == "service-unavailable" {
			answered++
		}
	}
	if gone != 1 || answered != 1 {
		t.Errorf("gone: %d, answered: %d", gone, answered)
	}
}

// TestX7Leftovers: a thousand losses and resumptions of a session, and five hundred sessions that nobody comes back for, leave nothing behind.
func TestX7Leftovers(t *testing.T) {
	s := start(t, limitsOff)
	sender := s.login(t, mallory, "pc")
	p := s.phone(t, juliet, "phone")
	p.send("<presence/>")
	p.take()
	p.drop()
	n := 0
	rounds := func(t *testing.T) { // a test of its own, at whose end the client's side is let go
		p.t = t
		for range 50 {
			sender.send(chat("juliet@example.org", fmt.Sprint("m", n)))
			sender.fence()
			p.resume()
			if got := ids(p.take()); len(got) != 1 || got[0] != fmt.Sprint("m", n) {
				t.Fatalf("the time %d: %v", n, got)
			}
			p.send(acknowledgement(p.got))
			p.take()
			p.send(acknowledgement(p.got))
			p.drop()
			n++
		}
	}
	t.Run("first", rounds)
	s.settles(t, 1)
	goroutines, memory := runtime.NumGoroutine(), heap()
	for range 20 {
		t.Run("more", rounds)
	}
	s.settles(t, 1)
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	if held := int64(heap()) - int64(memory); held > 3<<20 { // what has been logged is among it
		t.Errorf("%d bytes are left", held)
	}
	p.t = t
	p.resume()
	p.send(closed)
	p.ends()

	var away []xmpp.JID
	for i := range 500 {
		user := xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", i/10))
		q := &phone{wire: s.login(t, user, fmt.Sprint("r", i)), s: s, user: user}
		q.enable("max='1'")
		q.send("<presence/>")
		if away = append(away, user); i%2 == 0 {
			sender.send(chat(user.String(), fmt.Sprint("w", i)))
			sender.fence()
		}
		must(t, q.tcp().SetLinger(0))
		_ = q.tcp().Close()
	}
	s.settles(t, 1)
	eventually(t, "the sessions are gone", func() bool { return s.Host.Stats.Sessions() == 1 })
	sender.send(closed)
	sender.ends()
	for _, user := range append(away, juliet, mallory) {
		eventually(t, "the account is let go", func() bool { return s.Host.InUse(user) == nil })
	}
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := s.Host.Stats.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}
