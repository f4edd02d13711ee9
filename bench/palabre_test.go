package bench

import (
	"context"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/server/servertest"
)

// All scenarios against the real server, in this process.
func TestScenariosAgainstPalabre(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, func(c *daemon.Config) { c.Limits.Off = true })
	users, err := NumberedUsers("u", servertest.Domain, servertest.Password, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		s.Account(t, u.JID)
	}
	// One after the other, since they share the users; presence twice, the second time with the contacts of the first.
	for _, scenario := range []string{"connect", "chat", "presence", "presence", "churn"} {
		report, err := Do(context.Background(), Config{
			Scenario: scenario, Dialer: &Dialer{Address: s.Addr("c2s").String()}, Users: users, Units: 300,
			Warmup: time.Millisecond, Hold: time.Millisecond, Contacts: 5, Timeout: time.Minute,
		})
		if err != nil || report.Units == 0 {
			t.Errorf("%s: %v; report %+v", scenario, err, report)
		}
	}
}

// What has to do with acknowledgements and archives, too; each with users who have nothing yet.
func TestArchiveScenariosAgainstPalabre(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, func(c *daemon.Config) { c.Limits.Off = true })
	for scenario, check := range map[string]func(Report) bool{
		"chat":    func(r Report) bool { return r.Acks.Received > 0 && r.Acks.Latency.Count > 0 },
		"archive": func(r Report) bool { return r.Archive.Least == 150 && r.Archive.Filled == 300 },
		"follow":  func(r Report) bool { return r.Follow.Read >= r.Units },
		"unacked": func(r Report) bool { return r.Units == 3*20 && r.Acks.Missing == 0 },
	} {
		users, err := NumberedUsers(scenario, servertest.Domain, servertest.Password, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range users {
			s.Account(t, u.JID)
		}
		report, err := Do(context.Background(), Config{
			Scenario: scenario, Dialer: &Dialer{Address: s.Addr("c2s").String()}, Users: users, Units: 300, StreamManagement: true,
			Warmup: time.Millisecond, Hold: time.Millisecond, Fill: 150, Unacked: 20, Timeout: time.Minute,
		})
		if err != nil || !check(report) {
			t.Errorf("%s: %v; report %+v", scenario, err, report)
		}
	}
}

// Rooms, too: each message is in the archive of its room.
func TestRoomsAgainstPalabre(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, func(c *daemon.Config) { c.Limits.Off = true })
	users, err := NumberedUsers("u", servertest.Domain, servertest.Password, 12)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		s.Account(t, u.JID)
	}
	c := Config{Dialer: &Dialer{Address: s.Addr("c2s").String()}, Users: users, Warmup: time.Millisecond, Timeout: time.Minute}
	talk := c
	talk.Scenario, talk.Rooms, talk.Occupants, talk.Units, talk.StreamManagement = "muc", 2, 6, 600, true
	if report, err := Do(context.Background(), talk); err != nil || report.Units < 600 || uint64(report.Rooms.Archived) != report.Rooms.Sent {
		t.Errorf("%v; report %+v; rooms %+v", err, report, report.Rooms)
	}
	come := c
	come.Scenario, come.Occupants, come.Window = "enter", 6, 2
	if report, err := Do(context.Background(), come); err != nil || report.Units != 6 {
		t.Errorf("%v; report %+v", err, report)
	}
}
