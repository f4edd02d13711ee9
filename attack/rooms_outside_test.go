package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// roomRequests are what a room, or its occupants' clients, may be asked. "%s" is what stands inside.
var roomRequests = []string{
	"<query xmlns='http://jabber.org/protocol/muc#admin'>%s</query>", "<query xmlns='http://jabber.org/protocol/muc#owner'>%s</query>", "<query xmlns='jabber:iq:register'>%s</query>",
	"<query xmlns='http://jabber.org/protocol/disco#info'>%s</query>", "<query xmlns='http://jabber.org/protocol/disco#items'>%s</query>", "<query xmlns='urn:xmpp:mam:2'>%s</query>", "<metadata xmlns='urn:xmpp:mam:2'>%s</metadata>",
	"<vCard xmlns='vcard-temp'>%s</vCard>", "<moderate xmlns='urn:xmpp:message-moderate:1' id='x'>%s</moderate>", "<apply-to xmlns='urn:xmpp:fasten:0' id='x'>%s</apply-to>", "<ping xmlns='urn:xmpp:ping'>%s</ping>",
	"<command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:start'>%s</command>", "<command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:leave' action='execute'>%s</command>",
	"<query xmlns='jabber:iq:version'>%s</query>", "<time xmlns='urn:xmpp:time'>%s</time>", "<query xmlns='jabber:iq:search'>%s</query>", "<unique xmlns='http://jabber.org/protocol/muc#unique'>%s</unique>",
	"<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>", "<query xmlns='jabber:iq:roster'>%s</query>", "<unknown xmlns='urn:x:unknown'>%s</unknown>", "<prefs xmlns='urn:xmpp:mam:2' default='always'>%s</prefs>",
}

// roomInsides are what they may hold.
var roomInsides = append([]string{
	"<item/>", "<item nick='' role=''/>", "<item role='moderator'/>", "<item affiliation='owner'/>", "<item affiliation='bogus' jid='x@example.org'/>", "<item jid='@' affiliation='member'/>", "<item nick='nobody' role='none'/>",
	"<item nick='Host' role='none' affiliation='outcast' jid='x'/>", strings.Repeat("<item jid='x@example.org' affiliation='member'/>", 3000), "<item jid='x@example.org' affiliation='member' nick='" + strings.Repeat("n", 5000) + "'/>",
	"<item jid='example.com' affiliation='owner'/>", "<item jid='conference.example.org' affiliation='member'/>", "<item jid='x@example.org' affiliation='member'/><item jid='x@example.org' affiliation='outcast'/>",
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_maxusers'><value>-1</value></field></x>",
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_roomadmins'><value>@</value></field></x>",
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_roomname'><value>" + strings.Repeat("n", 50000) + "</value></field></x>",
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_whois'><value>bogus</value></field><field var='muc#roomconfig_allowpm'/></x>",
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#maxhistoryfetch'><value>99999999999999999999</value></field></x>",
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field><field var='muc#register_roomnick'><value/></field></x>",
	"<retract xmlns='urn:xmpp:message-retract:1'/><retract xmlns='urn:xmpp:message-retract:1'/>", "<moderate xmlns='urn:xmpp:message-moderate:0'/>",
}, insides...)

// TestX12Rooms: whatever a room, the service, or an occupant is asked, by its owner, an occupant or a stranger, is answered once, and the room goes on.
func TestX12Rooms(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, other, stranger := s.login(t, juliet, "balcony"), s.login(t, romeo, "orchard"), s.login(t, mallory, "pc")
	room := s.open(host, "asked", "open", field("muc#roomconfig_persistentroom", "1"))
	other.enters(room, "Romeo")
	host.fence()
	n := 0
	for name, w := range map[string]*wire{"owner": host, "occupant": other, "stranger": stranger} {
		var asked []string
		for _, request := range roomRequests {
			for _, inside := range roomInsides {
				for _, to := range []string{room, "conference.example.org", "nowhere@conference.example.org", room + "/Nobody"} {
					for _, typ := range []string{"get", "set"} {
						if len(inside) > 6000 && to != room {
							continue
						}
						asked = append(asked, fmt.Sprintf("<iq type='%s' to='%s' id='q%d'>%s</iq>", typ, to, n, strings.Replace(request, "%s", inside, 1)))
						n++
					}
				}
			}
		}
		for batch := range slices.Chunk(asked, 50) {
			w.send(strings.Join(batch, ""))
			answers := map[string]int{}
			for len(answers) < len(batch) {
				fresh := 0
				for _, a := range parse(t, w.fence()) {
					if typ := a.attr("type"); a.XMLName.Local == "iq" && (typ == "result" || typ == "error") {
						answers[a.attr("id")]++
						fresh++
						if typ == "error" && a.condition() == "internal-server-error" {
							t.Errorf("%s: %v", name, a)
						}
					}
				}
			}
			for id, times := range answers {
				if times != 1 {
					t.Errorf("%s: %s is answered %d times", name, id, times)
				}
			}
		}
		host.got, other.got = "", ""
	}
	host.fence()
	other.fence()
	other.enters(room, "Romeo")
	other.says(room, "alive")
}

