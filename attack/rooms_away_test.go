package attack

import (
	"strings"
	"testing"
)

// TestF4Away: who is shown the door while the connection is lost, also over a restart of the server, is told so when the session goes on, hears nothing that was said after it,
// and is not inside.
func TestF4Away(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"kick": "<query xmlns='" + nsAdmin + "'><item nick='Romeo' role='none'/></query>", "ban": "<query xmlns='" + nsAdmin + "'><item jid='romeo@example.org' affiliation='outcast'/></query>",
		"dismiss": "<query xmlns='" + nsAdmin + "'><item jid='romeo@example.org' affiliation='none'/></query>", "destroy": "<query xmlns='" + nsOwner + "'><destroy/></query>",
	} {
		for _, how := range []string{"lost", "restarted"} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				s := start(t, limitsOff)
				host := s.login(t, juliet, "balcony")
				room := s.open(host, "away", "group")
				host.admits(room, romeo)
				p := s.phone(t, romeo, "orchard")
				p.send(enter(room, "Romeo"))
				p.take()
				host.fence()
				host.says(room, "heard")
				if how == "restarted" {
					s.Restart(t)
					host = s.login(t, juliet, "balcony")
					host.enters(room, "Host")
				} else {
					p.drop()
				}
				host.send("<iq type='set' id='out' to='" + room + "'>" + request + "</iq>")
				if got := host.until("id='out'"); strings.Contains(got[strings.LastIndex(got, "<iq"):]+host.until(">"), "type='error'") {
					if name != "kick" {
						t.Fatal("it is refused")
					}
				}
				host.fence()
				if name != "destroy" {
					host.says(room, "unheard")
				}
				got := p.back()
				if !strings.HasPrefix(got, "<resumed ") {
					t.Skipf("the session does not go on: %s", got)
				}
				out, heard := false, false
				for _, n := range p.take() {
					out = out || n.XMLName.Local == "presence" && n.attr("type") == "unavailable" && n.attr("from") == room+"/Romeo" && strings.Contains(deep(n), "code='110'")
					heard = heard || n.attr("id") == "heard"
					if n.attr("id") == "unheard" {
						t.Errorf("one who is out gets %v", n)
					}
				}
				if !out || !heard {
					t.Errorf("it is told that it is out: %v, and hears what was said before: %v", out, heard)
				}
				p.send(say(room, "x"))
				if got := p.take(); len(got) != 1 || got[0].condition() == "" {
					t.Errorf("one who is out speaks: %v", got)
				}
				p.send("<iq type='get' id='ping' to='" + room + "/Romeo'><ping xmlns='urn:xmpp:ping'/></iq>")
				if got := p.take(); len(got) != 1 || got[0].condition() == "" {
					t.Errorf("one who is out is told that it is inside: %v", got)
				}
			})
		}
	}
}
