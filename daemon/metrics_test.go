package daemon_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// scrape reads /metrics as Prometheus does.
func scrape(t *testing.T, s *servertest.Server) (text []byte, values map[string]float64) {
	t.Helper()
	resp, err := http.Get("http://" + s.Addr("metrics").String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	values = map[string]float64{}
	for line := range strings.Lines(string(text)) {
		i := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		if values[line[:i]], err = strconv.ParseFloat(strings.TrimSpace(line[i:]), 64); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	return text, values
}

// await scrapes until a value is what it must become.
func await(t *testing.T, s *servertest.Server, name string, want float64) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, values := scrape(t, s)
		if values[name] == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v, not %v", name, values[name], want)
		}
	}
}

func startWithMetrics(t *testing.T) *servertest.Server {
	t.Helper()
	return servertest.StartWith(t, func(c *daemon.Config) { c.Listen.Metrics = []string{"127.0.0.1:0"} })
}

// Each metric has the value that a short conversation gives it.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := startWithMetrics(t)
	romeo, juliet := xmpp.MustParseJID("romeo@example.org"), xmpp.MustParseJID("juliet@example.org")
	r, err := s.Login(t, romeo, "orchard")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Drop()
	j, err := s.Login(t, juliet, "balcony")
	if err != nil {
		t.Fatal(err)
	}
	defer j.Drop()
	for _, st := range []string{"<presence/>", "<message to='juliet@example.org/balcony' type='chat'><body>hi</body></message>"} {
		if err := r.Send(st); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Fence(); err != nil {
		t.Fatal(err)
	}
	failLogin(t, s, "PLAIN", "AHJvbWVvAHdyb25n")
	failLogin(t, s, "MADE-UP-"+strings.Repeat("x", 20), "")
	if raw, err := tls.Dial("tcp", s.Addr("c2s_tls").String(), &tls.Config{ServerName: "example.org"}); err == nil { // the certificate is not trusted
		_ = raw.Close()
		t.Fatal("the self-signed certificate is trusted")
	}
	await(t, s, "palabre_c2s_handshake_failures_total", 1)
	await(t, s, "palabre_c2s_connections", 2)

	_, values := scrape(t, s)
	for name, want := range map[string]float64{
		"palabre_sessions": 2, "palabre_c2s_accepted_total": 5, "palabre_c2s_evicted_total": 0, "palabre_c2s_panics_total": 0, "palabre_c2s_queue_bytes": 0,
		`palabre_stanzas_total{direction="in",kind="message"}`: 1, `palabre_stanzas_total{direction="out",kind="message"}`: 1,
		`palabre_stanzas_total{direction="in",kind="presence"}`: 1, `palabre_stanzas_total{direction="out",kind="presence"}`: 1,
		`palabre_stanzas_total{direction="in",kind="iq"}`: 1, `palabre_stanzas_total{direction="out",kind="iq"}`: 1,
		`palabre_logins_total{mechanism="PLAIN",result="success"}`: 2, `palabre_logins_total{mechanism="PLAIN",result="not-authorized"}`: 1,
		`palabre_logins_total{mechanism="other",result="invalid-mechanism"}`: 1,
		"palabre_store_refused_total":                                        0, "palabre_store_waiting": 0, "palabre_store_away": 0,
	} {
		if got, there := values[name]; !there || got != want {
			t.Errorf("%s is %v (there: %v), not %v", name, got, there, want)
		}
	}
	if n := values["palabre_store_commit_seconds_count"]; n < 2 || values["palabre_store_commit_seconds_sum"] <= 0 ||
		values[`palabre_store_commit_seconds_bucket{le="+Inf"}`] != n || values["palabre_store_batch_passages_count"] != n {
		t.Errorf("%v commits; %v", n, values["palabre_store_commit_seconds_sum"])
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "process_resident_memory_bytes", "process_open_fds"} {
		if values[name] <= 0 {
			t.Errorf("%s is %v", name, values[name])
		}
	}
}

// failLogin has a stream of its own try one mechanism.
func failLogin(t *testing.T, s *servertest.Server, mechanism, initial string) {
	t.Helper()
	c, err := s.Connect(servertest.Domain)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Drop()
	if err := c.Send(fmt.Sprintf("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>%s</auth>", mechanism, initial)); err != nil {
		t.Fatal(err)
	}
	if e, err := c.Next(); err != nil || e.Name.Local != "failure" {
		t.Fatalf("%s: %v %v", mechanism, e, err)
	}
}

// The names are an interface: dashboards and alarms hold them.
var metricNames = []string{
	"palabre_c2s_accepted_total", "palabre_c2s_connections", "palabre_c2s_evicted_total", "palabre_c2s_handshake_failures_total",
	"palabre_c2s_panics_total", "palabre_c2s_queue_bytes", "palabre_logins_total", "palabre_mail_connections_total", "palabre_mail_deferred_total",
	"palabre_mail_queued_total", "palabre_mail_recipients_total", "palabre_mail_relay_away", "palabre_mail_waiting", "palabre_resumed_total", "palabre_resumption_refused_total",
	"palabre_sessions", "palabre_sessions_restored", "palabre_sessions_waiting", "palabre_stanzas_total",
	"palabre_store_away", "palabre_store_batch_passages", "palabre_store_commit_seconds", "palabre_store_refused_total", "palabre_store_waiting",
}

// What is shown keeps to the naming of Prometheus, and each has a text that explains it.
func TestMetricsAreWellNamed(t *testing.T) {
	t.Parallel()
	s := startWithMetrics(t)
	failLogin(t, s, "PLAIN", "AHJvbWVvAHdyb25n")
	text, _ := scrape(t, s)
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); f[0] == "#" && f[1] == "TYPE" && strings.HasPrefix(f[2], "palabre_") {
			names = append(names, f[2])
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, metricNames) {
		t.Errorf("the metrics are\n%v, not\n%v", names, metricNames)
	}
}
