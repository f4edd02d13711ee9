package pubsub_test

import (
	"fmt"
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// Whatever is asked for has a clear answer, and what is refused has changed nothing.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := login(t, s, "romeo@example.org/pc")
	const e = "<e xmlns='urn:x'/>"
	if got := outcome(d.ask("set", "", publish("urn:x:n", "1", e))); got != "ok" {
		t.Fatal(got)
	}
	configure := func(pairs ...string) string {
		return owner("<configure node='urn:x:n'>" + submit("node_config", pairs...) + "</configure>")
	}
	long := strings.Repeat("x", 501)
	for _, c := range []struct{ name, typ, request, want string }{
		{"nothing", "set", entity(""), "feature-not-implemented"},
		{"text", "set", entity("publish"), "feature-not-implemented"},
		{"of another namespace", "set", entity("<publish xmlns='urn:x' node='n'/>"), "feature-not-implemented"},
		{"an owner's verb", "set", entity("<delete node='urn:x:n'/>"), "feature-not-implemented"},
		{"get", "get", publish("urn:x:n", "2", e), "bad-request"},
		{"set", "set", entity("<items node='urn:x:n'/>"), "bad-request"},
		{"no node", "set", entity("<publish><item>" + e + "</item></publish>"), "bad-request nodeid-required"},
		{"no node to read", "get", entity("<items/>"), "bad-request nodeid-required"},
		{"no node to delete", "set", owner("<delete/>"), "bad-request nodeid-required"},
		{"a long name", "set", publish(long, "2", e), "not-acceptable"},
		{"a name with a line feed", "set", publish("a&#xA;b", "2", e), "not-acceptable"},
		{"a long id", "set", publish("urn:x:n", strings.Repeat("é", 512), e), "not-acceptable"},
		{"an id with a tab", "set", publish("urn:x:n", "a&#x9;b", e), "not-acceptable"},
		{"two items", "set", entity("<publish node='urn:x:n'><item>" + e + "</item><item>" + e + "</item></publish>"), "bad-request"},
		{"no item", "set", entity("<publish node='urn:x:n'/>"), "bad-request item-required"},
		{"no payload", "set", publish("urn:x:n", "2", ""), "bad-request payload-required"},
		{"text for a payload", "set", publish("urn:x:n", "2", "text"), "bad-request payload-required"},
		{"two payloads", "set", publish("urn:x:n", "2", e+e), "bad-request invalid-payload"},
		{"no namespace", "set", publish("urn:x:n", "2", "<e xmlns=''/>"), "bad-request invalid-payload"},
		{"too big", "set", publish("urn:x:n", "2", "<e xmlns='urn:x'>"+strings.Repeat("x", 128<<10)+"</e>"), "not-acceptable payload-too-big"},
		{"options that are none", "set", entity("<publish node='urn:x:m'><item>" + e + "</item></publish><publish-options/>"), "bad-request"},
		{"a field twice", "set", configured("urn:x:m", "1", e, "title", "a", "title", "b"), "bad-request"},
		{"not a number", "set", configured("urn:x:m", "1", e, "max_items", "many"), "not-acceptable"},
		{"too many", "set", configured("urn:x:m", "1", e, "max_items", "5001"), "not-acceptable"},
		{"none at all", "set", configured("urn:x:m", "1", e, "max_items", "0"), "not-acceptable"},
		{"negative", "set", configured("urn:x:m", "1", e, "max_items", "-1"), "not-acceptable"},
		{"overflow", "set", configured("urn:x:m", "1", e, "item_expire", "99999999999999999999"), "not-acceptable"},
		{"more than the server takes", "set", configured("urn:x:m", "1", e, "max_payload_size", "1000000000"), "not-acceptable"},
		{"neither true nor false", "set", configured("urn:x:m", "1", e, "persist_items", "perhaps"), "not-acceptable"},
		{"nobody's moment", "set", configured("urn:x:m", "1", e, "send_last_published_item", "always"), "not-acceptable"},
		{"others may publish", "set", configured("urn:x:m", "1", e, "publish_model", "open"), "not-acceptable"},
		{"a collection", "set", configured("urn:x:m", "1", e, "node_type", "collection"), "not-acceptable"},
		{"chat", "set", configured("urn:x:m", "1", e, "notification_type", "chat"), "not-acceptable"},
		{"a long title", "set", configure("title", strings.Repeat("x", 1024)), "not-acceptable"},
		{"authorize", "set", configure("access_model", "authorize"), "not-acceptable unsupported-access-model"},
		{"a form to fill in", "set", owner("<configure node='urn:x:n'><x xmlns='jabber:x:data' type='form'/></configure>"), "bad-request"},
		{"another's form", "set", owner("<configure node='urn:x:n'>" + submit("publish-options") + "</configure>"), "bad-request"},
		{"to create and name twice", "set", entity("<create node='urn:x:m'/><configure node='urn:x:m'/>"), "bad-request"},
		{"subscription options", "get", entity("<options node='urn:x:n' jid='romeo@example.org'/>"), "feature-not-implemented unsupported"},
		{"no address", "set", entity("<subscribe node='urn:x:n'/>"), "bad-request invalid-jid"},
		{"no address on a list", "set", owner("<affiliations node='urn:x:n'><affiliation jid='@' affiliation='member'/></affiliations>"), "jid-malformed"},
		{"owners", "set", owner("<affiliations node='urn:x:n'><affiliation jid='juliet@example.org' affiliation='owner'/></affiliations>"), "not-acceptable"},
		{"pending", "set", owner("<subscriptions node='urn:x:n'><subscription jid='juliet@example.org' subscription='pending'/></subscriptions>"), "not-acceptable"},
		{"max_items", "get", entity("<items node='urn:x:n' max_items='all'/>"), "bad-request"},
		{"a page by index", "get", entity("<items node='urn:x:n'/><set xmlns='http://jabber.org/protocol/rsm'><index>1</index></set>"), "feature-not-implemented"},
		{"two pages", "get", entity("<items node='urn:x:n'/><set xmlns='http://jabber.org/protocol/rsm'/><set xmlns='http://jabber.org/protocol/rsm'/>"), "bad-request"},
	} {
		if got := outcome(d.ask(c.typ, "", c.request)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	answer := d.ask("get", "", "<query xmlns='http://jabber.org/protocol/disco#items'/>")
	if q := answer.Elements()[0].Elements(); len(q) != 1 || q[0].Attr("node") != "urn:x:n" {
		t.Errorf("nodes: %s", answer)
	}
	answer = d.ask("get", "", entity("<items node='urn:x:n'/>"))
	if items := answer.Elements()[0].Elements()[0].Elements(); len(items) != 1 || items[0].Attr("id") != "1" {
		t.Errorf("items: %s", answer)
	}
}

// An item that is short as it comes and long as it would be kept is refused before it is made: each of its elements declares a long namespace.
func TestSwollenItem(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := login(t, s, "romeo@example.org/pc")
	space := strings.Repeat("n", 8000)
	payload := "<e xmlns='urn:x' xmlns:p='" + space + "'>" + strings.Repeat("<p:a><b/></p:a>", 2000) + "</e>"
	for _, request := range []string{
		publish("urn:x:n", "1", payload), "<query xmlns='jabber:iq:private'>" + strings.Replace(payload, "urn:x", "storage:bookmarks", 1) + "</query>",
		"<query xmlns='jabber:iq:private'>" + strings.NewReplacer("<e xmlns='urn:x'", "<storage xmlns='storage:bookmarks'", "</e>", "</storage>").Replace(payload) + "</query>",
	} {
		if got := outcome(d.ask("set", "", request)); got != "not-acceptable payload-too-big" && got != "policy-violation" {
			t.Errorf("%.60s: %q", request, got)
		}
	}
}

// An account that wants 10,000 nodes gets as many as it may have, and is told so; it is no worse off.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := login(t, s, "romeo@example.org/pc")
	made := 0
	for i := range 10_000 {
		switch got := outcome(d.ask("set", "", publish(fmt.Sprint("node", i), "1", "<e xmlns='urn:x'/>"))); got {
		case "ok":
			made++
		case "policy-violation":
		default:
			t.Fatal(got)
		}
		if i == 600 && made == 500 {
			break // the rest is refused in the same way
		}
	}
	if made != 500 {
		t.Errorf("%d nodes", made)
	}
	for request, want := range map[string]string{
		publish("node7", "2", "<e xmlns='urn:x'/>"): "ok", entity("<create node='one more'/>"): "policy-violation",
		"<vCard xmlns='vcard-temp'><PHOTO><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>": "policy-violation",
	} {
		if got := outcome(d.ask("set", "", request)); got != want {
			t.Errorf("%s: %s", request, got)
		}
	}
	d.ask("set", "", owner("<delete node='node8'/>"))
	if got := outcome(d.ask("set", "", entity("<create node='one more'/>"))); got != "ok" {
		t.Errorf("in the place of another: %s", got)
	}
}

// An account fills what it may keep; then it must delete something, and what is deleted counts no more.
func TestAccountIsFull(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := login(t, s, "romeo@example.org/pc")
	big := "<e xmlns='urn:x'>" + strings.Repeat("x", 120<<10) + "</e>"
	n := 0
	for ; n < 200; n++ {
		got := outcome(d.ask("set", "", configured("urn:x:big", fmt.Sprint(n), big, "max_items", "max")))
		if got == "policy-violation" {
			break
		}
		if got != "ok" {
			t.Fatal(got)
		}
	}
	if n < 100 || n > 140 {
		t.Errorf("%d items of 120 KiB", n)
	}
	if got := outcome(d.ask("set", "", publish("urn:x:big", "3", "<e xmlns='urn:x'/>"))); got != "ok" {
		t.Errorf("a smaller one in the place of another: %s", got)
	}
	if got := outcome(d.ask("set", "", publish("urn:x:big", "new", big))); got != "ok" {
		t.Errorf("in the place that this has left: %s", got)
	}
	// All at once would be more than may wait for a client: the newest come, and that there are more is said (XEP-0060 §6.5.4).
	answer := d.ask("get", "", entity("<items node='urn:x:big'/>"))
	p := answer.Elements()[0]
	items := p.Elements()[0].Elements()
	set, _ := p.Child(xmpp.NSRSM, "set")
	if len(answer.String()) > 500<<10 || len(items) == 0 || items[len(items)-1].Attr("id") != "new" || set.ContentOf(xmpp.NSRSM, "count") != fmt.Sprint(n+1) {
		t.Errorf("%d bytes, %d items, the last %s; %s", len(answer.String()), len(items), items[len(items)-1].Attr("id"), set)
	}
	if got := outcome(d.ask("set", "", owner("<purge node='urn:x:big'/>"))); got != "ok" {
		t.Fatal(got)
	}
	for i := range 20 {
		if got := outcome(d.ask("set", "", publish("urn:x:big", fmt.Sprint(i), big))); got != "ok" {
			t.Fatalf("after all was deleted: %s", got)
		}
	}
}

// Strangers fill nobody's lists: subscriptions are bounded, each account's and all.
func TestManySubscriptions(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := login(t, s, "romeo@example.org/pc")
	if got := outcome(d.ask("set", "", configured("urn:x:open", "1", "<e xmlns='urn:x'/>", "access_model", "open"))); got != "ok" {
		t.Fatal(got)
	}
	x := login(t, s, "tybalt@example.org/sword")
	for i := range 12 {
		want := "ok"
		if i >= 10 {
			want = "policy-violation too-many-subscriptions"
		}
		got := outcome(x.ask("set", romeo.String(), entity(fmt.Sprintf("<subscribe node='urn:x:open' jid='tybalt@example.org/%d'/>", i))))
		if got != want {
			t.Errorf("subscription %d: %s", i, got)
		}
	}
	for _, forged := range []string{"romeo@example.org", "juliet@example.org/x", "example.org", "tybalt@example.net"} {
		if got := outcome(x.ask("set", romeo.String(), entity("<subscribe node='urn:x:open' jid='"+forged+"'/>"))); got != "bad-request invalid-jid" {
			t.Errorf("%s is subscribed by another: %s", forged, got)
		}
	}
	for _, request := range []string{
		publish("urn:x:open", "1", "<e xmlns='urn:x'>forged</e>"), entity("<retract node='urn:x:open'><item id='1'/></retract>"), entity("<create node='theirs'/>"),
		owner("<purge node='urn:x:open'/>"), owner("<delete node='urn:x:open'/>"), owner("<configure node='urn:x:open'>" + submit("node_config", "title", "x") + "</configure>"),
		owner("<affiliations node='urn:x:open'><affiliation jid='tybalt@example.org' affiliation='member'/></affiliations>"),
		owner("<subscriptions node='urn:x:open'><subscription jid='juliet@example.org' subscription='subscribed'/></subscriptions>"),
	} {
		if got := outcome(x.ask("set", romeo.String(), request)); got != "service-unavailable" {
			t.Errorf("%.80s: %s", request, got)
		}
	}
}
