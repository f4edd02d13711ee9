package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"palabre/stream"
	"palabre/xmpp"
)

const nsArchive = "urn:xmpp:mam:2"

// query is a request for one's own archive, with attributes of the <iq/> and what the <query/> holds.
func query(attrs, inside string) string {
	return "<iq type='set' id='q' " + attrs + "><query xmlns='" + nsArchive + "'>" + inside + "</query></iq>"
}

// submit is a form of a query.
func submit(fields string) string {
	return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>" + nsArchive + "</value></field>" + fields + "</x>"
}

func field(name string, values ...string) string {
	b := "<field var='" + name + "'>"
	for _, v := range values {
		b += "<value>" + v + "</value>"
	}
	return b + "</field>"
}

func rsm(inside string) string {
	return "<set xmlns='http://jabber.org/protocol/rsm'>" + inside + "</set>"
}

// asks sends a request of the id q, and gives the rows that come before its answer, and that.
func (w *wire) asks(request string) (rows []node, answer node) {
	w.t.Helper()
	w.send(request)
	for {
		got := parse(w.t.(*testing.T), w.until("</iq>"))
		for _, n := range got {
			if n.XMLName.Local == "message" && n.has("result") {
				rows = append(rows, n)
			}
		}
		if last := got[len(got)-1]; last.attr("id") == "q" {
			return rows, last
		}
	}
}

func (n node) has(local string) bool {
	_, ok := n.child(local)
	return ok
}

// child is the first one of this name.
func (n node) child(local string) (node, bool) {
	for _, c := range n.Children {
		if c.XMLName.Local == local {
			return c, true
		}
	}
	return node{}, false
}

// condition is that of an error, or empty.
func (n node) condition() string {
	e, ok := n.child("error")
	if n.attr("type") != "error" || !ok || len(e.Children) == 0 {
		return ""
	}
	return e.Children[0].XMLName.Local
}

// refused expects an error of one of these conditions, and not a row.
func (w *wire) refused(request string, conditions ...string) {
	w.t.Helper()
	rows, answer := w.asks(request)
	if len(rows) > 0 || !slices.Contains(conditions, answer.condition()) {
		w.t.Errorf("%.300s\nis answered by %d rows and %q, want %v", request, len(rows), answer.condition(), conditions)
	}
}

// past makes an archive of some messages for a client that is logged in, and gives the names of its rows.
func (w *wire) past(to xmpp.JID, n int) (ids []string) {
	w.t.Helper()
	for i := range n {
		w.send(fmt.Sprintf("<message to='%s' type='chat' id='past%d'><body>%s</body></message>", to, i, secretBody))
	}
	w.fence()
	rows, answer := w.asks(query("", rsm("<max>250</max>")))
	if len(rows) != n || answer.attr("type") != "result" {
		w.t.Fatalf("the archive has %d rows and not %d: %v", len(rows), n, answer)
	}
	for _, row := range rows {
		result, _ := row.child("result")
		ids = append(ids, result.attr("id"))
	}
	return ids
}

