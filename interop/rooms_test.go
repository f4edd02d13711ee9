package interop

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// slixmpp and Profanity are in one room, over a stop and a crash of the server. The script says what happens, and has Juliet, who uses Profanity, take part.
func TestRooms(t *testing.T) {
	t.Parallel()
	needSlixmpp(t)
	need(t, "tmux")
	need(t, "profanity")
	eachProcess(t, func(t *testing.T, p *process) {
		w := newWay(t, net.JoinHostPort(p.host, p.port))
		juliet := &roomGuest{terminal: profanity(t)}
		juliet.login("juliet", w.host, w.port)
		script{"slixmpp_rooms.py", p.host, p.port, p.ca}.play(t, func(what string) {
			if does, ok := strings.CutPrefix(what, "juliet "); ok {
				juliet.obey(does)
			} else {
				p.obey(t, what)
			}
		})
	})
}

// A roomGuest is a Profanity that a script has do things.
type roomGuest struct {
	*terminal
	returned int
}

func (g *roomGuest) obey(what string) {
	g.t.Helper()
	verb, rest, _ := strings.Cut(what, " ")
	switch verb {
	case "types":
		g.types("%s", rest)
	case "shows":
		g.shows(rest)
	case "returns":
		g.returned++
		g.showsTimes(g.returned, "Connection re-established")
	case "has":
		n, err := strconv.Atoi(strings.TrimPrefix(rest, "seen "))
		must(g.t, err)
		g.hasSeen(n)
	default:
		g.t.Fatalf("%q can't be done by Juliet", what)
	}
}

// hasSeen waits for the last of so many lines, and checks that all are on the screen, once each and in their order.
func (g *roomGuest) hasSeen(n int) {
	g.t.Helper()
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint(": line ", i+1))
	}
	g.shows(want[n-1])
	screen := g.screen()
	if got := regexp.MustCompile(`: line \d+`).FindAllString(screen, -1); !slices.Equal(got, want) {
		g.t.Errorf("Juliet sees %q:\n%s", got, screen)
	}
}
