package courier_test

import (
	"net/mail"
	"strconv"
	"strings"
	"testing"

	"palabre/daemon"
	"palabre/directory"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// Everything that can be wrong with an order has an answer that says what to do, and no mail goes out.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s, p := start(t, nil)
	roll(t, s, scene+`
person anna name='Anna Berg' email=a1@example.org
person anna2 name='anna  BERG' email=a2@example.org
person peter name='Peter'
group empty name=Nobody
`)
	romeo := host(t, s, "romeo", "group", "")
	say(t, romeo, "welcome")
	many := make([]string, 10_000)
	for i := range many {
		many[i] = strconv.Itoa(i) + "@e.example"
	}
	for name, c := range map[string]struct{ fields, want string }{
		"nobody is named":      {field("to", "  ", ";"), "one name or address a line"},
		"unknown":              {field("to", "Rosaline"), "Nobody in the directory is called “Rosaline”"},
		"two of one name":      {field("to", "Anna Berg"), "anna, anna2"},
		"no address":           {field("to", "peter"), "no e-mail address of “Peter”"},
		"an empty group":       {field("to", "empty"), "Nobody in the group “Nobody”"},
		"not an address":       {field("to", "a@b@c"), "is no e-mail address"},
		"a header":             {field("to", "x@elsewhere.example\r\nBcc: y@elsewhere.example"), "“Bcc: y@elsewhere.example” is no e-mail address"},
		"a command":            {field("to", "x@elsewhere.example> SIZE=1"), "is no e-mail address"},
		"a quoted one":         {field("to", `"od\"d"@elsewhere.example`), "The e-mail address “od\"d@elsewhere.example” can't be used"},
		"a list":               {field("to", "x@elsewhere.example, y@elsewhere.example"), "is no e-mail address"},
		"a control character":  {field("to", "x\x7f@elsewhere.example"), "no e-mail address"},
		"10,000":               {field("to", strings.Join(many, "\n")), "Too many recipients"},
		"a long one":           {field("to", strings.Repeat("x", 400)+"@elsewhere.example"), "too long"},
		"a very long one":      {field("to", strings.Repeat("(a@[", 40_000)+"b"), "too long"},
		"no zone":              {field("to", "friary") + field("zone", "Verona"), "There is no such time zone"},
		"another file":         {field("to", "friary") + field("zone", "../../etc/passwd"), "There is no such time zone"},
		"no day":               {field("to", "friary") + field("since", "yesterday"), "Write days and times like"},
		"the end comes before": {field("to", "friary") + field("since", "2026-11-22") + field("until", "2026-11-21"), "not after its beginning"},
		"nothing then":         {field("to", "friary") + field("until", "2001-01-01"), "nothing that was said in this period"},
		"no such period":       {field("to", "friary") + field("period", "ages"), "not among those offered"},
	} {
		if note, failed := asks(t, romeo, feast, toRoom, c.fields); !failed || !strings.Contains(note, c.want) {
			t.Errorf("%s: %v %s", name, failed, note)
		}
	}
	p.none(t)
}

// Who is not a part of the room, or is not any more, sends nothing, and is not told whether there is a command.
func TestStrangers(t *testing.T) {
	t.Parallel()
	s, p := start(t, nil)
	roll(t, s, scene)
	romeo := host(t, s, "romeo", "group", "")
	s.Account(t, xmpp.MustParseJID("juliet@example.org"))
	invited(t, romeo, "juliet")
	say(t, romeo, "welcome")
	juliet, tybalt := login(t, s, "juliet"), login(t, s, "tybalt")
	enter(t, juliet, "Juliet")
	say(t, juliet, "and goodbye")
	send(t, juliet, "<iq type='set' id='left' to='"+feast+"'><query xmlns='jabber:iq:register'><remove/></query></iq>")
	until(t, juliet, isAbout("left"))
	for name, c := range map[string]*servertest.Client{"who has left": juliet, "who was never there": tybalt} {
		if note, failed := asks(t, c, feast, toRoom, field("to", "friary")); !failed {
			t.Errorf("%s: %s", name, note)
		}
	}
	p.none(t)
}

// A visit keeps nothing that could be sent.
func TestVisit(t *testing.T) {
	t.Parallel()
	_, p, romeo := opened(t, "visit")
	if note, failed := asks(t, romeo, feast, toRoom, field("to", "friary")); !failed {
		t.Error(note)
	}
	p.none(t)
}

