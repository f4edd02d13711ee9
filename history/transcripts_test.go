package history_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

func TestTranscripts(t *testing.T) { servertest.Run(t, "testdata") }

// withoutArchives has none at one of its domains.
func withoutArchives(c *daemon.Config) {
	no := false
	c.Domain = map[string]daemon.DomainConfig{servertest.Other: {History: daemon.DomainHistory{Enabled: &no}}}
}

func TestDomainWithoutArchives(t *testing.T) {
	t.Parallel()
	const file = "testdata/off/domain.txt"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.StartWith(t, withoutArchives)
	servertest.Play(t, s, file, string(raw))
	for _, c := range []struct {
		address string
		offered bool
	}{{"mercutio@example.org/x", true}, {"mercutio@example.net/x", false}} {
		d := login(t, s, c.address)
		d.send("<iq type='get' id='d' to='" + d.s.JID.Bare().String() + "'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
		p := <-d.got
		if got := strings.Contains(string(p.AppendTo(nil)), "'urn:xmpp:mam:2'"); got != c.offered {
			t.Errorf("%s is offered an archive: %v", c.address, got)
		}
		if bound := d.s.Inline(t.Context(), nil); (len(bound) == 1) != c.offered {
			t.Errorf("%s is bound with %v", c.address, bound)
		}
	}
}

// XEP-0386 §3.2: a client learns as it binds what its archive holds.
func TestBound(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := login(t, s, "romeo@example.org/laptop")
	s.Account(t, xmpp.MustParseJID("juliet@example.org"))
	if got := romeo.s.Inline(t.Context(), nil); len(got) != 1 || got[0].String() != "<metadata xmlns='urn:xmpp:mam:2'/>" {
		t.Errorf("an empty archive is %v", got)
	}
	for _, body := range []string{"first", "between", "last"} {
		archived(t, s, "romeo@example.org/laptop", "juliet@example.org", body)
	}
	rows, _ := romeo.query("")
	got := romeo.s.Inline(t.Context(), []xmpp.Element{xmpp.New("urn:x", "y")})
	want := "<metadata xmlns='urn:xmpp:mam:2'><start id='" + rows[0].id + "' timestamp='" + rows[0].stamp + "'/><end id='" + rows[2].id + "' timestamp='" + rows[2].stamp + "'/></metadata>"
	if len(got) != 1 || got[0].String() != want {
		t.Errorf("got %v, not %s", got, want)
	}
}

// A page has as many rows as may wait in memory for a client, one at least, in both directions.
func TestLongMessages(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := login(t, s, "romeo@example.org/laptop")
	s.Account(t, xmpp.MustParseJID("juliet@example.org"))
	for _, size := range []int{100, 100, 90, 1, 255, 254, 3, 3, 300} {
		archived(t, s, "romeo@example.org/laptop", "juliet@example.org", strings.Repeat("x", size<<10))
	}
	for _, c := range []struct {
		page, sizes string
		backwards   bool
	}{
		{"", "100 100 | 90 1 | 255 | 254 | 3 3 | 300 |", false},
		{"<before/>", "300 | 3 3 | 254 | 255 | 100 90 1 | 100 |", true},
	} {
		var pages strings.Builder
		for page := c.page; ; {
			rows, answer := romeo.query("<set xmlns='" + nsRSM + "'>" + page + "</set>")
			for _, r := range rows {
				fmt.Fprintf(&pages, "%d ", len(r.message.ContentOf(xmpp.NSClient, "body"))>>10)
			}
			pages.WriteString("| ")
			fin, _ := answer.Child(nsMAM, "fin")
			if fin.Attr("complete") == "true" {
				break
			}
			page = "<after>" + rows[len(rows)-1].id + "</after>"
			if c.backwards {
				page = "<before>" + rows[0].id + "</before>"
			}
		}
		if got := strings.TrimSpace(pages.String()); got != c.sizes {
			t.Errorf("from %q: %s, not %s", c.page, got, c.sizes)
		}
	}
}

// A client that asks for many pages at once gets them one after the other, and is told to wait beyond what may be under way.
func TestManyQueriesAtOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := login(t, s, "romeo@example.org/laptop")
	s.Account(t, xmpp.MustParseJID("juliet@example.org"))
	for i := range 30 {
		archived(t, s, "romeo@example.org/laptop", "juliet@example.org", fmt.Sprint(i))
	}
	const most = 40
	for i := range most {
		romeo.send(fmt.Sprintf("<iq type='set' id='%d'><query xmlns='%s' queryid='%d'/></iq>", i, nsMAM, i))
	}
	answered, waits, rows, now := 0, 0, 0, ""
	for answered+waits < most {
		p := <-romeo.got
		e, err := xmpp.Parse(string(p.AppendTo(nil)), xmpp.NSClient)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Attr("type") == "error":
			if !strings.Contains(e.String(), "<resource-constraint") {
				t.Errorf("got %s", e)
			}
			waits++
		case e.Name.Local == "iq":
			if rows != 30 || now != e.Attr("id") {
				t.Errorf("query %s ends after %d rows of %s", e.Attr("id"), rows, now)
			}
			answered, rows, now = answered+1, 0, ""
		default:
			result, _ := e.Child(nsMAM, "result")
			if id := result.Attr("queryid"); now != "" && now != id {
				t.Errorf("a row of %s amidst %s", id, now)
			} else {
				now = id
			}
			rows++
		}
	}
	if answered == 0 {
		t.Error("nothing was answered")
	}
}
