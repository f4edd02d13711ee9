package chaos

import (
	"math/rand/v2"
	"testing"
	"time"

	"palabre/store/storetest"
)

// A server that acknowledges before it commits is found out: without this test, a green one would say nothing.
func TestLying(t *testing.T) {
	simple := func(_ int, rng *rand.Rand) Habit { // what it makes of the archive is of no interest
		return Habit{Window: 1 + rng.IntN(4), AskEvery: 1, Patience: 5 * time.Second, Resource: "chaos"}
	}
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		s := drawn(t)
		scene := stage{program: lying, seed: s, database: db, accounts: 8, habit: simple}.set(t)
		scene.Run.Send()
		must(t, scene.Play(t.Context(), Plan(s, Menu{Mishaps: []Mishap{KillServer}, Steps: 5, Mean: 100})))
		scene.Run.Hush()
		for _, d := range scene.Run.devices {
			d.do(func() { d.absent = true }) // the archives are enough
		}
		if v := judge(t, scene); v.Counts[Missing] == 0 {
			t.Errorf("it acknowledges before it commits, was killed %d times, and nothing is found to be missing", len(scene.First))
		}
	})
}

// In rooms, too, it is found out; and so is a server that lets those who have left for good read what is said without them.
func TestLyingRooms(t *testing.T) {
	for _, test := range []struct {
		lie     string
		mishap  Mishap
		comings time.Duration
		want    Fault
	}{{"haste", KillServer, 0, Missing}, {"indulgence", StopServer, 3 * time.Millisecond, Exposed}} {
		t.Run(test.lie, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
				s := drawn(t)
				scene := stage{program: lying, args: []string{"-lie=" + test.lie}, seed: s, database: db, accounts: 8, rooms: 1, habit: inRooms}.set(t)
				must(t, scene.Run.Found(t.Context(), func(int, int) bool { return true }))
				must(t, scene.Server.Terminate()) // so that it is stored who belongs to the room
				must(t, scene.Server.Start())
				playRooms(t, scene, Plan(s, Menu{Mishaps: []Mishap{test.mishap}, Steps: 4, Mean: 200}), test.comings)
				if v := judgeRooms(t, scene); v.Counts[test.want] == 0 {
					t.Errorf("a server that lies out of %s passes for one that keeps its word", test.lie)
				}
			})
		})
	}
}
