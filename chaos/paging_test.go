package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"palabre/store/storetest"
)

// A reader that pages its archive forward while others write to it misses nothing: who has seen an id has been able to see all below it.
func TestPaging(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		scene := stage{
			seed: drawn(t), database: db, accounts: 1 + *senders,
			habit: func(account int, rng *rand.Rand) Habit {
				h := various(account, rng)
				h.Window, h.AskEvery, h.Patience = 16, 16, time.Minute
				return h
			},
			to: func(account int, _ *rand.Rand) (int, bool) { return 0, account > 0 },
		}.set(t)
		run := scene.Run
		reader := run.devices[0]
		reader.do(func() { // nothing is delivered: all is in the archive
			reader.away, reader.absent = true, true
			reader.drop(politely)
		})
		scene.Patience = 2 * time.Hour

		var log []Delivery
		var failed error
		var following sync.WaitGroup
		all, enough := context.WithCancel(context.Background())
		following.Go(func() { log, failed = follow(t.Context(), run, all) })
		run.Send()
		begin := run.now()
		err := scene.acks(t.Context(), *messages)
		t.Logf("%d acknowledged in %v", run.Figures().Acknowledged, run.now()-begin)
		if err == nil {
			settle(t, scene)
		}
		enough()
		following.Wait()
		must(t, err)
		must(t, failed)
		t.Logf("read %d while they were written", len(log))
		green(t, scene, Reading{Account: 0, Log: log, Whole: true})
	})
}

// follow pages the archive of account 0 forward until all is there.
func follow(ctx context.Context, run *Run, all context.Context) (log []Delivery, err error) {
	a, err := run.openAuditor(ctx, run.Users[0])
	if err != nil {
		return nil, err
	}
	defer a.leave(politely)
	for after := ""; ; {
		last := all.Err() != nil // asked before the page, so that the page has everything
		rows, f, err := a.page(after)
		if err != nil {
			return log, err
		}
		for _, r := range rows {
			log = append(log, Delivery{Sighting: r, Way: Paged})
		}
		if f.last != "" {
			after = f.last
		}
		switch {
		case f.complete && last:
			return log, nil
		case f.complete:
			_ = pause(all, 2*time.Millisecond)
		}
	}
}