// Where the configuration says so, mail goes to nobody who is not in the directory; without a relay nobody is offered any.
func TestPolicy(t *testing.T) {
	t.Parallel()
	s, p := start(t, func(c *daemon.Config) { c.SMTP.To = "directory" })
	roll(t, s, scene)
	romeo := host(t, s, "romeo", "group", "")
	say(t, romeo, "welcome")
	if note, failed := asks(t, romeo, feast, toRoom, field("to", "friary", "Friary <someone@elsewhere.example>")); !failed || !strings.Contains(note, "not in the directory") {
		t.Error(note)
	}
	p.none(t)
	none := servertest.Start(t)
	romeo = host(t, none, "romeo", "group", "")
	for node, to := range map[string]string{toRoom: feast, toMe: "romeo@example.org"} {
		if note, failed := asks(t, romeo, to, node, field("to", "friary")); !failed {
			t.Error(note)
		}
		send(t, romeo, "<iq type='get' id='list' to='"+to+"'><query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/></iq>")
		if e := until(t, romeo, isAbout("list")); strings.Contains(string(e.AppendXML(nil, "")), node) {
			t.Errorf("it is offered: %s", e)
		}
	}
}

// The same thing again and again ends with a refusal, for one account from whichever rooms.
func TestFlood(t *testing.T) {
	t.Parallel()
	_, p, romeo := opened(t, "group")
	sent := 0
	for range 1000 {
		note, failed := asks(t, romeo, feast, toRoom, field("to", "friary"))
		if failed {
			if !strings.Contains(note, "Try again in a while") {
				t.Fatal(note)
			}
			continue
		}
		sent++
		p.next(t)
	}
	if sent < 90 || sent > 110 {
		t.Errorf("%d mails went out", sent)
	}
}

// No name, nick, subject or text becomes a header, a command of SMTP or markup.
func TestInjection(t *testing.T) {
	t.Parallel()
	const evil = "</p><script>alert(1)</script>\n.\nRCPT TO:<x@elsewhere.example>\nBcc: y@elsewhere.example\n\u202eevil"
	s, p := start(t, nil)
	roll(t, s, scene)
	name := "Feast\u2028Bcc: z@elsewhere.example <marquee>"
	romeo := host(t, s, "romeo", "open", field("muc#roomconfig_roomname", name))
	nick := `&lt;img src=x onerror=alert(1)&gt; &quot;Romeo&quot;`
	send(t, romeo, "<presence to='"+feast+"/"+nick+"'/>")
	until(t, romeo, func(e xmpp.Element) bool { return strings.Contains(e.Attr("from"), "onerror") && e.Attr("type") == "" })
	send(t, romeo, "<message to='"+feast+"' type='groupchat' id='t'><subject>"+string(xmpp.AppendText(nil, evil))+"</subject></message>")
	until(t, romeo, isAbout("t"))
	send(t, romeo, "<message to='"+feast+"' type='groupchat' id='m'><body>"+string(xmpp.AppendText(nil, evil))+"</body></message>")
	until(t, romeo, isAbout("m"))
	if note, failed := asks(t, romeo, feast, toRoom, field("to", `"odd; name" <od.d@elsewhere.example>`, "münchen@bücher.example")); failed {
		t.Fatal(note)
	}
	for range 2 { // an address that needs SMTPUTF8 goes by itself
		m := p.next(t)
		if len(m.to) != 1 || m.from != "chat@example.org" {
			t.Errorf("from %s to %v", m.from, m.to)
		}
		for _, h := range []string{"Bcc", "Cc", "Rcpt"} {
			if m.head.Get(h) != "" {
				t.Errorf("there is a header %s: %s", h, m.head.Get(h))
			}
		}
		if strings.ContainsAny(m.subject, "\r\n\u2028") {
			t.Errorf("the subject is %q", m.subject)
		}
		if strings.Contains(m.html, "<script") || strings.Contains(m.html, "<img") || strings.Contains(m.html, "<marquee") {
			t.Errorf("the page is\n%s", m.html)
		}
		if strings.Contains(m.text, "\u202e") || strings.Contains(m.html, "\u202e") {
			t.Error("a text turns round what comes behind it")
		}
		for _, h := range []string{"From", "Reply-To"} {
			if v := m.head.Get(h); v != "" {
				if list, err := mail.ParseAddressList(v); err != nil || len(list) != 1 {
					t.Errorf("%s: %s", h, v)
				}
			}
		}
	}
	p.none(t)
}

// Who logs in again has no more mails than before, and names that nobody has count like others.
func TestFloodOfSessions(t *testing.T) {
	t.Parallel()
	s, p, romeo := opened(t, "group")
	nobody := make([]string, 100)
	for i := range nobody {
		nobody[i] = "nobody " + strconv.Itoa(i)
	}
	if note, failed := asks(t, romeo, feast, toRoom, field("to", nobody...)); !failed || !strings.Contains(note, "Nobody in the directory") {
		t.Fatal(note)
	}
	if err := romeo.Leave(); err != nil {
		t.Fatal(err)
	}
	if note, failed := asks(t, login(t, s, "romeo"), feast, toRoom, field("to", "friary")); !failed || !strings.Contains(note, "Try again in a while") {
		t.Error(note)
	}
	p.none(t)
}

