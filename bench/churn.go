package bench

import (
	"context"
	"errors"
	"sync"
	"time"
)

// churn is coming and going: all users log in at once, and when all are there they leave; again and again.
type churn struct{}

func (churn) Name() string { return "churn" }
func (churn) About() string {
	return "all users log in at the same moment and log out, round after round"
}
func (churn) Unit() string { return "login and logout" }

func (churn) Users(_ *Config, given int) (int, error) { return connect{}.Users(nil, given) }

func (churn) Run(ctx context.Context, r *Run) error {
	r.Report.Rounds = r.Rounds
	cold, err := r.readGauges(ctx)
	if err != nil {
		return err
	}
	r.Progress("warming up with a round of %d users", len(r.Users))
	if err := r.round(ctx, new(Histogram)); err != nil {
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
	var took Histogram
	done := uint64(0)
	for i := range r.Rounds {
		start := time.Now()
		if err := r.round(ctx, &took); err != nil {
			return err
		}
		done += uint64(len(r.Users))
		r.Progress("round %d of %d: %d users in and out in %.1f s", i+1, r.Rounds, len(r.Users), time.Since(start).Seconds())
		if done >= r.Units && r.Units > 0 {
			break
		}
	}
	r.Report.latencies(&took)
	if err := m.end(&r.Report, done); err != nil {
		return err
	}
	return r.settleGauges(ctx, before)
}

// round has all users log in, each without waiting for another, and log out when all are there. Any error ends it.
func (r *Run) round(ctx context.Context, took *Histogram) error {
	var wg sync.WaitGroup
	sessions := make([]*Session, len(r.Users))
	failed := make([]error, len(r.Users))
	for i, u := range r.Users {
		wg.Go(func() {
			start := time.Now()
			if sessions[i], failed[i] = r.login(ctx, u, ignore); failed[i] != nil {
				return
			}
			_, failed[i] = sessions[i].Appear(ctx)
			took.Add(time.Since(start))
		})
	}
	wg.Wait()
	return errors.Join(summary(failed), r.closeAll(ctx, sessions))
}
