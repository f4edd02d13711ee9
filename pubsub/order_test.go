package pubsub_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"palabre/daemon"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

var (
	romeo  = xmpp.MustParseJID("romeo@example.org")
	juliet = xmpp.MustParseJID("juliet@example.org")
)

func befriend(t testing.TB, s *servertest.Server, a, b xmpp.JID) {
	t.Helper()
	if err := s.Befriend(t, a, b); err != nil {
		t.Fatal(err)
	}
}

// However many devices publish to one node at once, everybody hears of it in one order, which is that of what is kept.
func TestOneOrder(t *testing.T) {
	t.Parallel()
	const writers, each, node = 4, 40, "urn:x:n"
	s := servertest.Start(t)
	befriend(t, s, romeo, juliet)
	var mine, hers []*device
	for i := range writers {
		d := login(t, s, fmt.Sprintf("romeo@example.org/%d", i))
		d.wants(node)
		mine = append(mine, d)
	}
	for i := range 2 {
		d := login(t, s, fmt.Sprintf("juliet@example.org/%d", i))
		d.wants(node)
		hers = append(hers, d)
	}
	if got := outcome(mine[0].ask("set", "", configured(node, "first", "<e xmlns='urn:x'/>", "max_items", "max"))); got != "ok" {
		t.Fatal(got)
	}
	var all sync.WaitGroup
	for i, d := range mine {
		all.Go(func() {
			for n := range each {
				d.send("<iq type='set' id='p'>" + publish(node, fmt.Sprintf("%d.%d", i, n), "<e xmlns='urn:x'/>") + "</iq>")
			}
			d.send("<iq type='set' id='p'>" + entity(fmt.Sprintf("<retract node='%s'><item id='%d.0'/></retract>", node, i)) + "</iq>")
		})
	}
	all.Wait()
	var want []string
	for _, d := range append(mine, hers...) {
		var got []string
		for len(got) < writers*(each+1) {
			if of, what := heard(d.next(func(e xmpp.Element) bool { return e.Name.Local == "message" })); of == node && what != "first" {
				got = append(got, what)
			}
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s hears\n%v\nnot\n%v", d.s.JID, got, want)
		}
	}
	answer := hers[0].ask("get", romeo.String(), entity("<items node='"+node+"'/>"))
	p, _ := answer.Child(nsPubsub, "pubsub")
	items, _ := p.Child(nsPubsub, "items")
	kept, told := []string(nil), []string{"first"}
	for _, e := range items.Elements() {
		kept = append(kept, e.Attr("id"))
	}
	for _, id := range want {
		if id[0] != '-' && !slices.Contains(want, "-"+id) {
			told = append(told, id)
		}
	}
	if !slices.Equal(kept, told) {
		t.Errorf("kept is\n%v\ntold was\n%v", kept, told)
	}
}

// Whoever becomes available while something is published ends up with what is there.
func TestNobodyIsLeftWithAnOldItem(t *testing.T) {
	t.Parallel()
	const node = "urn:x:n"
	s := servertest.Start(t)
	befriend(t, s, romeo, juliet)
	d := login(t, s, "romeo@example.org/pc")
	d.ask("set", "", publish(node, "0", "<e xmlns='urn:x'/>"))
	for round := range 40 {
		x := login(t, s, fmt.Sprintf("juliet@example.org/%d", round))
		last := fmt.Sprint(round, ".", 5)
		var all sync.WaitGroup
		all.Go(func() {
			for n := range 6 {
				d.send("<iq type='set' id='p'>" + publish(node, fmt.Sprint(round, ".", n), "<e xmlns='urn:x'/>") + "</iq>")
			}
		})
		x.wants(node)
		all.Wait()
		x.send("<iq type='get' id='fence' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
		seen := ""
		x.next(func(e xmpp.Element) bool {
			if of, what := heard(e); of == node {
				seen = what
			}
			return e.Attr("id") == "fence"
		})
		if seen != last {
			t.Fatalf("round %d: the last that was heard is %q, not %q", round, seen, last)
		}
		x.s.Closed(t.Context())
	}
}

// While the store is away nothing is told, and nothing has changed when it is back.
func TestNothingIsToldThatIsNotStored(t *testing.T) {
	t.Parallel()
	const node = "urn:x:n"
	g := &gate{}
	s := servertest.StartWith(t, func(c *daemon.Config) {
		c.Tuning.Committer = func(x server.Committer) server.Committer { g.Committer = x; return g }
	})
	befriend(t, s, romeo, juliet)
	d, x := login(t, s, "romeo@example.org/pc"), login(t, s, "juliet@example.org/pc")
	x.wants(node, "urn:xmpp:avatar:metadata")
	d.send("<presence/>")
	if got := outcome(d.ask("set", "", publish(node, "1", "<e xmlns='urn:x'/>"))); got != "ok" {
		t.Fatal(got)
	}
	x.next(func(e xmpp.Element) bool { _, what := heard(e); return what == "1" })
	g.shut.Store(true)
	for _, request := range []string{
		publish(node, "2", "<e xmlns='urn:x'/>"), owner("<delete node='" + node + "'/>"), entity("<retract node='" + node + "'><item id='1'/></retract>"),
		"<vCard xmlns='vcard-temp'><PHOTO><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>",
		"<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='a@example.net'/></storage></query>",
	} {
		if got := outcome(d.ask("set", "", request)); got != "resource-constraint" {
			t.Errorf("%s: %s", request, got)
		}
	}
	g.shut.Store(false)
	if got := outcome(d.ask("set", "", publish(node, "3", "<e xmlns='urn:x'/>"))); got != "ok" {
		t.Fatal(got)
	}
	e := x.next(func(e xmpp.Element) bool { return e.Name.Local == "message" || e.Name.Local == "presence" })
	if _, what := heard(e); what != "3" {
		t.Errorf("told meanwhile: %s", e)
	}
	if card := d.ask("get", "", "<vCard xmlns='vcard-temp'/>"); card.String() == "" || len(card.Elements()[0].Elements()) != 0 {
		t.Errorf("the card: %s", card)
	}
}
