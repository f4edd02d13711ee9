package history_test

import (
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// Whoever gets the address of an account that was deleted has nothing of it: not its messages, not its preferences.
func TestErased(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	jid := xmpp.MustParseJID("romeo@example.org")
	nurse := login(t, s, "nurse@example.org/kitchen")
	romeo := login(t, s, "romeo@example.org/laptop")
	archived(t, s, "romeo@example.org/laptop", "nurse@example.org", "before")
	romeo.send("<iq type='set' id='p'><prefs xmlns='" + nsMAM + "' default='never'/></iq>")
	if rows, _ := romeo.query(""); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	if err := s.Accounts.Delete(t.Context(), jid); err != nil {
		t.Fatal(err)
	}
	if err := s.Accounts.Add(t.Context(), jid, servertest.Password); err != nil {
		t.Fatal(err)
	}
	romeo = login(t, s, "romeo@example.org/laptop")
	nurse.send("<message to='romeo@example.org/laptop' type='chat' id='m'><body>after</body></message>")
	if p := <-romeo.got; !strings.Contains(p.Tail, "by='romeo@example.org'") {
		t.Errorf("it is not archived: %s", p.AppendTo(nil))
	}
	rows, _ := romeo.query("")
	if len(rows) != 1 || rows[0].message.ContentOf(xmpp.NSClient, "body") != "after" {
		t.Errorf("the archive has %v", rows)
	}
	if rows, _ := nurse.query(""); len(rows) != 2 {
		t.Errorf("the other's archive has %v", rows)
	}
}
