package attack

import (
	"fmt"
	"strings"
	"testing"

	"palabre/xmpp"
)

// roomPlaces are elements that a room looks at, or adds, in what is sent through it.
var roomPlaces = []xmpp.Name{
	{Space: nsEnter, Local: "x"}, {Space: nsEnter, Local: "history"}, {Space: nsUser, Local: "x"}, {Space: nsUser, Local: "invite"}, {Space: nsAdmin, Local: "query"}, {Space: nsOwner, Local: "query"}, {Space: nsForm, Local: "x"},
	{Space: "jabber:x:conference", Local: "x"}, {Space: nsSID, Local: "stanza-id"}, {Space: nsSID, Local: "origin-id"}, {Space: nsOccupant, Local: "occupant-id"}, {Space: "urn:xmpp:delay", Local: "delay"}, {Space: "jabber:x:delay", Local: "x"},
	{Space: "urn:xmpp:message-retract:1", Local: "retract"}, {Space: "urn:xmpp:message-retract:0", Local: "retract"}, {Space: "urn:xmpp:fasten:0", Local: "apply-to"}, {Space: "urn:xmpp:message-moderate:1", Local: "moderate"},
	{Space: "urn:xmpp:message-correct:0", Local: "replace"}, {Space: "urn:xmpp:hats:0", Local: "hats"}, {Space: "urn:xmpp:hints", Local: "no-store"}, {Space: "urn:xmpp:forward:0", Local: "forwarded"}, {Space: nsArchive, Local: "result"},
	{Space: "http://jabber.org/protocol/caps", Local: "c"}, {Space: "vcard-temp:x:update", Local: "x"}, {Space: "jabber:client", Local: "subject"}, {Space: "jabber:client", Local: "body"}, {Space: "jabber:client", Local: "thread"},
	{Space: "jabber:client", Local: "status"}, {Space: "jabber:client", Local: "show"}, {Space: "jabber:client", Local: "error"}, {Space: "urn:xmpp:reactions:0", Local: "reactions"}, {Space: "urn:xmpp:sfs:0", Local: "file-sharing"},
}

// TestX12RoomExtensions: messages and presence with anything in the places of what a room looks at do no harm to it, or to those inside.
func TestX12RoomExtensions(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"open", "group", "visit"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			s := start(t, limitsOff)
			host, victim, evil := s.login(t, juliet, "balcony"), s.login(t, romeo, "orchard"), s.login(t, mallory, "pc")
			room := s.open(host, "places", preset)
			host.admits(room, romeo)
			host.admits(room, mallory)
			victim.enters(room, "Romeo")
			host.fence()
			for _, n := range roomPlaces {
				evil.send(enter(room, "Mallory"))
				evil.fence()
				var b strings.Builder
				for _, inside := range append([]string{"<invite/><invite to='@'/><decline/>", "<item/><item/>", "<status code='x'/>", "<history maxchars='-1' seconds='x' since='x'/>", "<password/><password/>", "<hat/><hat uri='' title=''/>"}, insides...) {
					if len(inside) > 3000 {
						continue
					}
					e := fmt.Sprintf("<%s xmlns='%s' id='x' by='@' from='@' jid='@' stamp='x' to='@' type='x' for='x'>%s</%[1]s>", n.Local, n.Space, inside)
					for _, stanza := range []string{
						"<message type='groupchat' id='a' to='%r'>%e</message>", "<message type='groupchat' to='%r'>%e%e<body>b</body></message>", "<message id='a' to='%r'>%e</message>", "<message type='chat' to='%r/Romeo'>%e%e</message>",
						"<message type='error' to='%r/Romeo'>%e</message>", "<presence to='%r/Mallory'>%e%e</presence>", "<presence to='%r/Mallory'><x xmlns='" + nsEnter + "'>%e</x>%e</presence>",
						"<iq type='set' id='i' to='%r'>%e</iq>", "<iq type='get' id='i' to='%r/Mallory'>%e</iq>",
					} {
						b.WriteString(strings.NewReplacer("%r", room, "%e", e).Replace(stanza))
					}
				}
				evil.send(b.String())
				parse(t, evil.fence())
				for _, w := range []*wire{host, victim} {
					for _, got := range parse(t, w.fence()) {
						if got.attr("from") == room && got.XMLName.Local != "message" || got.condition() == "internal-server-error" {
							t.Errorf("%v: there comes %v", n, got)
						}
					}
				}
			}
			victim.send(say(room, "alive"))
			if got := victim.fence(); !strings.Contains(got, "id='alive'") || strings.Contains(got, "type='error'") {
				t.Errorf("the room is gone: %s", got)
			}
			late := s.login(t, tybalt, "street")
			host.admits(room, tybalt)
			late.send(enter(room, "Tybalt"))
			parse(t, late.fence())
			if preset != "visit" {
				rows, _ := host.asks("<iq type='set' id='q' to='" + room + "'><query xmlns='" + nsArchive + "'><set xmlns='http://jabber.org/protocol/rsm'><max>20</max></set></query></iq>")
				if len(rows) == 0 {
					t.Error("nothing is archived")
				}
			}
		})
	}
}
