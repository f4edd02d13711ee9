package muc_test

import (
	"runtime"
	"strings"
	"testing"

	"palabre/daemon"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// leakyServer is a server whose store can be made to fail.
func leakyServer(t *testing.T) (*servertest.Server, *leaky) {
	store := &leaky{}
	s := servertest.StartWith(t, func(c *daemon.Config) {
		c.Tuning.Committer = func(next server.Committer) server.Committer { store.Committer = next; return store }
	})
	return s, store
}

func isAbout(id string) func(xmpp.Element) bool {
	return func(e xmpp.Element) bool { return e.Attr("id") == id }
}

// A new room that could not be written is as it was before: who makes it says once more what it shall be.
func TestNewRoomUnwritten(t *testing.T) {
	t.Parallel()
	s, store := leakyServer(t)
	s.Account(t, xmpp.MustParseJID("juliet@example.org"))
	c := login(t, s, "romeo")
	send(t, c, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	const form = "<iq type='set' id='c' to='" + feast + "'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>"
	store.one.Store(1)
	send(t, c, form)
	if e := until(t, c, isAbout("c")); e.Attr("type") != "error" {
		t.Fatal(e)
	}
	store.one.Store(0)
	send(t, c, form)
	if e := until(t, c, isAbout("c")); e.Attr("type") != "result" {
		t.Fatal(e)
	}
	send(t, c, "<message to='"+feast+"' type='groupchat' id='m'><body>welcome</body></message>")
	if e := until(t, c, isAbout("m")); e.Attr("type") != "groupchat" {
		t.Fatal(e)
	}
	s.Restart(t)
	if !isThere(t, login(t, s, "juliet")) {
		t.Error("it is not kept")
	}
}

// Who leaves is told of, also if that can't be noted; who was to be put out for good, and was not, is out for nothing, and comes in again. What is read anew takes no
// voice from those who were given it.
func TestLeavingUnwritten(t *testing.T) {
	t.Parallel()
	s, store := leakyServer(t)
	host := login(t, s, "romeo")
	send(t, host, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	configure(t, host, field("urn:palabre:room:preset", "open")+field("muc#roomconfig_moderatedroom", "1"))
	enter := func(c *servertest.Client, nick string) {
		send(t, c, "<presence to='"+feast+"/"+nick+"'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
		until(t, c, func(e xmpp.Element) bool { _, ok := e.Child(xmpp.NSClient, "subject"); return ok })
	}
	gone := func(c *servertest.Client, nick string) xmpp.Element {
		return until(t, c, func(e xmpp.Element) bool { return e.Attr("type") == "unavailable" && e.Attr("from") == feast+"/"+nick })
	}
	asks := func(id, item string) string {
		send(t, host, "<iq type='set' id='"+id+"' to='"+feast+"'><query xmlns='http://jabber.org/protocol/muc#admin'>"+item+"</query></iq>")
		return until(t, host, isAbout(id)).Attr("type")
	}
	juliet, paris, nurse := login(t, s, "juliet"), login(t, s, "paris"), login(t, s, "nurse")
	enter(juliet, "Juliet")
	enter(paris, "Paris")
	enter(nurse, "Nurse")
	if asks("1", "<item jid='paris@example.org' affiliation='member'/>") != "result" || asks("2", "<item nick='Nurse' role='participant'/>") != "result" {
		t.Fatal("refused")
	}
	store.one.Store(1)
	send(t, paris, "<presence type='unavailable' to='"+feast+"/Paris'/>")
	gone(juliet, "Paris")
	if asks("3", "<item jid='juliet@example.org' affiliation='outcast'/>") != "error" {
		t.Error("it can't be written")
	}
	if item, codes := codesOf(gone(juliet, "Juliet")); codes != "110 333" || item.Attr("affiliation") != "none" {
		t.Errorf("juliet is told %v, %q", item, codes)
	}
	store.one.Store(0)
	enter(juliet, "Juliet")
	send(t, nurse, "<message to='"+feast+"' type='groupchat' id='m'><body>have patience</body></message>")
	if e := until(t, nurse, isAbout("m")); e.Attr("type") != "groupchat" {
		t.Errorf("the nurse has voice, and hears %s", e)
	}
}

// Who is invited can come in, also if an invitation before this one was not written, which then had already been reckoned with.
func TestInvitationUnwritten(t *testing.T) {
	t.Parallel()
	for name, invite := range map[string]string{
		"mediated": "<message to='" + feast + "' id='i'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='juliet@example.org'/></x></message>",
		"direct":   "<message to='juliet@example.org' id='i'><x xmlns='jabber:x:conference' jid='" + feast + "'/></message>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, store := leakyServer(t)
			juliet, host := login(t, s, "juliet"), login(t, s, "romeo")
			send(t, juliet, "<presence/>")
			send(t, host, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
			configure(t, host, field("urn:palabre:room:preset", "group"))
			store.hold.Store(true)
			send(t, host, invite+strings.ReplaceAll(invite, "id='i'", "id='j'"))
			if e := until(t, host, isAbout("i")); e.Attr("type") != "error" {
				t.Error(e)
			}
			until(t, juliet, isAbout("j"))
			send(t, juliet, "<presence to='"+feast+"/Juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
			if e := until(t, juliet, func(e xmpp.Element) bool { return e.Attr("from") == feast+"/Juliet" }); e.Attr("type") == "error" {
				t.Error(e)
			}
		})
	}
}

// Who makes a room where another one has just ended has a room of their own, also if that end was not written.
func TestEndUnwritten(t *testing.T) {
	t.Parallel()
	s, store := leakyServer(t)
	host, paris := login(t, s, "romeo"), login(t, s, "paris")
	garden, err := s.Login(t, xmpp.MustParseJID("paris@example.org"), "garden")
	if err != nil {
		t.Fatal(err)
	}
	send(t, host, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	configure(t, host, field("urn:palabre:room:preset", "group"))
	room := xmpp.MustParseJID(feast)
	store.hold.Store(true)
	send(t, host, "<iq type='set' id='d' to='"+feast+"'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query></iq>")
	for s.Rooms.Occupants(room) > 0 {
		runtime.Gosched()
	}
	send(t, paris, "<presence to='"+feast+"/Paris'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	for s.Rooms.Occupants(room) == 0 {
		runtime.Gosched()
	}
	configure(t, garden, field("urn:palabre:room:preset", "group"))
	if e := until(t, host, isAbout("d")); e.Attr("type") != "error" {
		t.Error(e)
	}
	people, err := s.Rooms.People(t.Context(), room)
	if err != nil || len(people) != 1 || people[0].Account.Local() != "paris" {
		t.Errorf("it belongs to %v, %v", people, err)
	}
}

// A configuration that was not written by itself may have been with what came next: those inside are told of it all the same.
func TestConfigurationWrittenWithAnother(t *testing.T) {
	t.Parallel()
	s, store := leakyServer(t)
	host, juliet := login(t, s, "romeo"), login(t, s, "juliet")
	send(t, host, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	configure(t, host, field("urn:palabre:room:preset", "group")+field("muc#roomconfig_whois", "moderators")+field("muc#roomconfig_membersonly", "0"))
	send(t, juliet, "<presence to='"+feast+"/Juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	until(t, juliet, hasSubject)
	store.hold.Store(true)
	send(t, host, "<iq type='set' id='c' to='"+feast+"'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>"+
		field("muc#roomconfig_whois", "anyone")+"</x></query></iq>")
	for anonymous := true; anonymous; {
		d, err := s.Rooms.Details(t.Context(), xmpp.MustParseJID(feast))
		if err != nil {
			t.Fatal(err)
		}
		anonymous = d.Config.Policy.Anonymous
	}
	send(t, juliet, "<message to='"+feast+"' type='groupchat' id='s'><subject>masks</subject></message>")
	if e := until(t, host, isAbout("c")); e.Attr("type") != "error" {
		t.Error(e)
	}
	until(t, juliet, isAbout("s"))
	isThere(t, host) // whoever comes next has it read again
	until(t, juliet, func(e xmpp.Element) bool { _, codes := codesOf(e); return e.Attr("from") == feast && codes == "172" })
}

// A room does not go with the last one who has not been removed yet, when the removal of the others is not written in the end.
func TestLastMemberUnwritten(t *testing.T) {
	t.Parallel()
	s, store := leakyServer(t)
	juliet, host := login(t, s, "juliet"), login(t, s, "romeo")
	send(t, host, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	configure(t, host, field("urn:palabre:room:preset", "group"))
	send(t, host, "<iq type='set' id='add' to='"+feast+"'><query xmlns='http://jabber.org/protocol/muc#admin'><item jid='juliet@example.org' affiliation='member'/></query></iq>")
	until(t, host, isAbout("add"))
	other, err := s.Login(t, xmpp.MustParseJID("romeo@example.org"), "balcony")
	if err != nil {
		t.Fatal(err)
	}
	store.caught = make(chan struct{})
	store.hold.Store(true)
	send(t, host, "<iq type='set' id='remove' to='"+feast+"'><query xmlns='http://jabber.org/protocol/muc#admin'><item jid='juliet@example.org' affiliation='none'/></query></iq>")
	<-store.caught
	send(t, other, "<iq type='set' id='quit' to='"+feast+"'><query xmlns='jabber:iq:register'><remove/></query></iq>")
	for range 20 { // the other one has been read meanwhile
		if err := juliet.Fence(); err != nil {
			t.Fatal(err)
		}
	}
	send(t, juliet, "<message to='juliet@example.org' type='chat' id='next'><body>what is written next</body></message>") // the removal fails then
	if e := until(t, host, isAbout("remove")); e.Attr("type") != "error" {
		t.Error(e)
	}
	until(t, other, isAbout("quit"))
	if !isThere(t, juliet) {
		t.Error("the room has gone with all that was said in it")
	}
}

// codesOf is what a presence says of an occupant, and its codes.
func codesOf(e xmpp.Element) (item xmpp.Element, codes string) {
	x, _ := e.Child("http://jabber.org/protocol/muc#user", "x")
	for _, c := range x.Elements() {
		switch c.Name.Local {
		case "item":
			item = c
		case "status":
			if codes != "" {
				codes += " "
			}
			codes += c.Attr("code")
		}
	}
	return item, codes
}
