package history_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"palabre/history"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

const (
	nsMAM = "urn:xmpp:mam:2"
	nsRSM = xmpp.NSRSM
)

// A device is a client without a socket.
type device struct {
	t    testing.TB
	s    *server.Session
	at   string // whose archive it asks; empty: its own
	got  chan stream.Packet
	asks int
}

func (d *device) Send(p stream.Packet) bool { d.got <- p; return true }
func (*device) Remote() netip.Addr          { return netip.Addr{} }
func (*device) Flush()                      {}
func (*device) Drop()                       {}

// Close ends the session, as a transport does.
func (d *device) Close(*stream.Error) { go d.s.Closed(context.Background()) }

func login(t testing.TB, s *servertest.Server, address string) *device {
	t.Helper()
	jid := xmpp.MustParseJID(address)
	s.Account(t, jid.Bare())
	d := &device{t: t, got: make(chan stream.Packet, 10_000)}
	var err error
	if d.s, err = s.Host.Bind(context.Background(), jid.Bare(), jid.Resource(), d); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.s.Closed(context.Background()) })
	return d
}

// send gives a stanza to the server.
func (d *device) send(xml string) {
	d.t.Helper()
	st, err := xmpp.ParseStanza(xml)
	if err != nil {
		d.t.Fatal(err)
	}
	d.s.Receive(context.Background(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

// A found row, and what it says.
type found struct {
	id, stamp string
	message   xmpp.Element
}

// query asks the archive, and gives the rows that come before the answer, and the answer.
func (d *device) query(inside string) (rows []found, answer xmpp.Element) {
	d.t.Helper()
	d.asks++
	id := fmt.Sprint("q", d.asks)
	to := ""
	if d.at != "" {
		to = " to='" + d.at + "'"
	}
	d.send("<iq type='set' id='" + id + "'" + to + "><query xmlns='" + nsMAM + "' queryid='" + id + "'>" + inside + "</query></iq>")
	timeout := time.After(20 * time.Second)
	for {
		select {
		case p := <-d.got:
			e, err := xmpp.Parse(string(p.AppendTo(nil)), xmpp.NSClient)
			if err != nil {
				d.t.Fatal(err)
			}
			if e.Name.Local == "iq" && e.Attr("id") == id {
				return rows, e
			}
			if result, ok := e.Child(nsMAM, "result"); ok {
				rows = append(rows, read(result))
			}
		case <-timeout:
			d.t.Fatal("no answer")
		}
	}
}

func read(result xmpp.Element) found {
	forwarded, _ := result.Child("urn:xmpp:forward:0", "forwarded")
	delay, _ := forwarded.Child("urn:xmpp:delay", "delay")
	message, _ := forwarded.Child(xmpp.NSClient, "message")
	return found{result.Attr("id"), delay.Attr("stamp"), message}
}

// archived puts a message into the archives of both.
func archived(t testing.TB, s *servertest.Server, from, to, body string) {
	t.Helper()
	f, r := xmpp.MustParseJID(from), xmpp.MustParseJID(to)
	start := fmt.Sprintf("<message type='chat' to='%s' from='%s'>", r, f)
	a := &history.Append{
		Entries: []history.Entry{{Owner: f.Bare(), Peer: r.Bare(), Kind: history.Sent}, {Owner: r.Bare(), Peer: f.Bare(), Kind: history.Waits}},
		Stanza:  []byte(start + "<body>" + body + "</body></message>"), Inner: len(start),
	}
	if err := s.Host.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// archivedOnce puts a message to oneself into the archive.
func archivedOnce(t testing.TB, s *servertest.Server, from, to, body string) {
	t.Helper()
	f := xmpp.MustParseJID(from)
	start := fmt.Sprintf("<message type='chat' to='%s' from='%s'>", to, from)
	a := &history.Append{
		Entries: []history.Entry{{Owner: f.Bare(), Peer: f.Bare(), Kind: history.Sent}},
		Stanza:  []byte(start + "<body>" + body + "</body></message>"), Inner: len(start),
	}
	if err := s.Host.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}
