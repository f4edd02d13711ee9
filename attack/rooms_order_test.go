package attack

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"

	"palabre/xmpp"
)

// A guest is a client that comes and goes, speaks and changes its name without end, and what it believes of a room.
type guest struct {
	*wire
	room    string
	name    string
	n       int
	nick    string          // what it is called there; empty: it is not inside
	roster  map[string]bool // who is inside, by what it has been told
	entered bool            // its own presence has come since it entered
	log     []string        // what has happened while it was inside, each thing under a name of its own
}

// act does something at random, and takes in what comes of it.
func (g *guest) act(r *rand.Rand) {
	g.n++
	id := fmt.Sprintf("%s-%d", g.name, g.n)
	switch k := r.Intn(10); {
	case g.nick == "":
		g.send("<presence to='" + g.room + "/" + id + "'><status>" + id + "</status><x xmlns='" + nsEnter + "'><history maxchars='0'/></x></presence>")
	case k < 5:
		g.send("<message type='groupchat' id='" + id + "' to='" + g.room + "'><body>" + id + "</body></message>")
	case k < 7:
		g.send("<presence to='" + g.room + "/" + g.nick + "'><status>" + id + "</status></presence>")
	case k < 9:
		g.send("<presence to='" + g.room + "/" + id + "'><status>" + id + "</status></presence>")
	default:
		g.send("<presence type='unavailable' to='" + g.room + "/" + g.nick + "'><status>" + id + "</status></presence>")
	}
	g.take(parse(g.t.(*testing.T), g.fence()))
}

// take takes in what the room has sent.
func (g *guest) take(got []node) {
	for _, n := range got {
		_, nick, _ := strings.Cut(n.attr("from"), "/")
		x, _ := n.child("x")
		status, _ := n.child("status")
		text := deep(x)
		switch key := n.XMLName.Local + " " + n.attr("type") + " " + nick + " " + n.attr("id") + " " + status.Text; {
		case n.condition() == "not-acceptable" || n.XMLName.Local == "iq" || strings.Contains(text, "code='333'"): // it has been shown the door meanwhile
		case n.attr("type") == "error":
			g.t.Errorf("%s gets %v", g.name, n)
		case n.XMLName.Local == "message" && n.has("body"):
			g.log = append(g.log, key)
		case n.XMLName.Local != "presence":
		case n.attr("type") == "unavailable":
			delete(g.roster, nick)
			g.log = append(g.log, key)
			if own := strings.Contains(text, "code='110'"); own && strings.Contains(text, "code='303'") {
				g.nick = between(text, " nick='", "'")
			} else if own {
				g.nick, g.entered = "", false
				clear(g.roster)
			}
		default:
			g.roster[nick] = true
			if strings.Contains(text, "code='110'") {
				g.nick, g.entered = nick, true
			}
			if g.entered { // before, it is told of those who are inside, and not what has happened
				g.log = append(g.log, key)
			}
		}
	}
}

// TestF12Order: many come and go, speak, and change their names at the same time; one is shown the door now and then. All see the same things happen in the same
// order, and in the end everybody knows who is inside.
func TestF12Order(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host := &guest{wire: s.login(t, juliet, "balcony"), name: "host", nick: "Host", entered: true, roster: map[string]bool{"Host": true}}
	host.room = s.open(host.wire, "order", "open", field("muc#roomconfig_persistentroom", "1"))
	var guests []*guest
	for i := range 8 {
		g := &guest{name: fmt.Sprintf("g%d", i), room: host.room, roster: map[string]bool{}}
		g.wire = s.login(t, xmpp.MustParseJID(g.name+"@example.org"), "x")
		guests = append(guests, g)
	}
	var all sync.WaitGroup
	for i, g := range guests {
		all.Go(func() {
			for r := rand.New(rand.NewSource(int64(i))); g.n < 80; {
				g.act(r)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for r := rand.New(rand.NewSource(99)); ; {
		inside := slices.Sorted(maps.Keys(host.roster))
		if who := inside[r.Intn(len(inside))]; who != "Host" && r.Intn(30) == 0 {
			host.send(admin("set", "kick", host.room, "<item nick='"+who+"' role='none'/>"))
		}
		host.take(parse(t, host.fence()))
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	for range 2 { // what one's last words have brought about has reached all the others
		for _, g := range append([]*guest{host}, guests...) {
			g.take(parse(t, g.fence()))
		}
	}
	place := map[string]int{}
	for i, what := range host.log {
		if _, twice := place[what]; twice {
			t.Errorf("the host is told twice: %s", what)
		}
		place[what] = i
	}
	for _, g := range guests {
		last := -1
		for _, what := range g.log {
			i, known := place[what]
			if !known || i <= last {
				t.Fatalf("%s sees %q, which for the host is %d (%v), after %q", g.name, what, i, known, host.log[max(0, last)])
			}
			last = i
		}
		if g.nick != "" && !maps.Equal(g.roster, host.roster) {
			t.Errorf("%s believes that there are %v inside, the host %v", g.name, slices.Sorted(maps.Keys(g.roster)), slices.Sorted(maps.Keys(host.roster)))
		}
		if inside := host.roster[g.nick]; g.nick != "" && !inside {
			t.Errorf("%s believes itself inside as %s", g.name, g.nick)
		}
	}
	t.Logf("%d things happened, %d are inside", len(host.log), len(host.roster))
}
