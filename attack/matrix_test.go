package attack

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"palabre/xmpp"
)

// A chart is one half of testdata/matrix.txt: what is expected of each request, in each row, of each person.
type chart struct {
	people   []string
	requests []string // in their order
	rows     map[string]map[string][]string
}

// expected is the cell of a request, of a row or of those not named, and of a person.
func (c *chart) expected(request, row string, person int) string {
	cells := c.rows[request][row]
	if cells == nil {
		cells = c.rows[request]["all"]
	}
	return cells[person]
}

// charts reads the file.
func charts(t *testing.T) (out []*chart) {
	t.Helper()
	raw, err := os.ReadFile("testdata/matrix.txt")
	must(t, err)
	var c *chart
	request := ""
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(line, "#")
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case words[0] == "people":
			c = &chart{people: words[1:], rows: map[string]map[string][]string{}}
			out = append(out, c)
		case len(words) == 1:
			request = words[0]
			c.requests = append(c.requests, request)
			c.rows[request] = map[string][]string{}
		case len(words) == len(c.people)+1:
			c.rows[request][words[0]] = words[1:]
		default:
			t.Fatalf("%d cells, not %d: %s", len(words)-1, len(c.people), line)
		}
	}
	return out
}

// halls are the rooms of the matrix, by what their configuration says.
var halls = []struct {
	name, fields string
	closed       bool // to who is not a member
}{
	{"open", field("urn:palabre:room:preset", "open") + field("muc#roomconfig_whois", "anyone") + field("muc#roomconfig_changesubject", "0"), false},
	{"moderated", field("urn:palabre:room:preset", "open") + field("muc#roomconfig_whois", "anyone") + field("muc#roomconfig_moderatedroom", "1") + field("muc#roomconfig_changesubject", "1"), false},
	{"masked", field("urn:palabre:room:preset", "open") + field("muc#roomconfig_whois", "moderators") + field("muc#roomconfig_changesubject", "0"), false},
	{"members", field("urn:palabre:room:preset", "open") + field("muc#roomconfig_whois", "anyone") + field("muc#roomconfig_membersonly", "1") + field("muc#roomconfig_changesubject", "0") +
		field("muc#roomconfig_allowinvites", "0"), true},
	{"group", field("urn:palabre:room:preset", "group"), true},
	{"visit", field("urn:palabre:room:preset", "visit"), true},
}

// A stage is a room with somebody in it who is about to ask for something, one who owns it, and one to whom it may be done.
type stage struct {
	t                   *testing.T
	hall                int
	room                string
	host, victim, actor *wire
	person              string // what the actor is: an affiliation, and perhaps a role
	target              string // what the victim is
	said                string // what the victim has said: its id
	own                 string // what the actor has, if it could
	relay               *relay
	n                   int
}

// matrixOf makes the stage of a hall, on a server of its own.
func matrixOf(t *testing.T, hall int) *stage {
	r := newRelay(t)
	s := start(t, limitsOff, r.configure)
	s.Account(t, xmpp.MustParseJID("guest@example.org"))
	g := &stage{t: t, hall: hall, relay: r}
	g.host = s.login(t, xmpp.MustParseJID("host@example.org"), "x")
	g.victim = s.login(t, xmpp.MustParseJID("victim@example.org"), "x")
	g.actor = s.login(t, xmpp.MustParseJID("actor@example.org"), "x")
	return g
}

