package muc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

const membersRoom = "many@conference.example.org"

// wide is what a client takes that expects long lists.
var wide = stream.Limits{Bytes: 1 << 20, Depth: 64, Attrs: 64, Namespaces: 32, Elements: 50_000, Stanzas: true}

// adminAsks sends a request about people, and gives its answer.
func (g *guest) adminAsks(typ, id, items string) xmpp.Element {
	g.t.Helper()
	g.send("<iq type='%s' id='%s' to='%s'><query xmlns='http://jabber.org/protocol/muc#admin'>%s</query></iq>", typ, id, membersRoom, items)
	return g.until("the answer "+id, func(e xmpp.Element) bool { return e.Name.Local == "iq" && e.Attr("id") == id })
}

// members reads the list, as a client does that knows nothing of pages, and tells how many there are in it.
func (g *guest) members(id string) (n int) {
	g.t.Helper()
	query, _ := g.adminAsks("get", id, "<item affiliation='member'/>").Child("http://jabber.org/protocol/muc#admin", "query")
	if _, cut := query.Child(xmpp.NSRSM, "set"); cut {
		g.t.Error("a part of the list came")
	}
	return len(query.Elements())
}

// TestManyMembers: 10,000 members of a group are made, listed, and still there after a restart.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	const all, each = 10_000, 500
	s := servertest.Start(t)
	owner := newGuest(t, s, "owner", false)
	owner.SetLimits(wide)
	owner.send("<presence to='%s/owner'><x xmlns='http://jabber.org/protocol/muc'/></presence>", membersRoom)
	owner.send("<iq type='set' id='made' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>", membersRoom)
	owner.until("the room", isResult("made"))
	start := time.Now()
	for first := 0; first < all; first += each {
		var items strings.Builder
		for i := first; i < first+each; i++ {
			fmt.Fprintf(&items, "<item affiliation='member' jid='member%05d@%s'/>", i, servertest.Domain)
		}
		if got := owner.adminAsks("set", fmt.Sprint("add", first), items.String()); got.Attr("type") != "result" {
			t.Fatal(got)
		}
	}
	t.Logf("%d members became so in %v", all, time.Since(start))
	if got := owner.adminAsks("set", "too many", strings.Repeat("<item affiliation='none' jid='nobody@example.org'/>", each+1)); got.Attr("type") != "error" {
		t.Error(got)
	}
	start = time.Now()
	if n := owner.members("list"); n != all {
		t.Errorf("%d members, not %d", n, all)
	}
	t.Logf("they are listed in %v", time.Since(start))
	s.Restart(t)
	member := newGuest(t, s, "member04711", false)
	member.SetLimits(wide)
	if n := member.members("again"); n != all {
		t.Errorf("%d members after the restart, not %d", n, all)
	}
}
