package daemon_test

import (
	"context"
	"fmt"
	"testing"

	"palabre/daemon"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

// typical is a chat message of 270 bytes, the mean.
const typical = `<message id='purple4a5b6c7d' to='%s' type='chat'><body>Wherefore art thou, Romeo? Deny thy father.</body>` +
	`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='9'/></message>`

// chat gives what scans a message, the session that is to receive it, with every module and without a socket, and where it arrives.
func chat(tb testing.TB, full bool) (scan func() stream.Event, sender *server.Session, arrived *servertest.Sink) {
	tb.Helper()
	s := servertest.StartWith(tb, func(c *daemon.Config) { c.History.Enabled = false })
	login := func(address string) (*server.Session, *servertest.Sink) {
		jid := xmpp.MustParseJID(address)
		s.Account(tb, jid.Bare())
		c := &servertest.Sink{}
		session, err := s.Host.Bind(tb.Context(), jid.Bare(), jid.Resource(), c)
		if err != nil {
			tb.Fatal(err)
		}
		session.Receive(tb.Context(), stream.Event{Kind: stream.Stanza, Stanza: xmpp.NewStanza(xmpp.Presence, "")})
		tb.Cleanup(func() { session.Closed(context.Background()) })
		return session, c
	}
	romeo, _ := login("romeo@" + servertest.Domain + "/laptop")
	juliet, arrived := login("juliet@" + servertest.Domain + "/balcony")
	to := juliet.JID
	if !full {
		to = to.Bare()
	}
	scanner, in := stream.NewScanner(xmpp.NSClient, stream.AfterLogin), fmt.Appendf(nil, typical, to)
	next := func(b []byte) stream.Event {
		_, ev, err := scanner.Scan(b)
		if err != nil {
			tb.Fatal(err)
		}
		return ev
	}
	next([]byte("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"))
	arrived.Sent = 0
	return func() stream.Event { return next(in) }, romeo, arrived
}

// BenchmarkChat is one message from the bytes of its sender to the queue of its recipient.
func BenchmarkChat(b *testing.B) {
	for name, full := range map[string]bool{"bare": false, "full": true} {
		b.Run(name, func(b *testing.B) {
			scan, romeo, arrived := chat(b, full)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				romeo.Receive(b.Context(), scan())
				n++
			}
			if arrived.Sent != n {
				b.Fatalf("%d of %d arrived", arrived.Sent, n)
			}
		})
	}
}

// TestChatAllocates: what a message costs in memory, beside its bytes and the stanza, is its passage.
func TestChatAllocates(t *testing.T) {
	const runs = 1000
	for name, full := range map[string]bool{"bare": false, "full": true} {
		scan, romeo, arrived := chat(t, full)
		events := make([]stream.Event, runs+1)
		for i := range events {
			events[i] = scan()
		}
		if n := testing.AllocsPerRun(runs, func() { romeo.Receive(t.Context(), events[arrived.Sent]) }); n > 1 {
			t.Errorf("%s: a message takes %v allocations", name, n)
		}
		if arrived.Sent != len(events) {
			t.Errorf("%s: %d of %d arrived", name, arrived.Sent, len(events))
		}
	}
}
