package pubsub_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

const (
	nsPubsub = "http://jabber.org/protocol/pubsub"
	nsEvent  = nsPubsub + "#event"
	nsErrors = nsPubsub + "#errors"
)

// A device is a client without a socket.
type device struct {
	t    testing.TB
	s    *server.Session
	got  chan string
	asks int
}

func (d *device) Send(p stream.Packet) bool { d.got <- string(p.AppendTo(nil)); return true }
func (*device) Remote() netip.Addr          { return netip.Addr{} }
func (*device) Flush()                      {}
func (*device) Drop()                       {}

// Close ends the session, as a transport does.
func (d *device) Close(*stream.Error) { go d.s.Closed(context.Background()) }

func login(t testing.TB, s *servertest.Server, address string) *device {
	t.Helper()
	jid := xmpp.MustParseJID(address)
	s.Account(t, jid.Bare())
	d := &device{t: t, got: make(chan string, 100_000)}
	var err error
	if d.s, err = s.Host.Bind(context.Background(), jid.Bare(), jid.Resource(), d); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.s.Closed(context.Background()) })
	return d
}

// send gives a stanza to the server.
func (d *device) send(xml string) {
	st, err := xmpp.ParseStanza(xml)
	if err != nil {
		d.t.Error(err)
		return
	}
	d.s.Receive(context.Background(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

// next is the next stanza for which ok says so; the others before it are gone.
func (d *device) next(ok func(e xmpp.Element) bool) xmpp.Element {
	d.t.Helper()
	for timeout := time.After(30 * time.Second); ; {
		select {
		case xml := <-d.got:
			e, err := xmpp.Parse(xml, xmpp.NSClient)
			if err != nil {
				d.t.Fatal(err)
			}
			if ok(e) {
				return e
			}
		case <-timeout:
			d.t.Fatalf("%s waits in vain", d.s.JID)
		}
	}
}

// wants makes the device available, with a client that wants to hear of these nodes.
func (d *device) wants(nodes ...string) {
	d.t.Helper()
	d.send("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='" + d.s.ID + "'/></presence>")
	asked := d.next(func(e xmpp.Element) bool { return e.Attr("type") == "get" && e.Name.Local == "iq" })
	answer := "<iq type='result' id='" + asked.Attr("id") + "' to='" + asked.Attr("from") + "'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc'/>"
	for _, n := range nodes {
		answer += "<feature var='" + n + "+notify'/>"
	}
	d.send(answer + "</query></iq>")
}

// ask sends a request and gives the answer.
func (d *device) ask(typ, to, inside string) xmpp.Element {
	d.t.Helper()
	d.asks++
	id := fmt.Sprint("q", d.asks)
	if to != "" {
		to = " to='" + to + "'"
	}
	d.send("<iq type='" + typ + "' id='" + id + "'" + to + ">" + inside + "</iq>")
	return d.next(func(e xmpp.Element) bool { return e.Name.Local == "iq" && e.Attr("id") == id })
}

// entity and owner wrap what a request is about.
func entity(inside string) string { return "<pubsub xmlns='" + nsPubsub + "'>" + inside + "</pubsub>" }
func owner(inside string) string {
	return "<pubsub xmlns='" + nsPubsub + "#owner'>" + inside + "</pubsub>"
}

func publish(node, id, payload string) string {
	return entity("<publish node='" + node + "'><item id='" + id + "'>" + payload + "</item></publish>")
}

// configured publishes with options.
func configured(node, id, payload string, options ...string) string {
	return entity("<publish node='" + node + "'><item id='" + id + "'>" + payload + "</item></publish><publish-options>" +
		submit("publish-options", options...) + "</publish-options>")
}

// submit is a form of pairs of names and values.
func submit(about string, pairs ...string) string {
	x := "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>" + nsPubsub + "#" + about + "</value></field>"
	for i := 0; i < len(pairs); i += 2 {
		x += "<field var='pubsub#" + pairs[i] + "'><value>" + pairs[i+1] + "</value></field>"
	}
	return x + "</x>"
}

// outcome is how a request ended: "ok", or the conditions of its error.
func outcome(answer xmpp.Element) string {
	e, failed := answer.Child(xmpp.NSClient, "error")
	if !failed {
		return "ok"
	}
	var names []string
	for _, c := range e.Elements() {
		if c.Name.Local != "text" {
			names = append(names, c.Name.Local)
		}
	}
	return strings.Join(names, " ")
}

// heard gives what a notification says, as "id" or "-id".
func heard(e xmpp.Element) (node, what string) {
	event, _ := e.Child(nsEvent, "event")
	items, _ := event.Child(nsEvent, "items")
	all := items.Elements()
	if len(all) == 0 {
		return "", ""
	}
	if all[0].Name.Local == "retract" {
		return items.Attr("node"), "-" + all[0].Attr("id")
	}
	return items.Attr("node"), all[0].Attr("id")
}

// A gate stands before the store, and lets commits fail while it is shut.
type gate struct {
	server.Committer
	shut atomic.Bool
}

func (g *gate) Commit(writes []server.Write, done func(error)) {
	if g.shut.Load() {
		done(server.ErrAway)
		return
	}
	g.Committer.Commit(writes, done)
}
