package history_test

import (
	"fmt"
	"strings"
	"testing"

	"palabre/history"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// BenchmarkLastPage asks for the last 50 messages of 10,000, with the database and without a socket.
func BenchmarkLastPage(b *testing.B) {
	s := servertest.Start(b)
	romeo := login(b, s, "romeo@example.org/laptop")
	juliet := xmpp.MustParseJID("juliet@example.org")
	s.Account(b, juliet)
	const total, start = 10_000, "<message type='chat' id='purple4a5b6c7d' to='juliet@example.org' from='romeo@example.org/laptop'>"
	done := make(chan error, total)
	for i := range total {
		a := &history.Append{
			Entries: []history.Entry{{Owner: romeo.s.JID.Bare(), Peer: juliet, Kind: history.Sent}, {Owner: juliet, Peer: romeo.s.JID.Bare(), Kind: history.Waits}},
			Stanza:  []byte(start + "<body>" + fmt.Sprint(i) + strings.Repeat("x", 300) + "</body></message>"), Inner: len(start),
		}
		s.Store.Commit([]server.Write{a}, func(err error) { done <- err })
	}
	for range total {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	const ask = "<iq type='set' id='q'><query xmlns='" + nsMAM + "' queryid='f27'><set xmlns='" + nsRSM + "'><max>50</max><before/></set></query></iq>"
	b.ReportAllocs()
	for b.Loop() {
		romeo.send(ask)
		rows := 0
		for p := range romeo.got {
			if p.Stanza.Kind == xmpp.IQ {
				break
			}
			rows++
		}
		if rows != 50 {
			b.Fatalf("%d rows", rows)
		}
	}
}
