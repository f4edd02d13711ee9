package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// insides are what a request may hold instead of what it should. The names are those that some request knows.
var insides = []string{
	"", " ", "text", "<![CDATA[<item/>]]>", "<unknown/>", "<x xmlns='urn:x:unknown'/>", "<item/>", "<item jid=''/>", "<item jid='@'/>", "<item jid='a b@example.org'/>",
	"<item jid='x@example.org'/><item jid='x@example.org'/>", "<item jid='x@example.org' subscription='bogus' ask='bogus' approved='bogus' name='" + strings.Repeat("n", 5000) + "'/>",
	"<item jid='x@example.org'><group/><group>g</group><group>g</group><item/></item>", "<item xmlns='urn:x:unknown' jid='x@example.org'/>", "<item jid='example.org/'/>",
	"<item jid='mallory@example.org'/>", "<item jid='x@example.org' subscription='remove'/>", strings.Repeat("<item jid='x@example.org'/>", 4000),
	"<username/><password/>", "<username>mallory</username><username>juliet</username><password/>", "<password>x</password><password>y</password>", "<username><password>x</password></username>",
	"<username>juliet</username><password>Wr0ng guess</password>", "<remove/><remove/>", "<remove/>text<username/>", "<key/><registered/>",
	"<x xmlns='jabber:x:data'/>", "<x xmlns='jabber:x:data' type='submit'><field/><field var=''/><field var='FORM_TYPE'><value/><value/></field></x>",
	"<x xmlns='jabber:x:data' type='bogus'><item/><reported/></x>", "<x xmlns='jabber:x:data' type='cancel'/><x xmlns='jabber:x:data' type='submit'/>",
	"<PHOTO/>", "<PHOTO><BINVAL>%</BINVAL></PHOTO>", "<PHOTO><BINVAL><BINVAL>QQ==</BINVAL></BINVAL><TYPE/></PHOTO><PHOTO/>", "<FN/><FN/>", "<vCard><vCard/></vCard>",
	"<storage xmlns='storage:bookmarks'/><storage xmlns='storage:bookmarks'/>", "<storage/>", "<a xmlns='" + strings.Repeat("n", 2000) + "'/>", "<a xmlns=''/>",
	"<set xmlns='http://jabber.org/protocol/rsm'><max>-1</max><max>x</max><index/><before/><after/></set>", "<actions execute='next'><next/></actions>",
	"<error type='cancel'/>", "<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='jabber:iq:roster'/>", "<body/>", strings.Repeat("<a>", 60) + strings.Repeat("</a>", 60), strings.Repeat("<a/>", 4000),
}

// attributes are what a request may bear instead of what it should.
var attributes = []string{
	"node=''", "node='urn:palabre#'", "node='" + strings.Repeat("n", 5000) + "'", "node='http://jabber.org/protocol/commands'", "node='http://jabber.org/protocol/commands' action='bogus'",
	"action='execute' sessionid='none'", "action='cancel'", "ver='-1'", "ver='99999999999999999999'", "ver=''", "jid='@'", "xml:lang='&#9;'", "type='set' id='x' to='@'", "seconds='x'", "xmlns:a='urn:a' a:node='x'",
}

// TestX12Requests (CVE-2011-4320, CVE-2017-18265): whatever a request holds, to whomever it goes, it is answered once: by a result or an error, before the next.
func TestX12Requests(t *testing.T) {
	t.Parallel()
	s := start(t)
	must(t, s.Befriend(t, juliet, mallory))
	victim := s.login(t, juliet, "balcony")
	w := s.login(t, mallory, "pc")
	var asked []string
	for target, places := range map[server.Target][]string{
		server.ToDomain:  {"to='example.org'", "to='example.net'"},
		server.ToAccount: {"", "to='mallory@example.org'", "to='juliet@example.org'", "to='nobody@example.org'"},
	} {
		for _, n := range s.Host.Requests(target) {
			for _, to := range places {
				for _, typ := range []string{"get", "set"} {
					request := func(attr, inside string) {
						asked = append(asked, fmt.Sprintf("<iq type='%s' %s id='q%d'><%s xmlns='%s' %s>%s</%[4]s></iq>", typ, to, len(asked), n.Local, n.Space, attr, inside))
					}
					for _, inside := range insides {
						request("", inside)
					}
					for _, attr := range attributes {
						request(attr, "")
					}
				}
			}
		}
	}
	if len(asked) < 3000 {
		t.Errorf("only %d requests: what is handled is not found", len(asked))
	}
	n := 0
	for batch := range slices.Chunk(asked, 20) {
		w.send(strings.Join(batch, ""))
		answers := map[string]string{}
		for until := time.Now().Add(patience); ; { // some are answered when the database has been asked
			for _, a := range parse(t, w.fence()) {
				if typ := a.attr("type"); typ == "result" || typ == "error" {
					id := a.attr("id")
					if answers[id] != "" {
						t.Errorf("%s is answered twice", id)
					}
					answers[id] = typ
					if typ == "error" && (len(a.Children) == 0 || a.Children[len(a.Children)-1].XMLName.Local != "error") {
						t.Errorf("%s is an error that holds none: %v", id, a)
					}
				}
			}
			if len(answers) >= len(batch) || time.Now().After(until) {
				break
			}
		}
		for _, q := range batch {
			if answers[fmt.Sprint("q", n)] == "" {
				t.Errorf("no answer to %.500s", q)
			}
			n++
		}
	}
	for _, got := range parse(t, victim.fence()) {
		if got.XMLName.Local == "iq" {
			t.Errorf("a client gets what was for its account: %v", got)
		}
	}
}