// set makes the room anew, with the actor and the victim as they are to be.
func (g *stage) set() {
	g.t.Helper()
	if g.room != "" {
		g.host.send("<iq type='set' id='over' to='" + g.room + "'><query xmlns='" + nsOwner + "'><destroy/></query></iq>")
	}
	g.n++
	g.room = fmt.Sprintf("%s-%d@conference.example.org", halls[g.hall].name, g.n)
	target := g.target
	if target == "" {
		target = "none/p"
		if halls[g.hall].closed {
			target = "member/p"
		}
	}
	affiliation, role, inside := strings.Cut(g.person, "/")
	theirs, their, _ := strings.Cut(target, "/")
	items := ""
	for who, a := range map[string]string{"actor": affiliation, "victim": theirs} {
		if a != "none" {
			items += "<item jid='" + who + "@example.org' affiliation='" + a + "'/>"
		}
	}
	g.host.send(enter(g.room, "host") + "<iq type='set' id='made' to='" + g.room + "'><query xmlns='" + nsOwner + "'><x xmlns='jabber:x:data' type='submit'>" +
		field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig") + halls[g.hall].fields + "</x></query></iq>")
	g.succeeds(g.host, "made")
	if items != "" {
		g.host.send(admin("set", "given", g.room, items))
		g.succeeds(g.host, "given")
	}
	g.victim.send(enter(g.room, "victim"))
	g.victim.fence()
	items = "<item nick='victim' role='" + roleOf(their) + "'/>"
	if inside {
		g.actor.send(enter(g.room, "actor"))
		g.actor.fence()
		items += "<item nick='actor' role='" + roleOf(role) + "'/>"
	}
	g.host.send(admin("set", "roles", g.room, items))
	g.succeeds(g.host, "roles")
	if inside {
		g.actor.send(say(g.room, "mine"))
		g.own = g.idOf(g.actor, "mine")
	}
	g.victim.send(say(g.room, "theirs"))
	g.said = g.idOf(g.victim, "theirs")
	g.actor.fence()
	g.host.fence()
	g.victim.fence()
}

// succeeds expects a result.
func (g *stage) succeeds(w *wire, id string) {
	g.t.Helper()
	got := w.until(" id='" + id + "'")
	if i := strings.LastIndex(got, "<iq "); i < 0 || !strings.Contains(got[i:]+w.until(">"), "type='result'") {
		g.t.Fatalf("%s as %s: %s fails: %s", g.room, g.person, id, got)
	}
}

// idOf is what the room calls a message that somebody has just sent, or what the sender does, if the room has no name for it.
func (g *stage) idOf(w *wire, id string) string {
	g.t.Helper()
	for _, n := range parse(g.t, w.fence()) {
		if s, ok := n.child("stanza-id"); ok && n.attr("id") == id {
			return s.attr("id")
		}
	}
	return id
}

func roleOf(letter string) string {
	return map[string]string{"v": "visitor", "p": "participant", "m": "moderator"}[letter]
}

const (
	nsEnter = "http://jabber.org/protocol/muc"
	nsUser  = "http://jabber.org/protocol/muc#user"
	nsAdmin = "http://jabber.org/protocol/muc#admin"
	nsOwner = "http://jabber.org/protocol/muc#owner"
)

func enter(room, nick string) string {
	return "<presence id='enter' to='" + escape(room+"/"+nick) + "'><x xmlns='" + nsEnter + "'/></presence>"
}

func say(room, id string) string {
	return "<message type='groupchat' id='" + id + "' to='" + room + "'><body>" + secretBody + "</body></message>"
}

func admin(typ, id, room, items string) string {
	return "<iq type='" + typ + "' id='" + id + "' to='" + room + "'><query xmlns='" + nsAdmin + "'>" + items + "</query></iq>"
}

// deeds are the requests of the matrix: what is sent, and whether a room in which it was allowed is as it was before.
var deeds = map[string]struct {
	send     func(g *stage) string
	harmless bool
}{
	"enter": {func(g *stage) string { return enter(g.room, "actor") }, false},
	"speak": {func(g *stage) string { return say(g.room, "q") }, true},
	"private": {func(g *stage) string {
		return strings.Replace(chat(g.room+"/victim", "q"), "<body>", "<x xmlns='"+nsUser+"'/><body>", 1)
	}, true},
	"subject": {func(g *stage) string {
		return "<message type='groupchat' id='q' to='" + g.room + "'><subject>s</subject></message>"
	}, false},
	"invite": {func(g *stage) string {
		return "<message id='q' to='" + g.room + "'><x xmlns='" + nsUser + "'><invite to='guest@example.org'/></x></message>"
	}, false},
	"kick":       {role("none"), false},
	"hush":       {role("visitor"), false},
	"demote":     {role("participant"), false},
	"voice":      {role("participant"), false},
	"promote":    {role("moderator"), false},
	"ban":        {affiliate("victim", "outcast"), false},
	"dismiss":    {affiliate("victim", "none"), false},
	"membership": {affiliate("", "member"), false},
	"adminship":  {affiliate("", "admin"), false},
	"ownership":  {affiliate("", "owner"), false},
	"voices":     {list("role='participant'"), true},
	"moderators": {list("role='moderator'"), true},
	"banned":     {list("affiliation='outcast'"), true},
	"members":    {list("affiliation='member'"), true},
	"admins":     {list("affiliation='admin'"), true},
	"owners":     {list("affiliation='owner'"), true},
	"form": {func(g *stage) string {
		return "<iq type='get' id='q' to='" + g.room + "'><query xmlns='" + nsOwner + "'/></iq>"
	}, true},
	"configure": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><query xmlns='" + nsOwner + "'><x xmlns='jabber:x:data' type='submit'>" + field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig") + field("muc#roomconfig_roomname", "Mine") + "</x></query></iq>"
	}, false},
	"destroy": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><query xmlns='" + nsOwner + "'><destroy/></query></iq>"
	}, false},
	"picture": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>" + dot + "</BINVAL></PHOTO></vCard></iq>"
	}, false},
	"moderate": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><moderate xmlns='urn:xmpp:message-moderate:1' id='" + g.said + "'><retract xmlns='urn:xmpp:message-retract:1'/></moderate></iq>"
	}, false},
	"retract": {func(g *stage) string { return retraction(g.room, g.own) }, false},
	"usurp":   {func(g *stage) string { return retraction(g.room, g.said) }, false},
	"archive": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><query xmlns='" + nsArchive + "'/></iq>"
	}, true},
	"mail": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:mail'><x xmlns='jabber:x:data' type='submit'>" +
			field("to", "guest@elsewhere.example") + "</x></command></iq>"
	}, true},
	"register": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>" + field("FORM_TYPE", "http://jabber.org/protocol/muc#register") + field("muc#register_roomnick", "actor") + "</x></query></iq>"
	}, false},
	"quit": {func(g *stage) string {
		return "<iq type='set' id='q' to='" + g.room + "'><query xmlns='jabber:iq:register'><remove/></query></iq>"
	}, false},
	"nick": {func(g *stage) string { return "<presence id='q' to='" + g.room + "/another'/>" }, false},
	"show": {func(g *stage) string {
		return "<presence id='q' to='" + g.room + "/actor'><show>away</show></presence>"
	}, true},
	"addresses": {func(g *stage) string { return enter(g.room, "actor") }, true},
	"ask": {func(g *stage) string {
		return "<iq type='get' id='q' to='" + g.room + "/victim'><query xmlns='jabber:iq:version'/></iq>"
	}, true},
}

