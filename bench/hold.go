package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// hold is a crowd at the door: TLS connections that open a stream and never log in, while users do. It tells what the crowd
// takes of the server's memory, what it does to those who log in, and whether all is as before when it has gone.
type hold struct{}

func (hold) Name() string { return "hold" }
func (hold) About() string {
	return "TLS connections that never log in stand by while users log in and out"
}
func (hold) Unit() string { return "login and logout" }

func (hold) Users(_ *Config, given int) (int, error) { return connect{}.Users(nil, given) }

// A HoldReport is what is peculiar to the scenario hold. Times are in seconds, memory is in KiB.
type HoldReport struct {
	Wanted   int     `json:"wanted"`
	Refused  int     `json:"refused"`          // could not be opened
	Most     int     `json:"most"`             // stood there at once
	Sent     int     `json:"closed_by_server"` // were sent away before we let them go
	Opening  float64 `json:"opening_seconds"`
	Standing float64 `json:"standing_seconds"` // from the last one opened until none was left

	Growth      int64   `json:"growth_kib"`       // of the server's memory, at its most
	GrowthAfter int64   `json:"growth_after_kib"` // and when it had come back, or a minute after they had gone
	Back        float64 `json:"back_seconds"`     // how long that took

	// How long logins took: before the crowd came, while it came, and while it stood.
	Alone    Latencies `json:"alone"`
	Arriving Latencies `json:"arriving"`
	Crowded  Latencies `json:"crowded"`
}

// Latencies are quantiles, in microseconds.
type Latencies struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_us"`
	P99   float64 `json:"p99_us"`
	Worst float64 `json:"worst_us"`
}

func (h *Histogram) latencies() Latencies {
	return Latencies{h.Count(), micros(h.Quantile(0.5)), micros(h.Quantile(0.99)), micros(h.Quantile(1))}
}

const (
	holdRate = 20               // logins a second, if the run says nothing else
	holdMost = 90 * time.Second // then whoever the server has not sent away goes by itself
	backMost = time.Minute      // how long the server has to come back to where it was
)

func (hold) Run(ctx context.Context, r *Run) (err error) {
	r.Report.Parallel = r.Parallel
	h := &HoldReport{Wanted: r.Connections}
	r.Report.Hold = h
	cold, err := r.readGauges(ctx)
	if err != nil {
		return err
	}
	if err := r.warmLogins(ctx); err != nil {
		return err
	}
	before, err := r.restGauges(ctx, cold)
	if err != nil {
		return err
	}
	m, err := startMeter(&r.Config)
	if err != nil {
		return err
	}
	defer m.abort()
	p := r.startProbes(ctx)
	c := newCrowd(r)
	err = errors.Join(h.stand(ctx, r, c, p), c.leave())
	err = errors.Join(err, p.end())
	if err == nil {
		err = m.end(&r.Report, p.total())
	}
	if err != nil {
		return err
	}
	h.Most, h.Sent, h.Refused = c.figures()
	h.Growth = r.Report.RSSPeak - r.Report.RSSBefore
	h.Alone, h.Arriving, h.Crowded = p.alone.latencies(), p.arriving.latencies(), p.crowded.latencies()
	r.Report.P50, r.Report.P99 = h.Crowded.P50, h.Crowded.P99
	if err := h.comeBack(ctx, r); err != nil {
		return err
	}
	return r.settleGauges(ctx, before)
}

// stand has the crowd come, and stay until the server has sent everybody away.
func (h *HoldReport) stand(ctx context.Context, r *Run, c *crowd, p *probes) error {
	r.Progress("%.0f logins a second, alone for %v", p.rate, r.Warmup)
	if err := pause(ctx, r.Warmup); err != nil {
		return err
	}
	p.now.Store(&p.arriving)
	r.Progress("%d connections come, %d at once", r.Connections, r.Parallel)
	start := time.Now()
	if err := r.each(r.Connections, func(int) error { return c.come(ctx) }); err != nil {
		return err
	}
	h.Opening = time.Since(start).Seconds()
	p.now.Store(&p.crowded)
	most, sent, refused := c.figures()
	r.Progress("%d stand there, %d were refused, %d have been sent away already", most, refused, sent)
	start = time.Now()
	err := c.await(ctx, holdMost)
	h.Standing = time.Since(start).Seconds()
	return err
}

// keeps is what a runtime may keep for the next crowd, in KiB: Go does not give back the descriptors of ended goroutines, nor the tables of maps.
const keeps = 20 << 10

// comeBack waits until the server has given back all but a tenth of the memory that the crowd took, or nearly nothing.
func (h *HoldReport) comeBack(ctx context.Context, r *Run) error {
	if len(r.Server) == 0 {
		return nil
	}
	r.Progress("they are gone; the server's memory comes back")
	for start := time.Now(); ; {
		now, err := r.Proc.Tree(r.Server...)
		if err != nil {
			return err
		}
		h.GrowthAfter, h.Back = now.RSS-r.Report.RSSBefore, time.Since(start).Seconds()
		if h.GrowthAfter <= max(h.Growth/10, keeps) {
			return nil
		}
		if time.Since(start) > backMost {
			return fmt.Errorf("bench: %v after the connections have gone, the server has kept %d of %d KiB", backMost, h.GrowthAfter, h.Growth)
		}
		if err := pause(ctx, sampling); err != nil {
			return err
		}
	}
}
