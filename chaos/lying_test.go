package chaos

import (
	"testing"

	"palabre/store/storetest"
)

// A server that acknowledges before it commits is found out: without this test, a green one would say nothing.
func TestLying(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		s := drawn(t)
		scene := stage{program: lying, seed: s, database: db, accounts: *senders}.set(t)
		scene.Run.Send()
		must(t, scene.Play(t.Context(), Plan(s, Menu{Mishaps: []Mishap{KillServer}, Steps: max(*kills, 5), Mean: *mean})))
		must(t, scene.Run.Settle(t.Context(), 0))
		if v := judge(t, scene); v.Counts[Missing] == 0 {
			t.Errorf("it acknowledges before it commits, was killed %d times, and nothing is found to be missing", len(scene.First))
		}
	})
}
