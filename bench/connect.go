package bench

import (
	"context"
	"errors"
	"runtime"
	"time"

	"palabre/xmpp"
)

// connect is many sessions that do nothing: what a login costs, and how much memory an idle session takes.
type connect struct{}

func (connect) Name() string  { return "connect" }
func (connect) About() string { return "all users log in and stay idle" }
func (connect) Unit() string  { return "login" }

func (connect) Users(_ *Config, given int) (int, error) {
	if given < 1 {
		return 0, errors.New("it takes at least one user")
	}
	return given, nil
}

func (connect) Run(ctx context.Context, r *Run) (err error) {
	r.Report.Parallel = r.Parallel
	if err := r.warmLogins(ctx); err != nil {
		return err
	}
	m, err := startMeter(&r.Config)
	if err != nil {
		return err
	}
	defer m.abort()
	r.Progress("logging in %d users, %d at once", len(r.Users), r.Parallel)
	var took Histogram
	sessions := make([]*Session, len(r.Users))
	defer func() { err = errors.Join(err, r.closeAll(ctx, sessions)) }()
	if err := r.each(len(sessions), func(i int) (err error) {
		start := time.Now()
		if sessions[i], err = r.login(ctx, r.Users[i], ignore); err == nil {
			took.Add(time.Since(start))
		}
		return err
	}); err != nil {
		return err
	}
	if err := m.end(&r.Report, uint64(len(sessions))); err != nil {
		return err
	}
	r.Report.latencies(&took)
	return r.idle(ctx, sessions)
}

// idle makes the sessions those of ordinary clients, with roster and presence, and reads their memory after a while.
func (r *Run) idle(ctx context.Context, sessions []*Session) error {
	if err := r.appearAll(ctx, sessions); err != nil {
		return err
	}
	after, err := r.idleMemory(ctx, len(sessions))
	if err != nil {
		return err
	}
	r.Report.RSSAfter = after
	r.Report.RSSPeak = max(r.Report.RSSPeak, after)
	r.Report.RSSPerSession = float64(after-r.Report.RSSBefore) / float64(len(sessions))
	return nil
}

// idleMemory is the server's memory after the sessions have been idle for a while.
func (r *Run) idleMemory(ctx context.Context, sessions int) (int64, error) {
	r.Progress("%d sessions stay idle for %v", sessions, r.Hold)
	if err := pause(ctx, r.Hold); err != nil {
		return 0, err
	}
	u, err := r.Proc.Tree(r.Server...)
	return u.RSS, err
}

// warmLogins logs a tenth of the users in and out, so that what a server sets up once is not counted.
func (r *Run) warmLogins(ctx context.Context) error {
	n := min(len(r.Users), max(4*runtime.NumCPU(), len(r.Users)/10))
	r.Progress("warming up with %d logins", n)
	return r.each(n, func(i int) error {
		s, err := r.login(ctx, r.Users[i], ignore)
		if err != nil {
			return err
		}
		_, err = s.Appear(ctx)
		return errors.Join(err, s.Close())
	})
}

// appearAll has all sessions ask for their rosters and send initial presence, and waits until the server has taken it.
func (r *Run) appearAll(ctx context.Context, sessions []*Session) error {
	return r.each(len(sessions), func(i int) error {
		if _, err := sessions[i].Appear(ctx); err != nil {
			return err
		}
		return sessions[i].Fence(ctx)
	})
}

// ignore is the handler of sessions to which nothing of interest comes.
func ignore(*Session, *xmpp.Stanza) {}