// TestX12Envelopes: an IQ without what RFC 6120 §8.2.3 asks for is answered by an error, whatever is in it.
func TestX12Envelopes(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := s.login(t, mallory, "pc")
	for _, n := range append(s.Host.Requests(server.ToDomain), s.Host.Requests(server.ToAccount)...) {
		e := "<" + n.Local + " xmlns='" + n.Space + "'/>"
		for _, form := range []string{
			"<iq type='get' to='%s'>" + e + "</iq>", "<iq type='get' id='' to='%s'>" + e + "</iq>", "<iq id='q' to='%s'>" + e + "</iq>", "<iq type='' id='q' to='%s'>" + e + "</iq>",
			"<iq type='GET' id='q' to='%s'>" + e + "</iq>", "<iq type='set' id='q' to='%s'/>", "<iq type='get' id='q' to='%s'>text</iq>", "<iq type='set' id='q' to='%s'>" + e + e + "</iq>",
			"<iq type='get' id='q' to='%s'>" + e + "<x xmlns='urn:x'/></iq>", "<iq type='set' id='q' to='%s/@/'>" + e + "</iq>", "<iq type='set' id='q' to='@%s'>" + e + "</iq>",
		} {
			for _, to := range []string{"example.org", "mallory@example.org", "juliet@example.org", "elsewhere.example"} {
				w.send(strings.ReplaceAll(form, "%s", to))
				if got := parse(t, w.fence()); len(got) != 1 || got[0].attr("type") != "error" {
					t.Errorf("%s to %s: %v", form, to, got)
				}
			}
		}
	}
}

// TestX12Extensions: messages and presence with anything in the places of what the server looks at do no harm, and neither do elements that are no stanzas.
func TestX12Extensions(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	must(t, s.Befriend(t, juliet, mallory))
	victim := s.login(t, juliet, "balcony")
	victim.send("<presence/><iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq><inactive xmlns='urn:xmpp:csi:0'/>")
	victim.fence()
	w, second := s.login(t, mallory, "pc"), s.login(t, mallory, "tablet")
	second.send("<presence/><iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	names := []xmpp.Name{
		{Space: "urn:xmpp:carbons:2", Local: "private"}, {Space: "urn:xmpp:carbons:2", Local: "sent"}, {Space: "urn:xmpp:hints", Local: "no-copy"}, {Space: "http://jabber.org/protocol/muc#user", Local: "x"},
		{Space: "jabber:x:conference", Local: "x"}, {Space: "urn:xmpp:mam:2", Local: "result"}, {Space: "urn:xmpp:sid:0", Local: "stanza-id"}, {Space: "urn:xmpp:delay", Local: "delay"},
		{Space: "http://jabber.org/protocol/caps", Local: "c"}, {Space: "urn:xmpp:caps", Local: "c"}, {Space: "vcard-temp:x:update", Local: "x"}, {Space: "urn:xmpp:forward:0", Local: "forwarded"},
		{Space: "jabber:client", Local: "priority"}, {Space: "jabber:client", Local: "show"}, {Space: "jabber:client", Local: "status"}, {Space: "jabber:client", Local: "error"}, {Space: "jabber:client", Local: "body"},
		{Space: "http://jabber.org/protocol/chatstates", Local: "composing"}, {Space: "jabber:x:data", Local: "x"}, {Space: "urn:xmpp:receipts", Local: "request"},
	}
	for _, n := range names {
		var b strings.Builder
		for _, inside := range append([]string{"<invite/><invite to='@'/><decline/>", "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>!</hash><hash xmlns='urn:xmpp:hashes:2'/>", "-129", "1.5", "chat"}, insides...) {
			if len(inside) > 6000 {
				continue
			}
			e := fmt.Sprintf("<%s xmlns='%s' id='x' ver='x' hash='x' node='x' by='@' stamp='x'>%s</%[1]s>", n.Local, n.Space, inside)
			for _, stanza := range []string{
				"<message to='juliet@example.org' type='chat'>%s%[1]s</message>", "<message to='juliet@example.org' type='chat'>%s</message>",
				"<message to='juliet@example.org' type='error'>%s</message>", "<presence>%s</presence>", "<presence>%s%[1]s</presence>", "<presence to='juliet@example.org'>%s</presence>",
			} {
				fmt.Fprintf(&b, stanza, e)
			}
		}
		w.send(b.String())
		parse(t, victim.fenceAfter(w))
		parse(t, second.fence())
		w.got = ""
	}
	for _, e := range []string{
		"<active xmlns='urn:xmpp:csi:0'>text<x/></active>", "<inactive xmlns='urn:xmpp:csi:0' a='b'/>", "<inactive xmlns='urn:xmpp:csi:0'/><inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>",
	} {
		w.send(e)
		w.fence()
	}
	for _, e := range []string{
		"<sleepy xmlns='urn:xmpp:csi:0'/>", "<enable xmlns='urn:xmpp:sm:3'/><enable xmlns='urn:xmpp:sm:3'/>", "<enabled xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:2'/>", "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'/>", starttls,
		"<iq xmlns='jabber:server' type='get' id='x'/>", "<message xmlns=''/>", "<stream:features/>", "<handshake/>", "<db:result xmlns:db='jabber:server:dialback' from='example.org' to='example.org'>x</db:result>",
		"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", header, "<stream:stream/>",
	} {
		other := s.login(t, mallory, "other")
		other.send(e)
		if got := other.ends(); !strings.Contains(got, "<stream:error>") {
			t.Errorf("%s: %s", e, got)
		}
	}
}

