package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Gauges are some of a server's own metrics, as Prometheus reads them.
type Gauges map[string]float64

// gaugeSlack holds the metrics that are looked at, and by what share and how much more each may be afterwards than before.
// What counts things must come back, but for the few connections to its database that a server opens when it is busy; a heap is never the same twice.
var gaugeSlack = map[string]struct{ share, more float64 }{
	"palabre_sessions":              {},
	"palabre_c2s_connections":       {},
	"go_goroutines":                 {},
	"process_open_fds":              {0, 16},
	"go_memstats_heap_inuse_bytes":  {0.10, 16 << 20},
	"process_resident_memory_bytes": {0.10, 48 << 20},
}

// A GaugesReport compares a server's metrics before and after a run.
type GaugesReport struct {
	Before  Gauges  `json:"before"`
	After   Gauges  `json:"after"`
	Seconds float64 `json:"seconds"` // how long the server took to come back to where it was
}

// maxMetrics is the most that is read of an answer, in bytes.
const maxMetrics = 16 << 20

// readGauges reads the metrics; none if the run has no address to read them from.
func (r *Run) readGauges(ctx context.Context) (Gauges, error) {
	if r.Metrics == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Metrics, nil)
	if err != nil {
		return nil, fmt.Errorf("bench: metrics: %w", err)
	}
	req.Close = true // no connection is left over, which would count among the server's
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("bench: metrics: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("bench: metrics: %s answers %s", r.Metrics, resp.Status)
	}
	return parseGauges(io.LimitReader(resp.Body, maxMetrics))
}

// parseGauges reads the text format of Prometheus, of which it takes what has no labels.
func parseGauges(r io.Reader) (Gauges, error) {
	g := Gauges{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if _, wanted := gaugeSlack[name]; !wanted {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("bench: metrics: %s has the value %q", name, value)
		}
		g[name] = v
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("bench: metrics: %w", err)
	}
	if len(g) == 0 {
		return nil, fmt.Errorf("bench: metrics: there is none of those that are looked at")
	}
	return g, nil
}

// rest is how long after a warm-up a server is left alone before its memory is read.
const rest = 3 * time.Second

// restGauges gives the metrics after a warm-up, when everybody has gone and the server has had a moment to tidy up. What a server opens
// at its first login, such as connections to its database, is there then.
func (r *Run) restGauges(ctx context.Context, cold Gauges) (Gauges, error) {
	if cold == nil {
		return nil, nil
	}
	counts := Gauges{}
	for _, name := range []string{"palabre_sessions", "palabre_c2s_connections"} {
		counts[name] = cold[name]
	}
	if _, err := r.awaitGauges(ctx, counts); err != nil {
		return nil, err
	}
	if err := pause(ctx, rest); err != nil {
		return nil, err
	}
	return r.readGauges(ctx)
}

// settleGauges waits until the metrics are what they were before the load.
func (r *Run) settleGauges(ctx context.Context, before Gauges) error {
	if before == nil {
		return nil
	}
	r.Progress("waiting for the server to come back to where it was")
	start := time.Now()
	after, err := r.awaitGauges(ctx, before)
	r.Report.Metrics = &GaugesReport{before, after, time.Since(start).Seconds()}
	return err
}

// awaitGauges reads the metrics until they are no higher than they were; it is an error if that takes longer than a minute.
func (r *Run) awaitGauges(ctx context.Context, before Gauges) (Gauges, error) {
	for start := time.Now(); ; {
		after, err := r.readGauges(ctx)
		if err != nil {
			return nil, err
		}
		left := leftover(before, after)
		if left == "" {
			return after, nil
		}
		if time.Since(start) > backMost {
			return after, fmt.Errorf("bench: %v afterwards the server is not where it was: %s", backMost, left)
		}
		if err := pause(ctx, sampling); err != nil {
			return after, err
		}
	}
}

// leftover names a metric that is higher than it was, and nothing if there is none.
func leftover(before, after Gauges) string {
	for name, b := range before {
		if slack, a := gaugeSlack[name], after[name]; a > b*(1+slack.share)+slack.more {
			return fmt.Sprintf("%s is %.0f, and was %.0f", name, a, b)
		}
	}
	return ""
}
