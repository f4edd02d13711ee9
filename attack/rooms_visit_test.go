package attack

import (
	"fmt"
	"strings"
	"testing"
)

// attachments are ways to send a file or a picture, or to have one shown (what a visit refuses by name), each without a disguise.
var attachments = []string{
	"<x xmlns='jabber:x:oob'><url>https://example.org/a.png</url></x>", // XEP-0066
	"<query xmlns='jabber:iq:oob'><url>https://example.org/a.png</url></query>",
	"<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p>see <img src='https://example.org/a.png' alt='a'/></p></body></html>", // XEP-0071
	"<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p>no picture</p></body></html>",
	"<data xmlns='urn:xmpp:bob' cid='sha1+8f35fef110ffc5df08d579a50083ff9308fb6242@bob.xmpp.org' type='image/png'>" + dot + "</data>",                                                                                                                    // XEP-0231
	"<reference xmlns='urn:xmpp:reference:0' type='data' uri='https://example.org/a.png'/>",                                                                                                                                                              // XEP-0372
	"<media-sharing xmlns='urn:xmpp:sims:1'><file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><name>a</name></file><sources><reference xmlns='urn:xmpp:reference:0' type='data' uri='https://example.org/a.png'/></sources></media-sharing>",            // XEP-0385
	"<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'><name>a</name></file><sources><url-data xmlns='http://jabber.org/protocol/url-data' target='https://example.org/a.png'/></sources></file-sharing>", // XEP-0447
	"<sources xmlns='urn:xmpp:sfs:0' id='a'><url-data xmlns='http://jabber.org/protocol/url-data' target='https://example.org/a.png'/></sources>",
}

// disguises wrap an element into something that a client may look through, or write it otherwise.
func disguises(e string) []string {
	return []string{
		e, e + e, prefixed(e), charReference(e), "<x xmlns='urn:x:wrapped'>" + e + "</x>", "<x xmlns='urn:x:wrapped'><y><z>" + e + "</z></y></x>",
		"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'>" + e + "<body>b</body></message></forwarded>",
		"<x xmlns='" + nsForm + "' type='form'><field><media xmlns='urn:xmpp:media-element'>" + e + "</media></field></x>",
		"<fallback xmlns='urn:xmpp:fallback:0' for='x'>" + e + "</fallback>", "<markup xmlns='urn:xmpp:markup:0'>" + e + "</markup>", "<attach-to xmlns='urn:xmpp:message-attaching:1' id='x'/>" + e,
		"<reply xmlns='urn:xmpp:reply:0' id='x'/>" + e, "<apply-to xmlns='urn:xmpp:fasten:0' id='x'>" + e + "</apply-to>",
	}
}

// prefixed gives an element's namespace a prefix.
func prefixed(e string) string {
	name, rest, _ := strings.Cut(e[1:], " ")
	rest = strings.Replace(rest, "xmlns=", "xmlns:p=", 1)
	if end := "</" + name + ">"; strings.HasSuffix(rest, end) {
		rest = strings.TrimSuffix(rest, end) + "</p:" + name + ">"
	}
	return "<p:" + name + " " + rest
}

// charReference writes the first letter of an element's namespace as a reference.
func charReference(e string) string {
	i := strings.Index(e, "xmlns='") + 7
	return e[:i] + fmt.Sprintf("&#x%x;", e[i]) + e[i+1:]
}

// A visited is a visit with a host, somebody who listens, and somebody who means harm.
type visited struct {
	t                  *testing.T
	room               string
	host, victim, evil *wire
}

func visit(t *testing.T) *visited {
	s := start(t, limitsOff)
	v := &visited{t: t, host: s.login(t, juliet, "balcony"), victim: s.login(t, romeo, "orchard"), evil: s.login(t, mallory, "pc")}
	v.room = s.open(v.host, "visit", "visit")
	v.host.admits(v.room, romeo)
	v.host.admits(v.room, mallory)
	v.victim.enters(v.room, "Romeo")
	v.evil.enters(v.room, "Mallory")
	v.host.fence()
	v.victim.fence()
	return v
}