// TestW7Filters: a filter or a page that can't be read, or that is there twice, is an error; it never stands for the whole archive.
func TestW7Filters(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	w := s.login(t, mallory, "pc")
	w.past(juliet, 3)
	bad := []string{
		submit(field("with")), submit(field("with", "")), submit(field("with", " ")), submit(field("with", "@")), submit(field("with", "juliet@")), submit(field("with", "juliet@example.org/")),
		submit(field("with", "a b@example.org")), submit(field("with", "juliet@example.org", "juliet@example.org")), submit(field("with", "juliet@example.org", "")),
		submit(field("with", "juliet@example.org' OR '1'='1")), submit(field("with", "'; DROP TABLE archive; --")), submit(field("with", strings.Repeat("j", 4000)+"@example.org")),
		submit(field("with", "juliet@example.org") + field("with", "juliet@example.org")), submit("<field var='with'><value><jid/></value></field>"), submit("<field><value>juliet@example.org</value></field>"),
		submit("<field var='with' type='jid-multi'/>"), submit("<field var='with'><option><value>juliet@example.org</value></option></field>"),
		"<x xmlns='jabber:x:data' type='submit'>" + field("with", "juliet@example.org") + "</x>", "<x xmlns='jabber:x:data' type='submit'/>", "<x xmlns='jabber:x:data'/>",
		"<x xmlns='jabber:x:data' type='submit'>" + field("FORM_TYPE", "urn:xmpp:mam:1") + "</x>", "<x xmlns='jabber:x:data' type='submit'>" + field("FORM_TYPE", nsArchive, nsArchive) + "</x>",
		submit(field("FORM_TYPE", nsArchive)), submit("") + submit(""), submit("") + "<x xmlns='jabber:x:data' type='cancel'/>",
		"<with>juliet@example.org</with>", "<start>2026-01-01T00:00:00Z</start>", "<x xmlns='" + nsArchive + "'/>",
		submit(field("include-groupchat", "maybe")), submit(field("include-groupchat")), submit(field("include-groupchat", "true", "false")),
		submit(field("ids")), submit(field("ids", "")),
		rsm("<max>1</max>") + rsm("<max>1</max>"), rsm("<max>1</max><max>2</max>"), rsm("<max><max>1</max></max>"), rsm("<after/><after/>"), rsm("<before/><before/>"), rsm("<before><x/></before>"), rsm("<index>-1</index>"),
	}
	for _, typ := range []string{"form", "result", "cancel", "SUBMIT", ""} {
		bad = append(bad, strings.Replace(submit(""), "'submit'", "'"+typ+"'", 1))
	}
	for _, when := range []string{
		"", "x", "2026", "2026-11-22", "2026-11-22T00:00:00", "2026-11-22 00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T25:00:00Z", "2026-11-22T00:00:60Z", "2026-11-22T00:00:00Z ", " 2026-11-22T00:00:00Z",
		"12026-11-22T00:00:00Z", "-2026-11-22T00:00:00Z", "2026-11-22T00:00:00,5Z", "2026-11-22T00:00:00z", "2026-11-22T00:00:00+99:99", "٢٠٢٦-11-22T00:00:00Z", "2026-11-22T00:00:00Z' OR 1=1 --",
	} {
		bad = append(bad, submit(field("start", when)), submit(field("end", when)))
	}
	for _, n := range []string{"-1", "-0", "+1", "", " ", " 1", "1 ", "1.0", "1e3", "0x10", "1_0", "١", "NaN", "2147483648", "4294967296", "9223372036854775808", "18446744073709551616", strings.Repeat("9", 1000), "1; SELECT 1"} {
		bad = append(bad, rsm("<max>"+n+"</max>"))
	}
	for _, inside := range bad {
		w.refused(query("", inside), "bad-request")
	}
	for _, inside := range []string{rsm("<index>0</index>"), submit(field("withtext", "x")), submit(field("WITH", "juliet@example.org")), submit(field("with ", "juliet@example.org")), submit(field("jid", "juliet@example.org"))} {
		w.refused(query("", inside), "feature-not-implemented")
	}
	w.refused(strings.Replace(query("", ""), "<query ", "<query queryid='"+strings.Repeat("q", 5000)+"' ", 1), "bad-request")
	w.refused(strings.Replace(query("", ""), "<query ", "<query node='urn:x' ", 1), "feature-not-implemented", "item-not-found")
	if rows, answer := w.asks(query("", submit(field("with", "juliet@example.org")))); len(rows) != 3 || answer.attr("type") != "result" {
		t.Errorf("and a good one: %d rows, %v", len(rows), answer)
	}
}

// TestW7Empty: what can be read and matches nothing gives nothing.
func TestW7Empty(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	w := s.login(t, mallory, "pc")
	w.past(juliet, 3)
	for _, inside := range []string{
		submit(field("with", "nobody@example.org")), submit(field("with", "juliet@example.org/balcony")), submit(field("with", "example.org")), submit(field("with", "mallory@example.org")),
		submit(field("start", "2999-01-01T00:00:00Z")), submit(field("end", "1969-12-31T23:59:59Z")), submit(field("start", "9999-12-31T23:59:59Z")), submit(field("end", "0001-01-01T00:00:00Z")),
		submit(field("start", "2999-01-01T00:00:00Z") + field("end", "1999-01-01T00:00:00Z")), rsm("<max>0</max>"), rsm("<max>0</max><before/>"),
	} {
		if rows, answer := w.asks(query("", inside)); len(rows) > 0 || answer.attr("type") != "result" {
			t.Errorf("%s\n%d rows, %v", inside, len(rows), answer)
		}
	}
}

