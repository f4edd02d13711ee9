package xep

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"palabre/stream"
	"palabre/xmpp"
)

// What a client may make us copy is a few times what it sends, or what is kept for it: not its square.
func TestWorkIsBounded(t *testing.T) {
	presence := stanzaOf(t, "<presence>"+strings.Repeat("<c xmlns='http://jabber.org/protocol/caps'/>", 4990)+"</presence>")
	var addresses []xmpp.JID
	for i := range mostBlocked {
		addresses = append(addresses, xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i)))
	}
	for name, work := range map[string]func(){
		"capabilities": func() { claimOf(presence) },
		"block list":   func() { blockElement("blocklist", addresses) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		work()
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%s: %d KiB are allocated", name, got>>10)
		}
	}
}

// stanzaOf has the scanner read a stanza, as it comes from a client.
func stanzaOf(t *testing.T, xml string) *xmpp.Stanza {
	t.Helper()
	sc := stream.NewScanner(xmpp.NSClient, stream.AfterLogin)
	in := []byte("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>" + xml)
	for {
		n, ev, err := sc.Scan(in)
		if err != nil || ev.Kind == stream.None {
			t.Fatalf("no stanza: %v", err)
		}
		if in = in[n:]; ev.Kind == stream.Stanza {
			return ev.Stanza
		}
	}
}