// dot is a picture of one point.
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func role(r string) func(*stage) string {
	return func(g *stage) string { return admin("set", "q", g.room, "<item nick='victim' role='"+r+"'/>") }
}

// affiliate gives an affiliation to the victim where there is a choice of victims, and to a guest otherwise, if nobody is named.
func affiliate(who, affiliation string) func(*stage) string {
	return func(g *stage) string {
		who := who
		if who == "" && g.target == "" {
			who = "guest"
		} else if who == "" {
			who = "victim"
		}
		return admin("set", "q", g.room, "<item jid='"+who+"@example.org' affiliation='"+affiliation+"'/>")
	}
}

func list(what string) func(*stage) string {
	return func(g *stage) string { return admin("get", "q", g.room, "<item "+what+"/>") }
}

func retraction(room, id string) string {
	return "<message type='groupchat' id='q' to='" + room + "'><retract xmlns='urn:xmpp:message-retract:1' id='" + id + "'/></message>"
}

// do carries a request out and gives what came of it, as it stands in the matrix, and all that the actor has got.
func (g *stage) do(request string) (outcome string, got []node) {
	g.t.Helper()
	sent := deeds[request].send(g)
	g.actor.send(sent)
	got = parse(g.t, g.actor.fence())
	if strings.HasPrefix(sent, "<iq") {
		if request == "ask" {
			g.answer()
		}
		answered := func(n node) bool {
			return n.XMLName.Local == "iq" && n.attr("id") == "q" && slices.Contains([]string{"result", "error"}, n.attr("type"))
		}
		for !slices.ContainsFunc(got, answered) { // what asks the database is answered beside the reader
			got = append(got, parse(g.t, g.actor.fence())...)
		}
	}
	for _, n := range got {
		if c := n.condition(); c != "" {
			return letter(c), got
		}
		if x, ok := n.child("x"); ok && n.XMLName.Local == "presence" && n.attr("type") == "unavailable" && strings.Contains(fmt.Sprint(x.Children), "333") {
			return "k", got
		}
	}
	return "+", got
}

