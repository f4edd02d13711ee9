package resumption_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"palabre/account"
	"palabre/resumption"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// TestManySessions restarts a server with 10,000 sessions, each with some stanzas that its client has not acknowledged, and one that can't be read.
func TestManySessions(t *testing.T) {
	t.Parallel()
	const accounts, each = 1000, 10
	s := servertest.Start(t)
	made := make([]account.Account, accounts)
	var rows []resumption.Row
	for i := range made {
		made[i].JID = address(fmt.Sprint("user", i))
		for n := range each {
			rows = append(rows, row(t, s, made[i].JID, n))
		}
	}
	if n, err := s.Store.CreateMany(t.Context(), made); n != accounts || err != nil {
		t.Fatalf("%d accounts: %v", n, err)
	}
	rows[7].Session = []byte("{")
	rows[8].ID = "another's"
	must(t, s.Store.SaveSessions(t.Context(), rows))

	start := time.Now()
	s.Restart(t)
	restored := time.Since(start)
	if n := s.Host.Stats.Sessions(); n != accounts*each-2 {
		t.Fatalf("%d sessions", n)
	}
	left, err := s.Host.Sessions()[0].Saved()
	if !err || len(left.Left) != 6 || left.Told != 5 {
		t.Errorf("a session: %+v", left)
	}
	start = time.Now()
	s.Restart(t)
	both := time.Since(start)
	if n := s.Host.Stats.Sessions(); n != accounts*each-2 {
		t.Errorf("%d sessions", n)
	}
	t.Logf("restored in %v, saved and restored in %v", restored, both)
}

// row is a session with presence, and five stanzas of some kind and one of the archive.
func row(t *testing.T, s *servertest.Server, owner xmpp.JID, n int) resumption.Row {
	t.Helper()
	full, err := owner.WithResource(fmt.Sprint("phone", n))
	must(t, err)
	in := server.Saved{JID: full.String(), ID: s.Host.NewID(), Since: time.Now(), Told: 5, Sent: 6, Acked: 3, Modules: map[string][]byte{"carbons": []byte("1"), "resumption": []byte("600")}}
	for i := range 5 {
		in.Left = append(in.Left, server.SavedPacket{XML: fmt.Sprintf("<presence from='user%d@example.org/x' to='%s'><show>away</show><status>%0150d</status></presence>", i, full, i)})
	}
	in.Left = append(in.Left, server.SavedPacket{Mark: 1})
	state, err := json.Marshal(in)
	must(t, err)
	return resumption.Row{Account: owner, ID: in.ID, Handled: 5, At: time.Now(), Session: state}
}