// TestF4Outside: whoever is not inside a room gets nothing into it, by no kind of stanza, to the room or to one in it; and makes no room by talking to one that there is not.
func TestF4Outside(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, other, evil := s.login(t, juliet, "balcony"), s.login(t, romeo, "orchard"), s.login(t, mallory, "pc")
	room := s.open(host, "inside", "open")
	other.enters(room, "Romeo")
	host.fence()
	body := "<body>" + secretBody + "</body>"
	for _, to := range []string{room, room + "/Host", room + "/Romeo", room + "/Nobody", "nowhere@conference.example.org", "nowhere@conference.example.org/Nobody", "conference.example.org", "conference.example.org/x"} {
		var b strings.Builder
		for _, typ := range []string{"groupchat", "chat", "normal", "headline", "error", "", "bogus"} {
			for _, inside := range []string{
				body, "", "<subject>s</subject>", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", "<x xmlns='" + nsUser + "'><invite to='romeo@example.org'/></x>", "<x xmlns='" + nsUser + "'><decline to='juliet@example.org'/></x>",
				"<x xmlns='" + nsForm + "' type='submit'>" + field("FORM_TYPE", "http://jabber.org/protocol/muc#request") + field("muc#role", "participant") + field("muc#request_allow", "true") + field("muc#roomnick", "Romeo") + "</x>",
				"<x xmlns='jabber:x:conference' jid='" + room + "'/>", "<retract xmlns='urn:xmpp:message-retract:1' id='x'/>", "<received xmlns='urn:xmpp:receipts' id='x'/>", "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>",
				"<x xmlns='" + nsUser + "'/>" + body, "<error type='cancel'><item-not-found xmlns='" + nsStanza + "'/></error>",
			} {
				attr := " type='" + typ + "'"
				if typ == "" {
					attr = ""
				}
				b.WriteString("<message id='m'" + attr + " to='" + to + "'>" + inside + "</message>")
			}
		}
		for _, typ := range []string{"unavailable", "probe", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "error", "bogus"} {
			b.WriteString("<presence type='" + typ + "' to='" + to + "'/><presence type='" + typ + "' to='" + to + "'><x xmlns='" + nsEnter + "'/><show>away</show></presence>")
		}
		b.WriteString("<presence to='" + to + "'/><presence to='" + to + "'><x xmlns='" + nsUser + "'><item role='moderator' affiliation='owner'/></x></presence>")
		for _, request := range roomRequests {
			for _, typ := range []string{"get", "set", "result", "error"} {
				b.WriteString("<iq type='" + typ + "' id='i' to='" + to + "'>" + strings.Replace(request, "%s", "", 1) + "</iq>")
			}
		}
		evil.send(b.String())
		for _, n := range parse(t, evil.fence()) {
			if n.XMLName.Local == "presence" && n.attr("type") == "" || n.XMLName.Local == "message" && n.attr("type") != "error" || strings.Contains(deep(n), "code='201'") {
				t.Errorf("to %s: there comes %v", to, n)
			}
		}
	}
	for name, w := range map[string]*wire{"host": host, "other": other} {
		for _, n := range parse(t, w.fence()) {
			t.Errorf("the %s gets %v", name, n)
		}
	}
	if _, answer := evil.ask("<iq type='get' id='q' to='nowhere@conference.example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"); answer.condition() != "item-not-found" {
		t.Errorf("a room has been made: %v", answer)
	}
	other.says(room, "alive")
}