// answer has the victim answer what it is asked.
func (g *stage) answer() {
	for _, n := range parse(g.t, g.victim.fence()) {
		if n.XMLName.Local == "iq" && n.attr("type") == "get" {
			g.victim.send("<iq type='result' id='" + escape(n.attr("id")) + "' to='" + escape(n.attr("from")) + "'/>")
			g.victim.fence()
		}
	}
}

func letter(condition string) string {
	for l, c := range map[string]string{"f": "forbidden", "a": "not-acceptable", "n": "not-allowed", "r": "registration-required"} {
		if c == condition {
			return l
		}
	}
	return condition
}

// cell carries out one cell, and tells whether the room is as it was.
func (g *stage) cell(request, want string) (clean bool) {
	g.t.Helper()
	outcome, got := g.do(request)
	name := fmt.Sprintf("%s in %s by %s", request, halls[g.hall].name, g.person)
	if g.target != "" {
		name = fmt.Sprintf("%s of %s by %s", request, g.target, g.person)
	}
	switch {
	case request == "addresses":
		if outcome = "h"; strings.Contains(fmt.Sprint(got), "victim@example.org") {
			outcome = "+"
		}
	case want == "0":
		if outcome == "+" && g.bodyGone() {
			outcome = "carried out"
		} else {
			outcome = "0"
		}
	}
	ok := outcome == want || want == "?" || want == "x" && outcome != "+" && outcome != "k"
	if !ok {
		g.t.Errorf("%s: %s, not %s; the actor got %v", name, outcome, want, got)
	}
	heard := parse(g.t, g.host.fence()+g.victim.fence())
	if refused := outcome != "+" && outcome != "0" && outcome != "h"; refused && len(heard) > 0 {
		g.t.Errorf("%s: is refused (%s), and the others hear %v", name, outcome, heard)
	}
	if request == "mail" && outcome == "+" && (len(heard) != 2 || !heard[0].has("sent") || !heard[1].has("sent")) {
		g.t.Errorf("%s: the others hear %v", name, heard)
	}
	return outcome != "+" && outcome != "0" || deeds[request].harmless
}

// bodyGone tells whether what the victim said is not in the archive any more as it was.
func (g *stage) bodyGone() bool {
	g.host.send("<iq type='set' id='look' to='" + g.room + "'><query xmlns='" + nsArchive + "'/></iq>")
	for got := ""; ; {
		got += g.host.fence()
		if strings.Contains(got, "id='look'") {
			for _, n := range parse(g.t, got) {
				if m := inside(n); m.attr("id") == "theirs" && m.has("body") {
					return false
				}
			}
			return true
		}
	}
}

// TestF4Matrix: in every kind of room everybody may do what the tables say, and nothing else; who is refused is told why, and nobody else notices.
func TestF4Matrix(t *testing.T) {
	t.Parallel()
	c := charts(t)[0]
	for hall := range halls {
		t.Run(halls[hall].name, func(t *testing.T) {
			t.Parallel()
			g := matrixOf(t, hall)
			cells, mails := 0, 0
			for i, person := range c.people {
				if c.expected("enter", halls[hall].name, i) == "." {
					continue
				}
				g.person = person
				clean := false
				for _, request := range c.requests {
					want := c.expected(request, halls[hall].name, i)
					if want == "." {
						continue
					}
					if !clean || request == "voice" {
						g.set()
						clean = true
					}
					if request == "voice" { // is for who has none
						g.host.send(admin("set", "v", g.room, "<item nick='victim' role='visitor'/>"))
						g.succeeds(g.host, "v")
						g.host.fence()
						g.victim.fence()
						g.actor.fence()
						clean = false
					}
					clean = g.cell(request, want) && clean
					cells++
					if request == "mail" && want == "+" {
						mails++
					}
				}
			}
			t.Logf("%d cells", cells)
			g.relay.hasTaken(mails)
		})
	}
}

// TestF4Ranks: what moderators, admins and owners may do to each other.
func TestF4Ranks(t *testing.T) {
	t.Parallel()
	c := charts(t)[1]
	g := matrixOf(t, 0)
	for _, person := range []string{"none/m", "member/m", "admin/m", "owner/m"} {
		for i, target := range c.people {
			g.person, g.target = person, target
			clean := false
			for _, request := range c.requests {
				want := c.expected(request, person, i)
				if want == "." {
					continue
				}
				if !clean {
					g.set()
				}
				clean = g.cell(request, want)
			}
		}
	}
}
