package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Scenario is one kind of load.
type Scenario interface {
	Name() string
	About() string // one line for people
	Unit() string  // what is counted
	// Users is how many users a run takes, with so many given; an error if they are too few or the wrong number.
	Users(c *Config, given int) (int, error)
	// Run logs in, brings the server into the state from which the load starts, loads it, measures, checks and logs out.
	// All but the load itself is outside of what is measured.
	Run(ctx context.Context, r *Run) error
}

// Scenarios lists all scenarios, in the order in which people read of them.
func Scenarios() []Scenario {
	return []Scenario{connect{}, chat{}, muc{}, enter{}, presence{}, churn{}, hold{}, archive{}, follow{}, unacked{}}
}

// ErrFaults says that something did not arrive exactly once and in order. The report has the numbers.
var ErrFaults = errors.New("bench: not everything arrived exactly once and in order")

// A Run is one run of a scenario.
type Run struct {
	Config
	ID     string // different in each run
	Report Report

	epoch time.Time
	fail  context.CancelCauseFunc
	every uint64 // with stream management: ask the server after so many stanzas
}

// Do does a run. The report is filled in as far as the run came, also when there is an error.
func Do(ctx context.Context, c Config) (Report, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Report{}, err
	}
	all := Scenarios()
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name() == c.Scenario })
	if i < 0 {
		return Report{}, fmt.Errorf("bench: there is no scenario %q", c.Scenario)
	}
	n, err := all[i].Users(&c, len(c.Users))
	if err != nil {
		return Report{}, fmt.Errorf("bench: %s: %w", c.Scenario, err)
	}
	c.Users = c.Users[:n]
	run := &Run{Config: c, ID: newID(), epoch: time.Now(), every: askEvery}
	run.Report = Report{Scenario: c.Scenario, Began: run.epoch.UTC(), Address: c.Dialer.Address, Users: n, Unit: all[i].Unit()}

	ctx, stop := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("bench: not finished within %v", c.Timeout))
	defer stop()
	ctx, run.fail = context.WithCancelCause(ctx)
	defer run.fail(nil)
	err = all[i].Run(ctx, run)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err == nil && run.Report.Faults.Any() {
		err = fmt.Errorf("%w: %v", ErrFaults, run.Report.Faults)
	}
	if err != nil {
		run.Report.Error = err.Error()
	}
	return run.Report, err
}

func newID() string {
	var b [6]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// login logs in; a session that is lost afterwards ends the run.
func (r *Run) login(ctx context.Context, u User, handle Handler) (*Session, error) {
	s, err := r.Dialer.Login(ctx, u, handle)
	if err != nil {
		return nil, err
	}
	s.OnLost(func(_ *Session, err error) { r.fail(err) })
	if !r.StreamManagement {
		return s, nil
	}
	if err := s.Manage(ctx, r.every); err != nil {
		s.Abort()
		return nil, err
	}
	return s, nil
}

// askEvery is after how many stanzas clients ask the server for an acknowledgement. One that may not have as many under way asks when it has to wait.
const askEvery = 5

// acknowledged has the server acknowledge all that these sessions sent, and adds up what went to and fro. What it does not acknowledge is an error.
func (r *Run) acknowledged(ctx context.Context, sessions []*Session) error {
	if !r.StreamManagement {
		return nil
	}
	report := &AcksReport{}
	r.Report.Acks = report
	left := make([]uint64, len(sessions))
	err := r.each(len(sessions), func(i int) (err error) {
		left[i], err = sessions[i].Settle(ctx, r.settle)
		return err
	})
	for i, s := range sessions {
		report.AckCounts = report.AckCounts.add(s.acks.figures())
		report.Missing += left[i]
	}
	if err == nil && report.Missing > 0 {
		err = fmt.Errorf("bench: the server has not acknowledged %d stanzas that it was sent", report.Missing)
	}
	return err
}

// each calls fn for 0 to n-1, at most Parallel at once, and gives the first error, after which no more are begun.
func (r *Run) each(n int, fn func(i int) error) error {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		next  int
		first error
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n && first == nil
	}
	for range min(r.Parallel, n) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if err := fn(i); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}

// loginAll logs all users in. The sessions of those for whom it worked are there also when there is an error.
func (r *Run) loginAll(ctx context.Context, handle func(i int) Handler) ([]*Session, error) {
	sessions := make([]*Session, len(r.Users))
	err := r.each(len(r.Users), func(i int) (err error) {
		sessions[i], err = r.login(ctx, r.Users[i], handle(i))
		return err
	})
	return sessions, err
}

// closeAll logs all out at once; when the run is over before its time, without waiting for the server.
func (r *Run) closeAll(ctx context.Context, sessions []*Session) error {
	var wg sync.WaitGroup
	failed := make([]error, len(sessions))
	for i, s := range sessions {
		switch {
		case s == nil:
		case ctx.Err() != nil:
			wg.Go(s.Abort)
		default:
			wg.Go(func() { failed[i] = s.Close() })
		}
	}
	wg.Wait()
	return summary(failed)
}

// pause waits; the error is why the run is over sooner.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