// refuses has something sent that must come back as an error, with words for people, and reach nobody.
func (v *visited) refuses(who *wire, sent string) {
	v.t.Helper()
	who.send(sent)
	got := parse(v.t, who.fence())
	if len(got) != 1 || got[0].condition() == "" || !strings.Contains(deep(got[0]), "xmpp-stanzas text") {
		v.t.Errorf("%.300s: %.500v", sent, got)
	}
	if heard := v.victim.fence(); heard != "" && who != v.victim {
		v.t.Errorf("%.300s: the other one gets %.500s", sent, heard)
	}
	v.host.fence()
}

// passes has something sent that must reach the others.
func (v *visited) passes(sent string) {
	v.t.Helper()
	v.evil.send(sent)
	if got := parse(v.t, v.evil.fence()); len(got) != 1 || got[0].condition() != "" {
		v.t.Errorf("%.300s: %.500v", sent, got)
	}
	if heard := v.victim.fence(); heard == "" {
		v.t.Errorf("%.300s: the other one gets nothing", sent)
	}
	v.host.fence()
}

// TestF4Attachments: no file and no picture gets into a visit, in whatever disguise.
func TestF4Attachments(t *testing.T) {
	t.Parallel()
	v := visit(t)
	all := func(inside string) string {
		return "<message id='a' type='groupchat' to='" + v.room + "'>" + inside + "</message>"
	}
	for _, e := range attachments {
		for _, d := range disguises(e) {
			v.refuses(v.evil, all(d+"<body>https://example.org/a.png</body>"))
			v.refuses(v.evil, all(d))
		}
		v.refuses(v.evil, all("<body>see</body><body xml:lang='fr'>voir</body>"+e))
		v.refuses(v.host, all("<body>the host neither</body>"+e))

		// Nor by presence, which may be told without it, or an invitation, which goes on without it.
		v.evil.send("<presence id='p' to='" + v.room + "/Mallory'><status>x</status>" + e + "</presence>")
		v.evil.fence()
		if heard := v.victim.fence(); strings.Contains(heard, "a.png") || strings.Contains(heard, dot) {
			t.Errorf("presence: the other one gets %.500s", heard)
		}
		v.host.fence()
	}
	v.passes(all("<body>see https://example.org/a.png</body>"))
	v.passes(all("<body>marked</body><markable xmlns='urn:xmpp:chat-markers:0'/><active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='" + nsSID + "' id='o'/>"))
	v.passes(all("<composing xmlns='http://jabber.org/protocol/chatstates'/>"))
}

// TestF4Long: 10,000 characters get into a visit, whatever their bytes, and not one more, however they are distributed.
func TestF4Long(t *testing.T) {
	t.Parallel()
	v := visit(t)
	all := func(inside string) string {
		return "<message id='a' type='groupchat' to='" + v.room + "'>" + inside + "</message>"
	}
	body := func(s string) string { return "<body>" + s + "</body>" }
	for _, c := range []string{"x", "\u00e9", "\u6f22", "\U0001f339", "&amp;", "&#x1F339;"} {
		v.passes(all(body(strings.Repeat(c, 10_000))))
		v.refuses(v.evil, all(body(strings.Repeat(c, 10_001))))
	}
	v.refuses(v.evil, all(body("<![CDATA["+strings.Repeat("x", 10_001)+"]]>")))
	v.refuses(v.evil, all(body(strings.Repeat("x", 6_000))+"<body xml:lang='fr'>"+strings.Repeat("y", 6_000)+"</body>"))
	v.refuses(v.evil, all("<b:body xmlns:b='jabber:client'>"+strings.Repeat("x", 10_001)+"</b:body>"))
	v.refuses(v.evil, all("<subject>"+strings.Repeat("x", 10_001)+"</subject>"+body("x")))
	v.refuses(v.evil, all(body(strings.Repeat(" ", 10_001))))
	v.refuses(v.host, all(body(strings.Repeat("x", 10_001))))
	v.evil.send("<presence id='p' to='" + v.room + "/Mallory'><status>" + strings.Repeat("x", 10_001) + "</status></presence>")
	v.evil.fence()
	if heard := v.victim.fence(); len(heard) > 10_500 {
		t.Errorf("a status of %d characters is told", len(heard))
	}
}

