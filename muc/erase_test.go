package muc_test

import (
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// Whoever gets the name of a deleted account reads nothing of what that one could, though the room was awake all the while: whether it was a member to the end, or
// had left for good before.
func TestNextOfTheName(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]string{
		"a member": "<presence type='unavailable' to='" + feast + "/J'/>",
		"has left": "<iq type='set' id='left' to='" + feast + "'><query xmlns='jabber:iq:register'><remove/></query></iq>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, host := hosted(t, "")
			juliet := xmpp.MustParseJID("juliet@" + servertest.Domain)
			say := func(c *servertest.Client, text string) {
				t.Helper()
				send(t, c, "<message type='groupchat' to='"+feast+"'><body>"+text+"</body></message>")
				until(t, c, func(e xmpp.Element) bool { return strings.Contains(e.String(), text) })
			}
			enter := func() *servertest.Client {
				t.Helper()
				send(t, host, "<message to='"+feast+"'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='"+juliet.String()+"'/></x></message>")
				if err := host.Fence(); err != nil {
					t.Fatal(err)
				}
				c := login(t, s, "juliet")
				send(t, c, "<presence to='"+feast+"/J'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
				until(t, c, func(e xmpp.Element) bool {
					return e.Name.Local == "message" && strings.Contains(e.String(), "<subject")
				})
				return c
			}
			s.Account(t, juliet)
			c := enter()
			say(c, "what the first one heard")
			send(t, c, leave)
			until(t, host, func(e xmpp.Element) bool { return e.Attr("type") == "unavailable" })
			if err := s.Accounts.Delete(t.Context(), juliet); err != nil {
				t.Fatal(err)
			}
			if err := s.Accounts.Add(t.Context(), juliet, servertest.Password); err != nil {
				t.Fatal(err)
			}
			c = enter()
			say(host, "what the next one hears")
			send(t, c, "<iq type='set' id='mam' to='"+feast+"'><query xmlns='urn:xmpp:mam:2'/></iq>")
			heard := false
			until(t, c, func(e xmpp.Element) bool {
				if strings.Contains(e.String(), "the first one") {
					t.Errorf("the next one gets %v", e)
				}
				heard = heard || e.Name.Local == "message" && strings.Contains(e.String(), "urn:xmpp:mam:2") && strings.Contains(e.String(), "the next one")
				return isResult("mam")(e)
			})
			if !heard {
				t.Error("the next one does not find what was said since")
			}
		})
	}
}
