package bench

import (
	"fmt"
	"time"
)

// A Report is the outcome of a run, one line of JSON. Times a unit are in microseconds, memory is in KiB.
type Report struct {
	Scenario string    `json:"scenario"`
	Began    time.Time `json:"began"`
	Address  string    `json:"address"`
	Users    int       `json:"users"`
	Senders  int       `json:"senders,omitempty"` // 0: all users
	Window   int       `json:"window,omitempty"`
	OpenRate float64   `json:"open_rate,omitempty"`
	Body     int       `json:"body,omitempty"`
	Contacts int       `json:"contacts,omitempty"`
	Rounds   int       `json:"rounds,omitempty"`
	Parallel int       `json:"parallel,omitempty"`

	// What was done while it was measured. A unit is a message or presence delivered, a login, or a page.
	Unit    string  `json:"unit"`
	Units   uint64  `json:"units"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"` // units a second

	// What it cost: server and database together, then each.
	CPU         float64 `json:"cpu_us_per_unit"`
	ServerCPU   float64 `json:"server_cpu_us_per_unit"`
	DatabaseCPU float64 `json:"database_cpu_us_per_unit"`

	// How many processors this tool and everything else than server, database and tool kept busy meanwhile. Other work makes
	// a server's units cost more, too: caches are cold, and what comes in smaller portions is handled in smaller ones.
	ToolCores  float64 `json:"tool_cores"`
	OtherCores float64 `json:"other_cores"`

	// Memory of the server, when measuring began and ended, and the most that was seen between.
	RSSBefore     int64   `json:"rss_before_kib"`
	RSSAfter      int64   `json:"rss_after_kib"`
	RSSPeak       int64   `json:"rss_peak_kib"`
	RSSPerSession float64 `json:"rss_per_session_kib,omitempty"` // connect: of an idle one; unacked: what it has grown by

	// From when a unit was sent, or was due in an open loop, until it arrived; for a login or a page, how long it took.
	P50 float64 `json:"latency_p50_us"`
	P99 float64 `json:"latency_p99_us"`

	Hold    *HoldReport    `json:"hold,omitempty"`
	Metrics *GaugesReport  `json:"metrics,omitempty"` // churn, hold
	Acks    *AcksReport    `json:"acks,omitempty"`    // with stream management
	Archive *ArchiveReport `json:"archive,omitempty"`
	Follow  *FollowReport  `json:"follow,omitempty"`
	Rooms   *RoomsReport   `json:"rooms,omitempty"`   // muc, enter
	Unacked int            `json:"unacked,omitempty"` // messages in each session without an acknowledgement

	Faults
	Error string `json:"error,omitempty"`
}

func (r *Report) latencies(h *Histogram) {
	r.P50 = micros(h.Quantile(0.50))
	r.P99 = micros(h.Quantile(0.99))
}

// perUnit gives what one of n cost, in microseconds.
func perUnit(d time.Duration, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return micros(d) / float64(n)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// String is the report for people.
func (r *Report) String() string {
	s := fmt.Sprintf("%s: %d units (%s) in %.1f s, %.0f/s; latency p50 %.1f ms, p99 %.1f ms",
		r.Scenario, r.Units, r.Unit, r.Seconds, r.Rate, r.P50/1000, r.P99/1000)
	if r.RSSBefore > 0 {
		s += fmt.Sprintf("; CPU %.1f µs a unit (of it database %.1f); server memory %d KiB, peak %d; other work %.1f cores", r.CPU, r.DatabaseCPU, r.RSSAfter, r.RSSPeak, r.OtherCores)
	}
	if r.RSSPerSession != 0 {
		s += fmt.Sprintf(", %.1f KiB a session", r.RSSPerSession)
	}
	if a := r.Acks; a != nil && a.Latency.Count > 0 {
		s += fmt.Sprintf("; acknowledged p50 %.1f ms, p99 %.1f ms (%d acknowledgements)", a.Latency.P50/1000, a.Latency.P99/1000, a.Received)
	}
	if f := r.Follow; f != nil {
		s += fmt.Sprintf("; followed through %d pages: %d read, %v", f.Pages, f.Read, f.Faults)
	}
	return s
}
