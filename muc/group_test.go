package muc_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// A talk is a room by invitation, and who has made it.
type talk struct {
	*guest
	room string
}

// newTalk begins a conversation with people who have accounts.
func newTalk(t *testing.T, s *servertest.Server, owner string, people ...string) *talk {
	t.Helper()
	values := ""
	for _, p := range people {
		if !strings.Contains(p, "@") {
			p += "@" + servertest.Domain
			s.Account(t, xmpp.MustParseJID(p))
		}
		values += "<value>" + p + "</value>"
	}
	g := newGuest(t, s, owner, false)
	g.send(`<iq type='set' id='start' to='conference.%s'><command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:start'>
<x xmlns='jabber:x:data' type='submit'><field var='people'>%s</field></x></command></iq>`, servertest.Domain, values)
	e := g.until("the room", isResult("start"))
	command, _ := e.Child("http://jabber.org/protocol/commands", "command")
	x, _ := command.Child(xmpp.NSData, "x")
	form, err := xmpp.ParseForm(x)
	if err != nil {
		t.Fatal(err)
	}
	return &talk{g, form.Value("room")}
}

func (k *talk) come(g *guest) {
	g.t.Helper()
	g.send("<presence to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", k.room, g.name)
}

func hasSubject(e xmpp.Element) bool {
	_, ok := e.Child(xmpp.NSClient, "subject")
	return ok
}

func is(id string) func(xmpp.Element) bool {
	return func(e xmpp.Element) bool { return e.Attr("id") == id }
}

// Who gets the name of an account that was deleted has nothing of what the one before could read, though invited to the same room, awake or asleep.
func TestNameOfADeletedAccount(t *testing.T) {
	t.Parallel()
	for _, member := range []bool{true, false} {
		t.Run(fmt.Sprintf("member=%v", member), func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t)
			k := newTalk(t, s, "host", "ghost")
			k.come(k.guest)
			k.until("the subject", hasSubject)
			ghost := newGuest(t, s, "ghost", false)
			k.come(ghost)
			ghost.until("the subject", hasSubject)
			k.send("<message id='old' to='%s' type='groupchat'><body>for the old one</body></message>", k.room)
			ghost.until("the message", is("old"))
			if !member { // its interval is there still
				ghost.send("<iq type='set' id='bye' to='%s'><query xmlns='jabber:iq:register'><remove/></query></iq>", k.room)
				ghost.until("the end", isResult("bye"))
			}
			jid := xmpp.MustParseJID("ghost@" + servertest.Domain)
			if err := s.Accounts.Delete(t.Context(), jid); err != nil {
				t.Fatal(err)
			}
			if err := s.Accounts.Add(t.Context(), jid, servertest.Password); err != nil {
				t.Fatal(err)
			}
			k.send("<message id='inv' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='%s'/></x></message>", k.room, jid)
			if err := k.Fence(); err != nil {
				t.Fatal(err)
			}
			heir := newGuest(t, s, "ghost", false)
			heir.send("<presence to='%s/heir'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='100'/></x></presence>", k.room)
			heir.until("the subject", func(e xmpp.Element) bool {
				if e.Attr("id") == "old" {
					t.Error("it is sent what was said before")
				}
				return hasSubject(e)
			})
			heir.send("<iq type='set' id='mam' to='%s'><query xmlns='urn:xmpp:mam:2'/></iq>", k.room)
			heir.until("the archive", func(e xmpp.Element) bool {
				if _, ok := e.Child("urn:xmpp:mam:2", "result"); ok {
					t.Errorf("the archive shows %v", e)
				}
				return e.Name.Local == "iq"
			})
		})
	}
}

// Nobody can flood others, or a room, with invitations; without limits, they can.
func TestInvitationFlood(t *testing.T) {
	t.Parallel()
	for _, off := range []bool{false, true} {
		t.Run(fmt.Sprintf("off=%v", off), func(t *testing.T) {
			t.Parallel()
			s := servertest.StartWith(t, func(c *daemon.Config) { c.Limits.Off = off })
			k := newTalk(t, s, "host", "paris@elsewhere.example")
			k.come(k.guest)
			k.until("the subject", hasSubject)
			refused := 0
			for i := range 10 {
				var b strings.Builder
				for j := range 20 {
					fmt.Fprintf(&b, "<invite to='u%d-%d@elsewhere.example'/>", i, j)
				}
				k.send("<message id='i%d' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'>%s</x></message>", i, k.room, b.String())
			}
			k.send("<message id='direct' to='mercutio@elsewhere.example'><x xmlns='jabber:x:conference' jid='%s'/></message>", k.room)
			k.send("<iq type='get' id='end' to='%s'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member'/></query></iq>", k.room)
			members := 0
			k.until("the end", func(e xmpp.Element) bool {
				if isRefusal(e, "resource-constraint") {
					refused++
				}
				if e.Attr("id") == "end" {
					query, _ := e.Child("http://jabber.org/protocol/muc#admin", "query")
					members = len(query.Elements())
				}
				return e.Attr("id") == "end"
			})
			want, left := 82, 6 // one when it began, 4 times 20, and one directly
			if off {
				want, left = 202, 0
			}
			if members != want || refused != left {
				t.Errorf("%d became members, not %d; %d refused, not %d", members, want, refused, left)
			}
		})
	}
}

