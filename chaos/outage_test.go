package chaos

import (
	"math/rand/v2"
	"testing"
	"time"

	"palabre/store/storetest"
)

// While PostgreSQL is down nothing is acknowledged, everybody is told so in time, memory stays what it was, and all goes on when it is back.
func TestOutage(t *testing.T) {
	if *only == "sqlite" {
		t.Skip("by choice: -engine=sqlite")
	}
	db := storetest.NewCluster(t)
	patient := func(account int, rng *rand.Rand) Habit {
		h := various(account, rng)
		h.Patience = time.Minute
		return h
	}
	scene := stage{seed: drawn(t), database: db, accounts: *senders, habit: patient}.set(t)
	run := scene.Run
	run.Send()
	must(t, scene.acks(t.Context(), 20**senders))

	before, err := scene.Server.RSS()
	must(t, err)
	must(t, db.Stop())
	stopped := run.now()
	most := before
	for end := time.Now().Add(*outage); time.Now().Before(end); must(t, pause(t.Context(), 200*time.Millisecond)) {
		rss, err := scene.Server.RSS()
		must(t, err)
		most = max(most, rss)
	}
	starting := run.now()
	must(t, db.Start())
	back := run.now()
	must(t, scene.acks(t.Context(), run.Figures().Acknowledged+10**senders))
	settle(t, scene)

	o := outageIn(run, stopped, starting)
	t.Logf("%d acknowledged while it was away, %d refused; the slowest error came after %v, the first acknowledgement %v after PostgreSQL was back; memory %d MiB before, %d MiB at most",
		o.acknowledged, run.Figures().Refused, run.Figures().SlowestError, o.first-back, before>>20, most>>20)
	if o.acknowledged > 0 {
		t.Errorf("%d acknowledged while PostgreSQL was away", o.acknowledged)
	}
	if o.untold > 0 {
		t.Errorf("the senders of %d messages waited for more than 5 s without a word", o.untold)
	}
	if *outage > 6*time.Second && run.Figures().Refused == 0 {
		t.Error("nobody was refused anything")
	}
	within(t, "the slowest error", run.Figures().SlowestError, 5*time.Second)
	within(t, "the first acknowledgement after PostgreSQL was back", o.first-back, time.Second)
	if grown := most - before; grown > 200<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
	green(t, scene)
}

// An absence is what clients heard while the database was down.
type absence struct {
	acknowledged int           // what was stored before may still be told for an instant
	untold       int           // waited for too long
	first        time.Duration // the first acknowledgement after it
}

func outageIn(run *Run, stopped, starting time.Duration) (o absence) {
	const patience = 5500 * time.Millisecond
	for _, d := range run.devices {
		d.do(func() {
			for _, s := range d.out.sends {
				if s.Outcome != Acknowledged {
					continue
				}
				if s.Last > stopped && s.Told < starting { // what was sent before may have been committed, and its acknowledgement lie in a socket
					o.acknowledged++
				}
				if s.Told >= starting && (o.first == 0 || s.Told < o.first) {
					o.first = s.Told
				}
				if s.Errors == 0 && s.Last > stopped && s.Last < starting-patience {
					o.untold++
				}
			}
		})
	}
	return o
}
