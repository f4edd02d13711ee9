package history

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"palabre/server"
)

const (
	sweepEvery = time.Hour
	sweepBite  = 500                   // rows that are deleted at once
	sweepPause = 20 * time.Millisecond // between bites: messages that come meanwhile do not wait for a million old ones
)

// A Retention deletes the oldest messages of archives (XEP-0313 §3.2).
type Retention struct {
	Store Expirer
	Keep  map[string]time.Duration // by domain, of accounts or of rooms
	Now   func() time.Time
	Log   *slog.Logger
}

// An Expirer deletes rows with ids below before of all archives at a domain, at most limit, and tells how many. See Store.
type Expirer interface {
	Expire(ctx context.Context, domain string, before int64, limit int) (n int, err error)
}

// Run deletes what has become too old, now and every hour, until the context ends.
func (r *Retention) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for _, domain := range slices.Sorted(maps.Keys(r.Keep)) {
			if err := r.sweep(ctx, domain); err != nil && ctx.Err() == nil && !errors.Is(err, server.ErrAway) {
				r.Log.Error("old messages not deleted", "jid", domain, "module", "history", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep deletes bite by bite what is too old now. What has failed is done in an hour.
func (r *Retention) sweep(ctx context.Context, domain string) error {
	before, _ := idAt(r.Now().Add(-r.Keep[domain]))
	for {
		n, err := r.Store.Expire(ctx, domain, before, sweepBite)
		if err != nil || n < sweepBite {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sweepPause):
		}
	}
}
