package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"palabre/daemon"
	"palabre/directory"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

// A client asks one thing after the other.
type client struct {
	*servertest.Client
	t    testing.TB
	asks int
}

func login(t testing.TB, s *servertest.Server, name string) *client {
	t.Helper()
	c, err := s.Login(t, xmpp.MustParseJID(name), "pad")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	c.SetLimits(stream.Limits{Bytes: 1 << 20, Depth: 20, Attrs: 100, Namespaces: 100, Elements: 10_000, Stanzas: true})
	return &client{Client: c, t: t}
}

// ask sends a request and gives the answer.
func (c *client) ask(typ, to, payload string) xmpp.Element {
	c.t.Helper()
	c.asks++
	if err := c.Send(fmt.Sprintf("<iq type='%s' to='%s' id='a%d'>%s</iq>", typ, to, c.asks, payload)); err != nil {
		c.t.Fatal(err)
	}
	got, err := c.Next()
	if err != nil {
		c.t.Fatal(err)
	}
	if got.Attr("id") != fmt.Sprintf("a%d", c.asks) {
		c.t.Fatalf("another answer: %s", got)
	}
	return got
}

// condition is that of an error, or empty.
func condition(e xmpp.Element) string {
	failed, _ := e.Child(xmpp.NSClient, "error")
	for _, c := range failed.Elements() {
		return c.Name.Local
	}
	return ""
}

// crowd puts people into the directory, person0, person1, ...
func crowd(t testing.TB, s *servertest.Server, n int) (ids []string) {
	t.Helper()
	var records []directory.Record
	for i := range n {
		id := fmt.Sprintf("person%d", i)
		ids = append(ids, id)
		records = append(records, directory.Record{ID: id, Kind: directory.Person, Fields: directory.Fields{"name": fmt.Sprintf("Person %05d", i), "account": id}})
	}
	out, err := s.Directory.Import(t.Context(), servertest.Domain, records, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	return ids
}

const (
	searched = "directory." + servertest.Domain
	anyForm  = "<query xmlns='jabber:iq:search'><x xmlns='jabber:x:data' type='submit'><field var='nick'><value>%s</value></field></x></query>"
)

// No answer holds more than it may, and one that is not all of it says so.
func TestMoreThanIsShown(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	ids := crowd(t, s, 1100)
	if _, err := s.Directory.Add(t.Context(), servertest.Domain, directory.Record{ID: "all", Kind: directory.Group, Fields: directory.Fields{"name": "All"}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Directory.Regroup(t.Context(), servertest.Domain, "all", directory.MemberChange{Add: ids}); err != nil {
		t.Fatal(err)
	}
	c := login(t, s, "romeo@example.org")

	query, _ := c.ask("set", searched, fmt.Sprintf(anyForm, "per")).Child("jabber:iq:search", "query")
	x, _ := query.Child(xmpp.NSData, "x")
	table, err := xmpp.ParseForm(x)
	if err != nil || len(table.Items) != 50 || !strings.Contains(table.Instructions, "there are more") {
		t.Errorf("%d rows, %q, %v", len(table.Items), table.Instructions, err)
	}
	query, _ = c.ask("set", searched, "<query xmlns='jabber:iq:search'><nick>per</nick></query>").Child("jabber:iq:search", "query")
	if n := len(query.Elements()); n != 50 {
		t.Errorf("%d items", n)
	}
	for payload, want := range map[string]int{
		"<search xmlns='urn:palabre:directory'><text>per</text></search>":                20,
		"<search xmlns='urn:palabre:directory' limit='100000'><text>per</text></search>": 50,
		"<search xmlns='urn:palabre:directory' limit='7'/>":                              7,
		"<members xmlns='urn:palabre:directory' id='all'/>":                              1000,
	} {
		list, _ := c.ask("get", servertest.Domain, payload).Child(directory.NS, "entries")
		if n := len(list.Elements()); n != want || list.Attr("more") != "true" {
			t.Errorf("%s: %d entries, more=%q", payload, n, list.Attr("more"))
		}
	}
	query, _ = c.ask("set", searched, fmt.Sprintf(anyForm, "00017")).Child("jabber:iq:search", "query")
	x, _ = query.Child(xmpp.NSData, "x")
	if table, err = xmpp.ParseForm(x); err != nil || len(table.Items) != 1 || table.Instructions != "" {
		t.Errorf("of one: %+v %v", table, err)
	}
}

// Whatever somebody types, there is an answer, and it is well-formed: the client's reader takes it.
func TestAnyText(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, limitsOff)
	crowd(t, s, 3)
	c := login(t, s, "romeo@example.org")
	long := strings.Repeat("x", 200<<10)
	for _, text := range []string{
		"", " ", "*", "%", "_", "per%", "'; DROP TABLE directory; --", "&lt;script&gt;", "\u202eper", "p\u0301er", strings.Repeat("e\u0301", 5000), strings.Repeat("a ", 20000),
		long, "@", "@@@@", "person1@example.org", "\U0010fffd", "ﬁ ﷺ", "\t\n",
	} {
		for _, q := range []struct{ typ, to, payload string }{
			{"set", searched, fmt.Sprintf(anyForm, text)},
			{"set", searched, "<query xmlns='jabber:iq:search'><first>" + text + "</first></query>"},
			{"get", servertest.Domain, "<search xmlns='urn:palabre:directory'><text>" + text + "</text></search>"},
		} {
			if got := c.ask(q.typ, q.to, q.payload); got.Attr("type") != xmpp.TypeResult {
				t.Errorf("%.60q: %s", text, got)
			}
		}
	}
	for _, id := range []string{"", " ", "a b", "&amp;", long[:5000], "\u202e", "person1"} {
		for _, verb := range []string{"members", "photo"} {
			if got := c.ask("get", servertest.Domain, fmt.Sprintf("<%s xmlns='urn:palabre:directory' id='%s'/>", verb, id)); condition(got) != "item-not-found" {
				t.Errorf("%s of %.60q: %s", verb, id, got)
			}
		}
	}
}

// Who asks more than anybody types is refused, on this session only, and by all doors.
func TestTooManyQuestions(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := login(t, s, "romeo@example.org")
	doors := []struct{ typ, to, payload string }{
		{"get", servertest.Domain, "<search xmlns='urn:palabre:directory'><text>a</text></search>"},
		{"get", servertest.Domain, "<photo xmlns='urn:palabre:directory' id='a'/>"},
		{"get", servertest.Domain, "<members xmlns='urn:palabre:directory' id='a'/>"},
		{"get", searched, "<query xmlns='jabber:iq:search'/>"},
		{"set", searched, "<query xmlns='jabber:iq:search'><nick>a</nick></query>"},
	}
	refused := map[int]bool{}
	for i := 0; i < 2000 && len(refused) < len(doors); i++ {
		door := i % len(doors)
		if got := c.ask(doors[door].typ, doors[door].to, doors[door].payload); condition(got) == "resource-constraint" {
			refused[door] = true
		}
	}
	if len(refused) != len(doors) {
		t.Errorf("only these doors were closed: %v", refused)
	}
	if got := login(t, s, "juliet@example.org").ask(doors[0].typ, doors[0].to, doors[0].payload); got.Attr("type") != xmpp.TypeResult {
		t.Errorf("somebody else: %s", got)
	}
}

func limitsOff(c *daemon.Config) { c.Limits.Off = true }