// TestF4Standing: what was said in a visit is not changed, not taken back, and not taken out, by nobody, in the words of no version of the protocols; and there is no
// way to one participant.
func TestF4Standing(t *testing.T) {
	t.Parallel()
	v := visit(t)
	v.evil.send(say(v.room, "said"))
	v.evil.fence()
	v.victim.fence()
	v.host.fence()
	retract0 := "<retract xmlns='urn:xmpp:message-retract:0'/>"
	for _, e := range []string{
		"<replace xmlns='urn:xmpp:message-correct:0' id='said'/>", "<r:replace xmlns:r='urn:xmpp:message-correct:0' id='said'/>", "<retract xmlns='urn:xmpp:message-retract:1' id='said'/>",
		"<apply-to xmlns='urn:xmpp:fasten:0' id='said'>" + retract0 + "</apply-to>", "<apply-to xmlns='urn:xmpp:fasten:0' id='said'><external name='body'/></apply-to>",
		"<retract xmlns='urn:xmpp:message-retract:1' id='said'><moderated xmlns='urn:xmpp:message-moderate:1' by='" + v.room + "/Host'/></retract>",
	} {
		for _, inside := range []string{e, e + "<body>other</body>", "<x xmlns='urn:x:wrapped'>" + e + "</x><body>other</body>"} {
			m := "<message id='a' type='groupchat' to='" + v.room + "'>" + inside + "</message>"
			v.refuses(v.evil, m)
			v.refuses(v.host, m)
		}
	}
	for _, inside := range []string{
		"<moderate xmlns='urn:xmpp:message-moderate:1' id='said'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>",
		"<apply-to xmlns='urn:xmpp:fasten:0' id='said'><moderate xmlns='urn:xmpp:message-moderate:0'>" + retract0 + "</moderate></apply-to>",
		"<query xmlns='" + nsArchive + "'/>", "<metadata xmlns='" + nsArchive + "'/>",
	} {
		v.refuses(v.host, "<iq type='set' id='a' to='"+v.room+"'>"+inside+"</iq>")
	}
	for _, stanza := range []string{
		"<message id='a' type='chat' to='%s'><body>psst</body></message>", "<message id='a' to='%s'><body>psst</body><x xmlns='" + nsUser + "'/></message>", "<message id='a' type='groupchat' to='%s'><body>psst</body></message>",
		"<message id='a' type='headline' to='%s'><body>psst</body></message>", "<message id='a' type='chat' to='%s'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
		"<message id='a' to='%s'><x xmlns='jabber:x:conference' jid='other@conference.example.org'/></message>",
		"<iq type='get' id='a' to='%s'><query xmlns='jabber:iq:version'/></iq>", "<iq type='get' id='a' to='%s'><vCard xmlns='vcard-temp'/></iq>", "<iq type='set' id='a' to='%s'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s'/></iq>",
		"<iq type='set' id='a' to='%s'><open xmlns='http://jabber.org/protocol/ibb' sid='s' block-size='4096'/></iq>", "<iq type='get' id='a' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<iq type='get' id='a' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
	} {
		v.refuses(v.evil, strings.ReplaceAll(stanza, "%s", v.room+"/Romeo"))
		v.refuses(v.host, strings.ReplaceAll(stanza, "%s", v.room+"/Romeo"))
	}
}
