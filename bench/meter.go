package bench

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sampling is how often memory is read for its peak.
const sampling = 250 * time.Millisecond

// A meter measures what the server and its database use from its start to its end.
type meter struct {
	c                *Config
	began            time.Time
	server, database Usage // at the start
	own, busy        time.Duration

	peak atomic.Int64
	stop chan struct{}
	wg   sync.WaitGroup // the sampler
}

// startMeter reads where the meter starts from. The meter has a goroutine until its end or abort.
func startMeter(c *Config) (*meter, error) {
	m := &meter{c: c, stop: make(chan struct{})}
	var err error
	if m.server, err = c.Proc.Tree(c.Server...); err != nil {
		return nil, err
	}
	if m.database, err = c.Proc.Tree(c.Database...); err != nil {
		return nil, err
	}
	if m.own, m.busy, err = machine(c); err != nil {
		return nil, err
	}
	m.peak.Store(m.server.RSS)
	m.wg.Go(m.sample)
	m.began = time.Now()
	return m, nil
}

func (m *meter) sample() {
	tick := time.NewTicker(sampling)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
			if u, err := m.c.Proc.Tree(m.c.Server...); err == nil { // else the end finds the same error
				m.peak.Store(max(m.peak.Load(), u.RSS))
			}
		}
	}
}

// abort ends the meter without a result. It does nothing after end.
func (m *meter) abort() {
	select {
	case <-m.stop:
	default:
		close(m.stop)
	}
	m.wg.Wait()
}

// end writes into the report what was used for so many units.
func (m *meter) end(r *Report, units uint64) error {
	elapsed := time.Since(m.began)
	server, err := m.c.Proc.Tree(m.c.Server...)
	if err != nil {
		return err
	}
	database, err := m.c.Proc.Tree(m.c.Database...)
	if err != nil {
		return err
	}
	own, busy, err := machine(m.c)
	if err != nil {
		return err
	}
	m.abort()
	measured := server.Sub(m.server).CPU + database.Sub(m.database).CPU + own - m.own
	r.ToolCores = (own - m.own).Seconds() / elapsed.Seconds()
	r.OtherCores = max(0, (busy-m.busy-measured).Seconds()/elapsed.Seconds())
	r.Units, r.Seconds = units, elapsed.Seconds()
	r.Rate = float64(units) / elapsed.Seconds()
	r.ServerCPU = perUnit(server.Sub(m.server).CPU, units)
	r.DatabaseCPU = perUnit(database.Sub(m.database).CPU, units)
	r.CPU = r.ServerCPU + r.DatabaseCPU
	r.RSSBefore, r.RSSAfter = m.server.RSS, server.RSS
	r.RSSPeak = max(m.peak.Load(), server.RSS)
	return nil
}

// machine gives the processor time of this process and of all there are; nothing for a server that is elsewhere.
func machine(c *Config) (own, busy time.Duration, err error) {
	if len(c.Server) == 0 {
		return 0, 0, nil
	}
	if busy, err = c.Proc.Busy(); err != nil {
		return 0, 0, err
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0, fmt.Errorf("bench: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), busy, nil
}
