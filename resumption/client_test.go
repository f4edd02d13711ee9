package resumption_test

import (
	"fmt"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

const ns = "urn:xmpp:sm:3"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waiting is a configuration in which sessions wait for so long.
func waiting(time string) func(*daemon.Config) {
	return func(c *daemon.Config) {
		if err := c.Sessions.Resume.UnmarshalText([]byte(time)); err != nil {
			panic(err)
		}
	}
}

func address(name string) xmpp.JID { return xmpp.MustParseJID(name + "@" + servertest.Domain) }

// A device is a client that acknowledges.
type device struct {
	*servertest.Client
	t      testing.TB
	server *servertest.Server
	id     string // of its stream
	got    uint32 // stanzas
	acked  uint32 // of its own, by the server's word
}

// manage logs a client in and enables stream management.
func manage(t testing.TB, s *servertest.Server, name, resource, attrs string) *device {
	t.Helper()
	c, err := s.Login(t, address(name), resource)
	must(t, err)
	d := &device{Client: c, t: t, server: s}
	must(t, d.Send("<enable xmlns='"+ns+"' "+attrs+"/>"))
	for {
		e, err := d.Client.Next()
		must(t, err)
		if e.Is(ns, "enabled") {
			d.id = e.Attr("id")
			return d
		}
	}
}

// stanza is the next stanza. What the server says of counts is taken in, and answered unless the device is mute.
func (d *device) stanza(mute bool) (xmpp.Element, error) {
	for {
		e, err := d.Client.Next()
		if err != nil {
			return e, err
		}
		switch {
		case e.Is(ns, "r"):
			if !mute {
				err = d.acknowledge()
			}
		case e.Is(ns, "a"):
			d.acked = number(d.t, e)
		case e.Name.Space == xmpp.NSClient:
			d.got++
			return e, nil
		}
		if err != nil {
			return e, err
		}
	}
}

func (d *device) acknowledge() error {
	return d.Send(fmt.Sprintf("<a xmlns='%s' h='%d'/>", ns, d.got))
}

func number(t testing.TB, e xmpp.Element) uint32 {
	t.Helper()
	var n uint32
	if _, err := fmt.Sscan(e.Attr("h"), &n); err != nil {
		t.Fatalf("no count in %s", e)
	}
	return n
}

// ask asks to go on with the session on another connection, and gives the answer.
func (d *device) ask() xmpp.Element {
	d.t.Helper()
	must(d.t, d.server.Reconnect(d.Client))
	must(d.t, d.Send(fmt.Sprintf("<resume xmlns='%s' previd='%s' h='%d'/>", ns, d.id, d.got)))
	e, err := d.Client.Next()
	must(d.t, err)
	return e
}

func (d *device) resume() {
	d.t.Helper()
	e := d.ask()
	if !e.Is(ns, "resumed") || e.Attr("previd") != d.id {
		d.t.Fatalf("the session is not resumed: %s", e)
	}
	d.acked = number(d.t, e)
}
