package muc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

const feast = "feast@conference.example.org"

// hosted starts a server and makes a room, with the fields of a form, in which its host is.
func hosted(t *testing.T, fields string) (*servertest.Server, *servertest.Client) {
	t.Helper()
	s := servertest.StartWith(t, func(c *daemon.Config) { c.Sessions.Resume = 0 })
	c := login(t, s, "romeo")
	send(t, c, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	configure(t, c, fields)
	return s, c
}

// configure submits fields, and waits until they are taken.
func configure(t *testing.T, c *servertest.Client, fields string) {
	t.Helper()
	send(t, c, "<iq type='set' id='c' to='"+feast+"'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>"+fields+"</x></query></iq>")
	if e := until(t, c, func(e xmpp.Element) bool { return e.Attr("id") == "c" }); e.Attr("type") != "result" {
		t.Fatal(e)
	}
}

func login(t *testing.T, s *servertest.Server, name string) *servertest.Client {
	t.Helper()
	c, err := s.Login(t, xmpp.MustParseJID(name+"@example.org"), "orchard")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c *servertest.Client, xml string) {
	t.Helper()
	if err := c.Send(xml); err != nil {
		t.Fatal(err)
	}
}

// until takes what arrives, to what is asked for.
func until(t *testing.T, c *servertest.Client, is func(xmpp.Element) bool) xmpp.Element {
	t.Helper()
	for {
		e, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if is(e) {
			return e
		}
	}
}

// isThere asks whether there is the room.
func isThere(t *testing.T, c *servertest.Client) bool {
	t.Helper()
	send(t, c, "<iq type='get' id='there' to='"+feast+"'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
	e := until(t, c, func(e xmpp.Element) bool { return e.Attr("id") == "there" })
	return e.Attr("type") == "result"
}

// gone waits until there is no room any more. It asks again and again: nobody is told of the end of an empty room.
func gone(t *testing.T, c *servertest.Client) {
	t.Helper()
	for begun := time.Now(); isThere(t, c); {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("the room is still there")
		}
	}
}

func field(name, value string) string {
	return fmt.Sprintf("<field var='%s'><value>%s</value></field>", name, value)
}

// V6: it ends at its time, with those inside.
func TestEndByDate(t *testing.T) {
	t.Parallel()
	_, c := hosted(t, field("urn:palabre:room:preset", "visit"))
	at := time.Now().Add(time.Second)
	configure(t, c, field("urn:palabre:room:end", at.UTC().Format(time.RFC3339Nano)))
	e := until(t, c, func(e xmpp.Element) bool { return e.Name.Local == "presence" && e.Attr("type") == "unavailable" })
	if !strings.Contains(e.String(), "<destroy") || time.Now().Before(at) {
		t.Errorf("%v: %s", time.Since(at), e)
	}
	gone(t, c)
}

// V6: it ends when nobody has been inside for a while; the server may be started again meanwhile.
func TestVanish(t *testing.T) {
	t.Parallel()
	s, c := hosted(t, field("urn:palabre:room:preset", "visit")+field("urn:palabre:room:vanish", "1"))
	send(t, c, "<presence to='"+feast+"/Romeo' type='unavailable'/>")
	if !isThere(t, c) {
		t.Error("it is gone at once")
	}
	send(t, c, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	until(t, c, func(e xmpp.Element) bool { return e.Name.Local == "message" })
	for until := time.Now().Add(1500 * time.Millisecond); time.Now().Before(until); { // longer than it may be empty
		if !isThere(t, c) {
			t.Fatal("it is gone, with somebody inside")
		}
	}
	left := time.Now()
	send(t, c, "<presence to='"+feast+"/Romeo' type='unavailable'/>")
	gone(t, c)
	if d := time.Since(left); d < time.Second {
		t.Errorf("gone after %v", d)
	}
	s.Restart(t)
	if isThere(t, login(t, s, "romeo")) {
		t.Error("it is there again")
	}
}

func TestVanishOverRestart(t *testing.T) {
	t.Parallel()
	s, _ := hosted(t, field("urn:palabre:room:preset", "visit")+field("urn:palabre:room:vanish", "1"))
	s.Restart(t)
	gone(t, login(t, s, "romeo"))
}

// A room that is not to stay goes, too, if its end was a crash.
func TestTemporaryRoomAfterCrash(t *testing.T) {
	t.Parallel()
	s, c := hosted(t, field("urn:palabre:room:preset", "open"))
	if err := c.Fence(); err != nil {
		t.Fatal(err)
	}
	s.Crash(t)
	gone(t, login(t, s, "romeo"))
}

// A server's admin ends a room; those inside are told why, and where to go.
func TestDestroyByAdmin(t *testing.T) {
	t.Parallel()
	s, c := hosted(t, field("urn:palabre:room:preset", "group"))
	if err := s.Rooms.Destroy(t.Context(), xmpp.MustParseJID(feast), "no noise", xmpp.MustParseJID("tomb@conference.example.org")); err != nil {
		t.Fatal(err)
	}
	e := until(t, c, func(e xmpp.Element) bool { return e.Attr("type") == "unavailable" })
	if text := e.String(); !strings.Contains(text, "tomb@conference.example.org") || !strings.Contains(text, "no noise") {
		t.Error(text)
	}
	if isThere(t, c) {
		t.Error("it is still there")
	}
	if err := s.Rooms.Destroy(t.Context(), xmpp.MustParseJID(feast), "", xmpp.JID{}); err == nil || !strings.Contains(err.Error(), "item-not-found") {
		t.Errorf("once more: %v", err)
	}
}
