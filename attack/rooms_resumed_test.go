package attack

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"palabre/xmpp"
)

// A listener is a phone in a room, and what it has heard there.
type roomListener struct {
	*phone
	away  bool
	heard []string
}

// hear takes in what has come.
func (l *roomListener) hear(all []node) {
	for _, n := range all {
		if n.XMLName.Local == "message" && n.has("body") {
			l.heard = append(l.heard, n.attr("id"))
		}
		if n.XMLName.Local == "presence" && n.attr("type") == "unavailable" {
			l.t.Errorf("there comes %v", n)
		}
	}
}

// TestF12Resumed: people in a room lose their connections and come back, and the server is started again in the midst of it: nobody leaves, nobody enters again, and everybody
// hears everything once, in its order.
func TestF12Resumed(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"open", "group"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			s := start(t, limitsOff)
			host := &roomListener{phone: s.phone(t, juliet, "balcony")}
			room := s.open(host.wire, "resumed", preset)
			var all []*roomListener
			for i := range 5 {
				user := xmpp.MustParseJID(fmt.Sprintf("listener%d@example.org", i))
				host.admits(room, user)
				l := &roomListener{phone: s.phone(t, user, "phone")}
				l.send(enter(room, fmt.Sprint("Listener ", i)))
				l.take()
				all = append(all, l)
			}
			host.drop() // what has come so far it has not counted, and does not want
			host.wire = s.login(t, juliet, "balcony")
			host.enable("")
			host.got = 0
			host.send(enter(room, "Host"))
			host.take()
			for _, l := range all {
				l.take()
			}
			r := rand.New(rand.NewSource(1))
			n := 0
			for round := range 30 {
				for range 1 + r.Intn(4) {
					host.send(fmt.Sprintf("<message type='groupchat' id='m%d' to='%s'><body>%s</body></message>", n, room, secretBody))
					n++
				}
				host.hear(host.take())
				for _, l := range all {
					switch k := r.Intn(4); {
					case l.away && k < 3:
						l.resume()
						l.away = false
					case !l.away && k == 0:
						l.drop()
						l.away = true
					case !l.away && k < 3:
						l.hear(l.take())
					}
				}
				if round == 10 || round == 20 {
					s.Restart(t)
					host.resume()
					for _, l := range all {
						l.away = true
					}
				}
			}
			for _, l := range append(all, host) {
				if l.away {
					l.resume()
				}
				l.hear(l.take())
				if len(l.heard) != n {
					t.Errorf("%s hears %d messages of %d: %v", l.user, len(l.heard), n, l.heard)
				}
				for i, id := range l.heard {
					if id != fmt.Sprint("m", i) {
						t.Fatalf("%s hears %s in place %d", l.user, id, i)
					}
				}
				l.send(say(room, "m"+fmt.Sprint(n)))
				if got := l.take(); strings.Contains(fmt.Sprint(got), "error") {
					t.Errorf("%s is not inside any more: %v", l.user, got)
				}
				n++
				for _, other := range append(all, host) {
					if other != l {
						if !other.away {
							other.hear(other.take())
						}
					} else {
						l.heard = append(l.heard, fmt.Sprint("m", n-1))
					}
				}
			}
		})
	}
}
