package attack

import (
	"strings"
	"testing"
)

// orders are the commands of a room (XEP-0050): what is filled in, and who may carry them out, beside whom is said in TestF4Commands.
var orders = []struct {
	node, fields string
	may          string // of the people below, those who may
}{
	{"urn:palabre:room:leave", "", "member/p admin/m owner/m"},
	{"urn:palabre:room:invite", field("people", "guest@example.org"), "none/p member/p admin/m owner/m"},
	{"urn:palabre:room:mail", field("to", "guest@elsewhere.example"), "none/p member/p admin/m owner/m"},
	{"urn:palabre:room:show", "", "member/p admin/m owner/m"},
	{"urn:palabre:room:people", "", "owner/m"}, // XEP-0045 §10.5, §10.8: in a semi-anonymous room, admins do not get the lists of owners and admins
	{"urn:palabre:room:affiliation", field("jid", "guest@example.org") + field("affiliation", "member"), "admin/m owner/m"},
	{"urn:palabre:room:affiliation", field("jid", "guest@example.org") + field("affiliation", "owner"), "owner/m"},
	{"urn:palabre:room:affiliation", field("jid", "host@example.org") + field("affiliation", "none"), "owner/m"},
	{"urn:palabre:room:affiliation", field("jid", "actor@example.org") + field("affiliation", "owner"), "owner/m"},
	{"urn:palabre:room:set", field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig") + field("muc#roomconfig_roomname", "Mine"), "owner/m"},
	{"urn:palabre:room:open", "", "owner/m"},
	{"urn:palabre:room:close", "", "owner/m"},
	{"urn:palabre:room:destroy", "", "owner/m"},
	{"urn:xmpp:hats:commands:create", field("hats#title", "T") + field("hats#uri", "urn:x:hat"), "owner/m"},
	{"urn:xmpp:hats:commands:destroy", field("hats#uri", "urn:x:hat"), ""},
	{"urn:xmpp:hats:commands:assign", field("hats#jid", "actor@example.org") + field("hats#uri", "urn:palabre:hats:host"), "owner/m"},
	{"urn:palabre:room:unheard-of", "", ""},
}

// order carries a command out, filling in what it asks for, and gives the condition of the error that comes, if one does.
func (g *stage) order(node, fields string) string {
	g.t.Helper()
	head := "<iq type='set' id='q' to='" + g.room + "'><command xmlns='http://jabber.org/protocol/commands' node='" + node + "'"
	_, answer := g.actor.ask(head + " action='execute'/></iq>")
	c, _ := answer.child("command")
	if answer.condition() == "" && c.attr("status") == "executing" {
		_, answer = g.actor.ask(head + " sessionid='" + escape(c.attr("sessionid")) + "' action='complete'><x xmlns='" + nsForm + "' type='submit'>" + fields + "</x></command></iq>")
	}
	return answer.condition()
}

// TestF4Commands: a command gives nobody more than the protocol of rooms does, and who has lost a right in the midst of one does not carry it out.
func TestF4Commands(t *testing.T) {
	t.Parallel()
	const masked = 2
	g := matrixOf(t, masked)
	for _, person := range []string{"outcast", "none", "none/p", "member", "member/p", "admin/m", "owner/m"} {
		g.person = person
		clean := false
		for _, o := range orders {
			if !clean {
				g.set()
			}
			clean = true
			switch got := g.order(o.node, o.fields); {
			case got == "" && !strings.Contains(" "+o.may+" ", " "+person+" ") && person != "member":
				t.Errorf("%s %s by %s is carried out", o.node, o.fields, person)
				clean = false
			case got == "":
				clean = false
			case strings.Contains(" "+o.may+" ", " "+person+" "):
				t.Errorf("%s %s by %s: %s", o.node, o.fields, person, got)
			default:
				if heard := g.host.fence() + g.victim.fence(); heard != "" {
					t.Errorf("%s %s by %s is refused (%s), and the others hear %.300s", o.node, o.fields, person, got, heard)
				}
			}
			g.host.fence()
			g.victim.fence()
		}
	}
	// Addresses that the room hides are not shown by a command either.
	for _, person := range []string{"member/p", "admin/m"} {
		g.person = person
		g.set()
		_, answer := g.actor.ask("<iq type='set' id='q' to='" + g.room + "'><command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:show' action='execute'/></iq>")
		if s := deep(answer); strings.Contains(s, "host@example.org") || strings.Contains(s, "victim@example.org") {
			t.Errorf("%s is shown %s", person, s)
		}
	}
	// Demoted between the steps.
	g.person = "owner/m"
	for _, o := range orders {
		if o.fields == "" && o.node != "urn:palabre:room:destroy" || o.may == "" || strings.HasSuffix(o.node, "invite") || strings.HasSuffix(o.node, "mail") {
			continue // it needs no affiliation
		}
		g.set()
		head := "<iq type='set' id='q' to='" + g.room + "'><command xmlns='http://jabber.org/protocol/commands' node='" + o.node + "'"
		_, answer := g.actor.ask(head + " action='execute'/></iq>")
		c, _ := answer.child("command")
		g.host.send(admin("set", "demoted", g.room, "<item jid='actor@example.org' affiliation='none'/>"))
		g.succeeds(g.host, "demoted")
		g.host.fence()
		g.actor.fence()
		_, answer = g.actor.ask(head + " sessionid='" + escape(c.attr("sessionid")) + "' action='complete'><x xmlns='" + nsForm + "' type='submit'>" + o.fields + "</x></command></iq>")
		if answer.condition() == "" {
			t.Errorf("%s is carried out by one who may not any more: %v", o.node, answer)
		}
	}
}