// isRefusal tells whether something is an error with a condition.
func isRefusal(e xmpp.Element, condition string) bool {
	failure, _ := e.Child(xmpp.NSClient, "error")
	_, ok := failure.Child(xmpp.NSStanzas, condition)
	return e.Attr("type") == "error" && ok
}

// Who comes and goes while much is said finds everything, once and in its order: what was missed, and what is said from then on.
func TestComingBackLosesNothing(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	k := newTalk(t, s, "host", "juliet")
	k.come(k.guest)
	k.until("the subject", hasSubject)
	juliet := newGuest(t, s, "juliet", false)
	k.come(juliet)
	juliet.until("the subject", hasSubject)
	const all, ahead = 3000, 300 // no more than somebody is sent who comes in
	done, said := make(chan error, 1), make(chan struct{}, all)
	allowed := 0
	allow := func(upto int) {
		for ; allowed < min(upto, all); allowed++ {
			said <- struct{}{}
		}
	}
	go func() {
		for i := range all {
			<-said
			if err := k.Send(fmt.Sprintf("<message id='%d' to='%s' type='groupchat'><body>%d</body></message>", i, k.room, i)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	go func() { // so that its connection does not fill
		for {
			if _, err := k.Next(); err != nil {
				return
			}
		}
	}()
	seen, turns := -1, 0
	for seen < all-1 {
		allow(seen + 1 + ahead)
		heard := seen + 60 + turns*7%200
		juliet.until("messages", func(e xmpp.Element) bool { return juliet.heard(e, &seen) && seen >= min(heard, all-1) })
		if seen == all-1 {
			break
		}
		juliet.send("<presence type='unavailable' to='%s/juliet'/>", k.room)
		juliet.until("the departure", func(e xmpp.Element) bool {
			juliet.heard(e, &seen)
			return e.Name.Local == "presence" && e.Attr("type") == "unavailable"
		})
		ask := []string{"", "<history maxstanzas='400'/>"}[turns%2] // the second is more than the room has at hand
		juliet.send("<presence to='%s/juliet'><x xmlns='http://jabber.org/protocol/muc'>%s</x></presence>", k.room, ask)
		back := -1 // what was heard is sent again as far as it is among the last ones
		juliet.until("the subject", func(e xmpp.Element) bool {
			if n, err := strconv.Atoi(e.Attr("id")); err == nil && e.Name.Local == "message" && !hasSubject(e) {
				if back >= 0 && n != back+1 || back < 0 && n > seen+1 {
					t.Fatalf("after %d, heard before %d, comes %d", back, seen, n)
				}
				back = n
			}
			return hasSubject(e)
		})
		seen = max(seen, back)
		turns++
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if turns < 3 {
		t.Errorf("it came back %d times only", turns)
	}
}

// heard notes a message; true if it is one. Those that come live come one after the other.
func (g *guest) heard(e xmpp.Element, seen *int) bool {
	n, err := strconv.Atoi(e.Attr("id"))
	if err != nil || e.Name.Local != "message" {
		return false
	}
	if n != *seen+1 {
		g.t.Fatalf("after %d comes %d", *seen, n)
	}
	*seen = n
	return true
}

// An account owns a hundred rooms, however it makes them.
func TestRoomsOfOneAccount(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	k := newTalk(t, s, "host", "paris@elsewhere.example")
	for i := 1; i < 100; i++ {
		k.send("<presence to='r%d@conference.%s/host'><x xmlns='http://jabber.org/protocol/muc'/></presence>", i, servertest.Domain)
		k.send("<iq type='set' id='c%d' to='r%d@conference.%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>", i, i, servertest.Domain)
		k.until("the room", isResult(fmt.Sprintf("c%d", i)))
	}
	k.send("<presence id='more' to='more@conference.%s/host'><x xmlns='http://jabber.org/protocol/muc'/></presence>", servertest.Domain)
	if e := k.until("an answer", is("more")); !isRefusal(e, "resource-constraint") {
		t.Errorf("one room more: %v", e)
	}
	k.send(`<iq type='set' id='again' to='conference.%s'><command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:start'>
<x xmlns='jabber:x:data' type='submit'><field var='people'><value>x@elsewhere.example</value></field></x></command></iq>`, servertest.Domain)
	if e := k.until("an answer", is("again")); !isRefusal(e, "resource-constraint") {
		t.Errorf("one room more by the command: %v", e)
	}
	k.send("<presence to='r1@conference.%s/other'><x xmlns='http://jabber.org/protocol/muc'/></presence>", servertest.Domain)
	k.until("a room that there is", func(e xmpp.Element) bool {
		return e.Name.Local == "presence" && e.Attr("from") == "r1@conference."+servertest.Domain+"/other"
	})
	k.send("<iq type='set' id='destroy' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query></iq>", k.room)
	k.until("the end of one", isResult("destroy"))
	k.send("<presence id='more2' to='more@conference.%s/host'><x xmlns='http://jabber.org/protocol/muc'/></presence>", servertest.Domain)
	if e := k.until("a room instead", func(e xmpp.Element) bool { return strings.HasPrefix(e.Attr("from"), "more@") }); e.Attr("type") == "error" {
		t.Errorf("a room instead of one: %v", e)
	}
}
