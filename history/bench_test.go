package history

import (
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

// BenchmarkResults makes a page of 50 messages of 430 bytes each: all that a page costs beside the database and the socket.
func BenchmarkResults(b *testing.B) {
	m := testModule(b)
	to := xmpp.MustParseJID("romeo@example.org/laptop")
	rows := make([]Row, 50)
	for i := range rows {
		text := "<message type='chat' id='purple4a5b6c7d' to='juliet@example.org' from='romeo@example.org/laptop'><body>"
		rows[i] = Row{ID: FirstAt(time.Now()) + int64(i), Stanza: []byte(text + strings.Repeat("x", 430-len(text)-17) + "</body></message>")}
	}
	q := &question{queryID: "f27", query: Query{Owner: to.Bare()}}
	b.ReportAllocs()
	for b.Loop() {
		if got := m.results(q, to, rows); len(got) != len(rows) {
			b.Fatal(len(got))
		}
	}
}

// BenchmarkDecide is what an archive adds to a message before its commit: the rule, what is stored, what it is known by when it comes again.
func BenchmarkDecide(b *testing.B) {
	st, err := xmpp.ParseStanza("<message id='purple4a5b6c7d' to='juliet@example.org' from='romeo@example.org/laptop' type='chat'>" +
		"<body>Wherefore art thou, Romeo? Deny thy father.</body><active xmlns='http://jabber.org/protocol/chatstates'/>" +
		"<request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='9'/></message>")
	if err != nil {
		b.Fatal(err)
	}
	m := testModule(b)
	e := Entry{Owner: juliet, ID: FirstAt(time.Now())}
	b.ReportAllocs()
	for b.Loop() {
		if w := worthOf(st); !w.sent || !worthOf(st).received {
			b.Fatal(w)
		}
		raw, _ := render(st)
		if digest(romeo, st) == streamOf("session") || len(raw) == 0 || m.tail(&e) == "" {
			b.Fatal("nothing")
		}
	}
}
