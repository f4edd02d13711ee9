package bench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// probes are users who log in and out at a fixed rate, whatever the server does. How long a login takes counts from when it was due.
type probes struct {
	run  *Run
	rate float64
	stop context.CancelFunc
	wg   sync.WaitGroup

	alone, arriving, crowded Histogram
	now                      atomic.Pointer[Histogram] // where logins that are due now are counted

	mu    sync.Mutex // leaf
	first error
}

// maxProbes is how many logins may be under way; if that is not enough, the server does not let users in any more.
const maxProbes = 1000

func (r *Run) startProbes(ctx context.Context) *probes {
	p := &probes{run: r, rate: r.Rate}
	if p.rate == 0 {
		p.rate = holdRate
	}
	r.Report.OpenRate = p.rate
	p.now.Store(&p.alone)
	pacing, stop := context.WithCancel(ctx)
	p.stop = stop
	p.wg.Go(func() { p.pace(pacing, ctx) })
	return p
}

// pace begins logins until ctx ends; those that are under way then are brought to their end, but for the end of the run.
func (p *probes) pace(ctx, run context.Context) {
	interval := time.Duration(float64(time.Second) / p.rate)
	free := make(chan struct{}, maxProbes)
	due := time.Now()
	for i := 0; ; i++ {
		if wait := time.Until(due); wait > 0 && pause(ctx, wait) != nil || ctx.Err() != nil {
			return
		}
		select {
		case free <- struct{}{}:
		default:
			p.fail(errors.New("bench: a thousand users wait to log in"))
			return
		}
		into, began, user := p.now.Load(), due, p.run.Users[i%len(p.run.Users)]
		p.wg.Go(func() {
			p.probe(run, user, into, began)
			<-free
		})
		due = due.Add(interval)
	}
}

// probe is one login.
func (p *probes) probe(ctx context.Context, u User, into *Histogram, due time.Time) {
	s, err := p.run.Dialer.Login(ctx, u, ignore)
	if err == nil {
		into.Add(time.Since(due))
		err = s.Close()
	}
	p.fail(err)
}

func (p *probes) fail(err error) {
	if err == nil {
		return
	}
	p.mu.Lock()
	if p.first == nil {
		p.first = err
	}
	p.mu.Unlock()
	p.run.fail(err)
}

// end waits for the logins that are under way; the error is the first one's that did not work.
func (p *probes) end() error {
	p.stop()
	p.wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first
}

func (p *probes) total() uint64 { return p.alone.Count() + p.arriving.Count() + p.crowded.Count() }
