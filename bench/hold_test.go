package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/server/servertest"
)

// A crowd stands at the real server's door until its deadline, while users go in and out.
func TestHoldAgainstPalabre(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, func(c *daemon.Config) { c.Tuning.Login = 3 * time.Second })
	users, err := NumberedUsers("u", servertest.Domain, servertest.Password, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		s.Account(t, u.JID)
	}
	for _, d := range []*Dialer{{Address: s.Addr("c2s").String()}, {Address: s.Addr("c2s_tls").String(), Direct: true}} {
		report, err := Do(context.Background(), Config{
			Scenario: "hold", Dialer: d, Users: users, Connections: 20, Rate: 20, Warmup: 200 * time.Millisecond, Timeout: time.Minute,
		})
		if err != nil {
			t.Fatalf("%v; report %+v", err, report)
		}
		h := report.Hold
		if h.Wanted != 20 || h.Most == 0 || h.Sent != 20 || h.Refused != 0 || h.Opening == 0 || h.Standing == 0 {
			t.Errorf("the crowd: %+v", h)
		}
		if h.Alone.Count == 0 || h.Crowded.Count == 0 || h.Crowded.P99 < h.Crowded.P50 || report.Units < h.Crowded.Count || report.P99 != h.Crowded.P99 {
			t.Errorf("the logins: %+v", h)
		}
	}
}

// Where nobody is let in, or users can't log in, the run says so and ends.
func TestHoldAtAClosedDoor(t *testing.T) {
	t.Parallel()
	users, err := NumberedUsers("u", "example.org", "p", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Do(context.Background(), Config{Scenario: "hold", Dialer: &Dialer{Address: "127.0.0.1:1"}, Users: users, Connections: 3, Timeout: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

// The metrics are read until they are what they were.
func TestGaugesSettle(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	sessions := []int{3, 9, 3}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := asked.Add(1) - 1
		fmt.Fprintf(w, "# HELP palabre_sessions Sessions.\npalabre_sessions %d\npalabre_stanzas_total{kind=\"iq\"} 7\ngo_memstats_heap_inuse_bytes 1.5e+06\n", sessions[n])
	}))
	defer server.Close()
	r := &Run{Config: Config{Metrics: server.URL, Progress: func(string, ...any) {}}}
	before, err := r.readGauges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.settleGauges(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if m := r.Report.Metrics; asked.Load() != 3 || m.Before["palabre_sessions"] != 3 || m.After["palabre_sessions"] != 3 || m.After["go_memstats_heap_inuse_bytes"] != 1.5e6 || len(m.After) != 2 {
		t.Errorf("asked %d times; %+v", asked.Load(), m)
	}
}

func TestGaugesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "<html>no metrics</html>", "palabre_sessions many\n", "palabre_sessions\n"} {
		if g, err := parseGauges(strings.NewReader(text)); err == nil {
			t.Errorf("%q: %v", text, g)
		}
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := (&Run{Config: Config{Metrics: server.URL}}).readGauges(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}

// What counts must come back wholly, memory nearly.
func TestLeftover(t *testing.T) {
	t.Parallel()
	before := Gauges{"palabre_sessions": 0, "go_goroutines": 40, "process_open_fds": 20, "go_memstats_heap_inuse_bytes": 100 << 20}
	for name, c := range map[string]struct {
		after Gauges
		want  string
	}{
		"the same":                     {before, ""},
		"less":                         {Gauges{"go_goroutines": 39, "go_memstats_heap_inuse_bytes": 50 << 20}, ""},
		"a little memory":              {Gauges{"go_goroutines": 40, "go_memstats_heap_inuse_bytes": 125 << 20}, ""},
		"a goroutine more":             {Gauges{"go_goroutines": 41}, "go_goroutines is 41, and was 40"},
		"much memory":                  {Gauges{"go_memstats_heap_inuse_bytes": 127 << 20}, "go_memstats_heap_inuse_bytes is"},
		"a connection to the database": {Gauges{"process_open_fds": 24}, ""},
		"files":                        {Gauges{"process_open_fds": 37}, "process_open_fds is 37, and was 20"},
		"a session":                    {Gauges{"palabre_sessions": 1}, "palabre_sessions is 1, and was 0"},
	} {
		if got := leftover(before, c.after); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
