package pubsub_test

import (
	"context"
	"fmt"
	"testing"

	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

// audience is a server with somebody who publishes and contacts of theirs, who are interested if that many are.
func audience(b *testing.B, contacts int) (*device, []*servertest.Sink, *servertest.Server) {
	b.Helper()
	s := servertest.Start(b)
	for i := range contacts {
		befriend(b, s, romeo, xmpp.MustParseJID(fmt.Sprintf("contact%d@example.org", i)))
	}
	var conns []*servertest.Sink
	for i := range contacts {
		d := login(b, s, fmt.Sprintf("contact%d@example.org/x", i))
		d.wants(benchNode)
		d.s.Closed(context.Background())
		c := &servertest.Sink{}
		x, err := s.Host.Bind(context.Background(), d.s.JID.Bare(), "x", c)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { x.Closed(context.Background()) })
		restore(b, x, d)
		conns = append(conns, c)
	}
	d := login(b, s, "romeo@example.org/pc")
	d.send("<presence/>")
	return d, conns, s
}

const benchNode = "http://jabber.org/protocol/tune"

// restore makes a session interested without being asked.
func restore(b *testing.B, x *server.Session, d *device) {
	x.Restore(map[string][]byte{"caps": []byte(fmt.Sprintf(`{"Said":"x","Features":[%q]}`, benchNode+"+notify"))})
	st := xmpp.NewStanza(xmpp.Presence, "")
	x.Receive(b.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

// BenchmarkPublish is one tune told to 100 contacts who are interested, its commit included, without TLS; the commit is that of the temporary folder's disk.
func BenchmarkPublish(b *testing.B) {
	const contacts = 100
	d, conns, _ := audience(b, contacts)
	request := publish(benchNode, "current", "<tune xmlns='http://jabber.org/protocol/tune'><artist>Gerald Finzi</artist><length>255</length><title>Introduction</title></tune>")
	st, err := xmpp.ParseStanza("<iq type='set' id='p'>" + request + "</iq>")
	if err != nil {
		b.Fatal(err)
	}
	before := conns[7].Sent
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		next := *st
		d.s.Receive(b.Context(), stream.Event{Kind: stream.Stanza, Stanza: &next})
		for len(d.got) > 0 {
			<-d.got
		}
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n*contacts), "µs/delivery")
	if got := conns[7].Sent - before; got != n {
		b.Fatalf("%d of %d arrived", got, n)
	}
}

// BenchmarkShow is what becomes available with 100 contacts, each of whom has published: what is sent in one login.
func BenchmarkShow(b *testing.B) {
	const contacts = 100
	d, _, s := audience(b, contacts)
	for i := range contacts {
		x := login(b, s, fmt.Sprintf("contact%d@example.org/y", i))
		x.ask("set", "", publish(benchNode, "current", "<tune xmlns='http://jabber.org/protocol/tune'/>"))
	}
	d.s.Restore(map[string][]byte{"caps": []byte(fmt.Sprintf(`{"Said":"x","Features":[%q]}`, benchNode+"+notify"))})
	for b.Loop() {
		d.send("<presence type='unavailable'/>")
		d.send("<presence/>")
		for len(d.got) > 0 {
			<-d.got
		}
	}
}
