package chaos

import (
	"math/rand/v2"
	"testing"
	"time"

	"palabre/store/storetest"
)

// unread is how many messages wait for each session of TestRestart, on average.
const unread = 10

// Sessions outlive the server: with messages that nobody has acknowledged, each is resumed after SIGTERM and a new start, and gets them once.
func TestRestart(t *testing.T) {
	const from = 8 // the first accounts send to the others
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		scene := stage{
			seed: drawn(t), database: db, accounts: from + *sessions,
			habit: func(account int, rng *rand.Rand) Habit {
				h := various(account, rng)
				h.Resume, h.Patience = true, time.Minute
				return h
			},
			to: func(account int, rng *rand.Rand) (int, bool) { return from + rng.IntN(*sessions), account < from },
		}.set(t)
		run := scene.Run
		readers := run.devices[from:]
		for i, d := range readers { // half of them are connected and do not read, half are gone
			d.do(func() {
				if d.deaf = true; i%2 == 0 {
					d.deaf, d.away = false, true
					d.drop(abruptly)
				}
			})
		}
		run.Send()
		must(t, scene.acks(t.Context(), *sessions*unread))
		must(t, run.Conclude(t.Context()))
		must(t, scene.Server.Terminate())
		begin := run.now()
		must(t, scene.Server.Start())
		for _, d := range readers {
			d.do(func() {
				d.deaf, d.away = false, false
				d.drop(silently) // what was left in the socket is lost
			})
		}
		settle(t, scene)
		t.Logf("all have theirs %v after the start", run.now()-begin)
		for _, d := range readers {
			d.do(func() {
				if s := d.stats; s.Resumed == 0 || s.NotResumed > 0 {
					t.Errorf("the session of %s was not resumed: %+v", Name(d.account), s)
				}
			})
		}
		v := green(t, scene)
		if other := v.Seen[Live] + v.Seen[Offline] + v.Seen[Paged] + v.Repeated; other > 0 || v.Seen[Resumed] < *sessions*unread {
			t.Errorf("not all came on resumption: %v", v)
		}
	})
}
