package attack

import (
	"fmt"
	"strings"
	"testing"

	"palabre/stream"
	"palabre/xmpp"
)

// TestF12Room (CVE-2010-0305): in a room where one of many does not read, the others get everything, in one order, and are not held up; what waits for the one is bounded, and
// then it leaves.
func TestF12Room(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host := s.login(t, juliet, "balcony")
	room := s.open(host, "many", "open", field("muc#roomconfig_whois", "anyone"))
	deaf := s.login(t, mallory, "asleep")
	must(t, deaf.tcp().SetReadBuffer(4096))
	deaf.enters(room, "Mallory")
	session := s.Host.Online(mallory).Session("asleep")
	others := make([]*wire, 10)
	for i := range others {
		others[i] = s.login(t, xmpp.MustParseJID(fmt.Sprintf("other%d@example.org", i)), "x")
		others[i].send("<presence to='" + room + fmt.Sprintf("/Other %d'><x xmlns='%s'><history maxchars='0'/></x></presence>", i, nsEnter))
		others[i].fence()
	}
	host.fence()
	for _, w := range others {
		w.fence()
	}
	body := strings.Repeat("x", 20<<10)
	most, n := 0, 0
	for ; !session.IsClosed() && n < 2000; n++ {
		host.send(fmt.Sprintf("<message type='groupchat' id='m%dm' to='%s'><body>%s</body></message>", n, room, body))
		host.until(fmt.Sprintf("id='m%dm'", n))
		most = max(most, s.C2S.QueuedBytes())
		if n%20 == 19 {
			host.fence()
		}
	}
	if !session.IsClosed() {
		t.Errorf("after %d messages the one who does not read is inside yet", n)
	}
	if bound := 2<<20 + stream.AfterLogin.Bytes + len(others)<<20; most > bound {
		t.Errorf("%d bytes waited, and %d may", most, bound)
	}
	told := ""
	for i, w := range others {
		all := w.fence()
		if i == 1 {
			told = all
		}
		got := of("message", parse(t, all))
		if len(got) != n {
			t.Fatalf("the %dth gets %d messages of %d", i, len(got), n)
		}
		for j, m := range got {
			if m.attr("id") != fmt.Sprintf("m%dm", j) {
				t.Fatalf("the %dth gets %s in place %d", i, m.attr("id"), j)
			}
		}
	}
	<-session.Gone()
	others[0].says(room, "afterwards")
	if told += others[1].until("id='afterwards'"); !strings.Contains(told, "<presence type='unavailable'") {
		t.Error("nobody is told that it has left")
	}
}
