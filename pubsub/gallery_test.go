package pubsub_test

import (
	"fmt"
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// A client with many contacts is sent no more than it reads: a part, a ping, another part; and in the end all there is, the long ones too, each as it is by then.
func TestManyContacts(t *testing.T) {
	t.Parallel()
	const contacts, node = 12, "urn:x:n"
	s := servertest.Start(t)
	long := "<e xmlns='urn:x'>" + strings.Repeat("x", 100<<10) + "</e>"
	for i := range contacts {
		contact := xmpp.MustParseJID(fmt.Sprintf("contact%d@example.org", i))
		befriend(t, s, romeo, contact)
	}
	var all []*device
	for i := range contacts {
		d := login(t, s, fmt.Sprintf("contact%d@example.org/x", i))
		if got := outcome(d.ask("set", "", publish(node, "long", long))); got != "ok" {
			t.Fatal(got)
		}
		all = append(all, d)
	}
	x := login(t, s, "romeo@example.org/pc")
	x.wants(node)
	seen, size, pings := map[string]string{}, 0, 0
	for len(seen) < contacts || pings == 0 {
		e := x.next(func(e xmpp.Element) bool { return e.Name.Local == "message" || e.Attr("type") == "get" })
		if e.Name.Local == "iq" {
			if pings++; pings == 1 {
				all[contacts-1].ask("set", "", publish(node, "new", "<e xmlns='urn:x'/>"))
			}
			size = 0
			x.send("<iq type='error' id='" + e.Attr("id") + "' to='example.org'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
			continue
		}
		_, what := heard(e)
		seen[e.Attr("from")] = what
		if size += len(e.String()); size > 500<<10 {
			t.Fatalf("%d bytes without a ping", size)
		}
	}
	for from, what := range seen {
		if (what == "new") != (from == fmt.Sprintf("contact%d@example.org", contacts-1)) {
			t.Errorf("%s: %s", from, what)
		}
	}
	if pings < 3 {
		t.Errorf("%d pings", pings)
	}
}
