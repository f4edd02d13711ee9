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
	most, n, told := 0, 0, ""
	for ; !session.IsClosed() && n < 2000; n++ {
		host.send(fmt.Sprintf("<message type='groupchat' id='m%dm' to='%s'><body>%s</body></message>", n, room, body))
		for i, w := range append([]*wire{host}, others...) {
			got := w.until("</message>")
			if !strings.Contains(got, fmt.Sprintf("id='m%dm'", n)) || strings.Count(got, "<message ") != 1 {
				t.Fatalf("the %dth gets, as message %d, %.500s", i, n, got)
			}
			if i == 1 {
				told += got[:strings.Index(got, "<message")]
			}
		}
		most = max(most, s.C2S.QueuedBytes())
	}
	if !session.IsClosed() {
		t.Errorf("after %d messages the one who does not read is inside yet", n)
	}
	if bound := 1<<20 + (1+len(others))*2*len(body) + stream.AfterLogin.Bytes; most > bound {
		t.Errorf("%d bytes waited, and %d may", most, bound)
	}
	<-session.Gone()
	host.send(say(room, "afterwards"))
	if told += others[0].until("</message>") + host.fence(); !strings.Contains(told, "<presence type='unavailable'") {
		t.Error("nobody is told that it has left")
	}
}