// The directory of another domain is not for the users of this one: neither addresses nor names come out of it, and nobody in it counts as known.
func TestOtherDomain(t *testing.T) {
	t.Parallel()
	s, p := start(t, func(c *daemon.Config) {
		c.Domains, c.SMTP.To = append(c.Domains, "verona.example"), "directory"
	})
	roll(t, s, scene)
	escalus := xmpp.MustParseJID("escalus@verona.example")
	s.Account(t, escalus)
	record := directory.Record{ID: "escalus", Fields: directory.Fields{"account": "escalus@verona.example", "name": "The Prince", "email": "prince@palace.example"}}
	if out, err := s.Directory.Import(t.Context(), "verona.example", []directory.Record{record}, false); err != nil || out[0].Err != nil {
		t.Fatal(out, err)
	}
	romeo := login(t, s, "romeo")
	send(t, romeo, "<message to='escalus@verona.example' type='chat'><body>my lord</body></message>")
	with := field("with", "escalus@verona.example")
	for _, to := range []string{"escalus@verona.example", "prince@palace.example"} {
		if note, failed := asks(t, romeo, "romeo@example.org", toMe, with+field("to", to)); !failed || !strings.Contains(note, "not in the directory") {
			t.Error(note)
		}
	}
	note, failed := asks(t, romeo, "romeo@example.org", toMe, with+field("to", "friary"))
	if m := p.next(t); failed || strings.Contains(note+m.data, "Prince") {
		t.Errorf("%s\n%s", note, m.data)
	}
	p.none(t)
}

// Where nobody sees who the others are, a member who is not inside is not named by their account.
func TestMasked(t *testing.T) {
	t.Parallel()
	s, p := start(t, nil)
	roll(t, s, scene)
	romeo := host(t, s, "romeo", "open", field("muc#roomconfig_whois", "moderators")+field("urn:palabre:room:history", "whole"))
	say(t, romeo, "welcome")
	juliet := login(t, s, "juliet")
	send(t, romeo, "<iq type='set' id='m' to='"+feast+"'><query xmlns='"+nsMUC+"#admin'><item affiliation='member' jid='juliet@example.org'/></query></iq>")
	until(t, romeo, isAbout("m"))
	if note, failed := asks(t, juliet, feast, toRoom, field("to", "friary")); !failed || !strings.Contains(note, "Come in first") {
		t.Error(note)
	}
	p.none(t)
	enter(t, juliet, "Mask")
	if note, failed := asks(t, juliet, feast, toRoom, field("to", "friary")); failed {
		t.Error(note)
	}
	if m := p.next(t); strings.Contains(m.head.Get("From")+m.text, "juliet") {
		t.Errorf("from %s\n%s", m.head.Get("From"), m.text)
	}
}

// A nick forges nobody's name: who is in the directory sends mail by the name that they have there.
func TestNickOfAnother(t *testing.T) {
	t.Parallel()
	s, p := start(t, nil)
	roll(t, s, scene)
	host(t, s, "romeo", "open", field("urn:palabre:room:history", "whole"))
	nurse := login(t, s, "nurse")
	enter(t, nurse, "Juliet Capulet")
	say(t, nurse, "send me your ring")
	if note, failed := asks(t, nurse, feast, toRoom, field("to", "someone@elsewhere.example")); failed {
		t.Fatal(note)
	}
	if m := p.next(t); m.head.Get("From") != `The Nurse <chat@example.org>` || !strings.Contains(m.text, "The Nurse") {
		t.Errorf("from %s\n%s", m.head.Get("From"), m.text)
	}
}

// Nobody takes the nick under which the room says who sends what: not in other letters, nor by a change of nick, nor as a reserved one.
func TestVoice(t *testing.T) {
	t.Parallel()
	s, _ := start(t, nil)
	romeo := host(t, s, "romeo", "open", "")
	tybalt := login(t, s, "tybalt")
	for _, nick := range []string{"Mail", "mAIL", "Ｍａｉｌ"} {
		send(t, tybalt, "<presence id='in' to='"+feast+"/"+nick+"'><x xmlns='"+nsMUC+"'/></presence>")
		if e := until(t, tybalt, isAbout("in")); e.Attr("type") != "error" {
			t.Error(e)
		}
		send(t, romeo, "<presence id='nick' to='"+feast+"/"+nick+"'/>")
		if e := until(t, romeo, isAbout("nick")); e.Attr("type") != "error" {
			t.Error(e)
		}
	}
	send(t, romeo, "<iq type='set' id='r' to='"+feast+"'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>"+field("FORM_TYPE", nsMUC+"#register")+field("muc#register_roomnick", "Mail")+"</x></query></iq>")
	if e := until(t, romeo, isAbout("r")); e.Attr("type") != "error" {
		t.Error(e)
	}
}