// TestX12Inline: what a client asks for while it binds (XEP-0386) may hold anything: it gets a session, or an error of SASL, and no other answer.
func TestX12Inline(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, mallory)
	data := between(plain("", "mallory", servertest.Password), "'PLAIN'>", "</auth>")
	evil := []string{"<tag/>", "<tag>" + strings.Repeat("t", 2000) + "</tag>", "<tag>/@/</tag>", "<tag>a&#x202E;b</tag>", "<tag>a</tag><tag>b</tag>", "<tag><tag>a</tag></tag>", "text", "<bind xmlns='urn:xmpp:bind:0'/>"}
	for _, name := range []xmpp.Name{{Space: "urn:xmpp:carbons:2", Local: "enable"}, {Space: "urn:xmpp:csi:0", Local: "inactive"}, {Space: "urn:xmpp:sm:3", Local: "enable"}, {Space: "urn:x", Local: "x"}} {
		for _, inside := range insides {
			if e := "<" + name.Local + " xmlns='" + name.Space + "' resume='x' max='-1'>" + inside + "</" + name.Local + ">"; len(e) < 3000 && strings.Count(e, "<") < 20 {
				evil = append(evil, e+e)
			}
		}
	}
	for _, agent := range []string{"<user-agent/>", "<user-agent id=''/>", "<user-agent id='" + strings.Repeat("0", 36) + "'/>", "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf8777g'><software><x/></software></user-agent>"} {
		evil = append(evil, "</bind>"+agent+agent+"<bind xmlns='urn:xmpp:bind:0'>")
	}
	for _, inside := range evil {
		w := s.opened(t)
		w.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" + data + "</initial-response><bind xmlns='urn:xmpp:bind:0'>" + inside + "</bind></authenticate>")
		got := w.until("</")
		if strings.HasPrefix(got, "<failure") {
			t.Logf("%.100s: %s", inside, got+w.until("</failure>"))
			continue
		}
		w.until("</stream:features>")
		w.hearsNothing()
		w.send(closed)
		w.ends()
	}
}

func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	out, _, _ := strings.Cut(rest, to)
	return out
}

// TestX12Later: requests that cost the server much wait beside the reader, a few at a time; more are refused, each is answered, and others are not held up.
func TestX12Later(t *testing.T) {
	t.Parallel()
	s := start(t)
	other := s.login(t, juliet, "balcony")
	w := s.login(t, mallory, "pc")
	const times = 60
	var b strings.Builder
	for i := range times {
		fmt.Fprintf(&b, "<iq type='set' id='c%d' to='example.org'><query xmlns='jabber:iq:register'><username>mallory</username><password>%s</password></query></iq>", i, nextPassword)
	}
	w.send(b.String())
	other.hearsNothing()
	results, refusals := 0, 0
	for results+refusals < times {
		switch got := w.until(">"); {
		case strings.HasPrefix(got, "<iq type='result' id='c"):
			results++
		case strings.HasPrefix(got, "<resource-constraint"):
			refusals++
		}
	}
	if results == 0 || refusals == 0 {
		t.Errorf("%d are carried out, %d refused", results, refusals)
	}
}