// TestW7Names: an id is the archive's own, letter by letter, or it is none: whatever somebody has made of one, and those of another's archive, are not found, wherever they stand.
func TestW7Names(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	victim, w := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc")
	theirs := victim.past(romeo, 2)
	own := w.past(romeo, 3)
	id := own[1]
	evil := append(theirs, strings.ToUpper(id), id[:25], id[1:], id+"0", id+"=", id+"======", " "+id, id+" ", id+"\n", own[0][:13]+own[1][13:], strings.Repeat("0", 26), strings.Repeat("v", 26), strings.Repeat("w", 26),
		"0", "1", "-1", "x", "NULL", "1 OR 1=1", "' OR '1'='1", "'; DROP TABLE archive; --", `"`, `\`, `%`, "%00", `\0`, "\u200b"+id, strings.ReplaceAll(id, id[:1], "\uff11"), strings.Repeat(id, 1000))
	const digits = "0123456789abcdefghijklmnopqrstuv"
	for i := range id {
		for _, step := range []int{1, 2, 4, 8, 16} { // each bit of each letter: at the end some that the number does not have
			evil = append(evil, id[:i]+string(digits[strings.IndexByte(digits, id[i])^step])+id[i+1:])
		}
	}
	for _, name := range evil {
		name = escape(name)
		for _, inside := range []string{
			rsm("<after>" + name + "</after>"), rsm("<before>" + name + "</before>"), submit(field("after-id", name)), submit(field("before-id", name)), submit(field("ids", name)), submit(field("ids", id, name)),
		} {
			w.refused(query("", inside), "item-not-found")
		}
	}
	for _, inside := range []string{submit(field("after-id", "")), submit(field("before-id", id, id)), submit(field("after-id"))} {
		w.refused(query("", inside), "bad-request")
	}
	if rows, _ := w.asks(query("", submit(field("ids", id)))); len(rows) != 1 {
		t.Errorf("the id itself gives %d rows", len(rows))
	}
}

// TestW7Size: a form may be as long as a stanza; what it asks for is bounded, and what is longer ends the stream.
func TestW7Size(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, juliet)
	w := s.login(t, mallory, "pc")
	id := w.past(juliet, 3)[0]
	for _, fields := range []string{
		field("ids", slices.Repeat([]string{id}, 4000)...), field("with", slices.Repeat([]string{"juliet@example.org"}, 4000)...), numbered(4000, "<field var='a%d'/>"),
		field("with", strings.Repeat("x", 200_000)), field("ids", strings.Repeat("x", 200_000)), field(strings.Repeat("x", 200_000), "x"), field("start", strings.Repeat("2", 200_000)),
	} {
		w.refused(query("", submit(fields)), "bad-request", "feature-not-implemented", "item-not-found")
	}
	for _, inside := range []string{submit(field("ids", slices.Repeat([]string{id}, 10_000)...)), submit(field("with", strings.Repeat("x", 1<<20))), rsm("<after>" + strings.Repeat("'", 1<<20) + "</after>"), strings.Repeat("<flip-page/>", 1<<16)} {
		w := s.login(t, mallory, "other")
		_ = w.try(query("", inside)) // the server may hang up in the midst of it
		w.dies("policy-violation")
	}
	if stream.AfterLogin.Bytes >= 1<<20 {
		t.Error("the bound is higher than what this test sends")
	}
}

// TestW7Others: nobody asks another's archive, whatever the request says of where it goes and where it comes from. It is as if there were no such account.
func TestW7Others(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, xmpp.MustParseJID("mallory@example.net"))
	victim, w := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc")
	victim.past(romeo, 3)
	victim.fence()
	w.past(romeo, 1)
	inside := []string{
		"<query xmlns='" + nsArchive + "'/>", "<query xmlns='" + nsArchive + "'>" + rsm("<max>0</max>") + "</query>", "<metadata xmlns='" + nsArchive + "'/>", "<prefs xmlns='" + nsArchive + "'/>",
		"<prefs xmlns='" + nsArchive + "' default='never'/>", "<query xmlns='" + nsArchive + "'>" + submit(field("with", "mallory@example.org")) + "</query>",
	}
	for _, from := range []string{"", "from='juliet@example.org' ", "from='juliet@example.org/balcony' ", "from='example.org' "} {
		for _, payload := range inside {
			for _, typ := range []string{"get", "set"} {
				for _, to := range []string{"juliet@example.org", "JULIET@Example.Org", "juliet@example.org/balcony", "juliet@example.org/none", "nobody@example.org", "example.org", "example.net", "mallory@example.net", "elsewhere.example", "juliet@elsewhere.example"} {
					rows, answer := w.asks("<iq type='" + typ + "' id='q' " + from + "to='" + to + "'>" + payload + "</iq>")
					if len(rows) > 0 || answer.attr("type") != "error" || answer.condition() == "forbidden" {
						t.Errorf("%s of %s to %s: %d rows, %v", typ, payload, to, len(rows), answer)
					}
				}
			}
			w.send("<iq type='get' id='q' " + from + "to='mallory@example.org'>" + payload + "</iq>") // one's own, whatever from says
			if got := w.until("id='q'"); !strings.Contains(got, "from='mallory@example.org'") && !strings.HasSuffix(got, "<iq type='result' id='q'") && !strings.HasSuffix(got, "<iq type='error' id='q'") {
				t.Errorf("got %s", got)
			}
			w.until("</iq>")
		}
	}
	victim.hearsNothing()
	if rows, _ := victim.asks(query("", "")); len(rows) != 3 {
		t.Errorf("afterwards the archive has %d rows", len(rows))
	}
	victim.send("<message to='romeo@example.org' type='chat' id='more'><body>" + secretBody + "</body></message>")
	victim.fence()
	if rows, _ := victim.asks(query("", "")); len(rows) != 4 {
		t.Errorf("nothing is archived any more: %d rows", len(rows))
	}
}
