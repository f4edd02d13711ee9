package chaos

import (
	"testing"
	"time"

	"palabre/store/storetest"
)

// Whatever befalls the server, its database and its clients' connections, what it acknowledged is kept.
func TestMixed(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		menu := Menu{Mishaps: []Mishap{KillServer, StopServer, FreezeServer, CutClients, CutClients}, Steps: *steps, Mean: *mean, Longest: 2 * time.Second}
		if db != nil {
			menu.Mishaps = []Mishap{KillServer, StopServer, KillDatabase, StopDatabase, CutClients}
		}
		if *long {
			menu.Longest = 6 * time.Second
		}
		s := drawn(t)
		scene := stage{seed: s, database: db, accounts: *senders}.set(t)
		scene.Run.Send()
		must(t, scene.Play(t.Context(), Plan(s, menu)))
		settle(t, scene)
		green(t, scene)
	})
}

// Killed at any instant, again and again, it loses nothing that it acknowledged, and is back at once.
func TestKills(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		s := drawn(t)
		scene := stage{seed: s, database: db, accounts: *senders}.set(t)
		scene.Run.Send()
		must(t, scene.Play(t.Context(), Plan(s, Menu{Mishaps: []Mishap{KillServer}, Steps: *kills, Mean: *mean, Rest: 6 * time.Second})))
		settle(t, scene)
		v := green(t, scene)
		var slowest time.Duration
		for _, d := range scene.First {
			slowest = max(slowest, d)
		}
		t.Logf("%d kills, %d acknowledged; the slowest first acknowledgement after a start: %v", len(scene.First), v.Acknowledged, slowest)
		within(t, "the first acknowledgement after a start", slowest, 3*time.Second)
		if want := *kills * *mean / 8; v.Acknowledged < want {
			t.Errorf("only %d acknowledged: too tame a run", v.Acknowledged)
		}
	})
}

// A full disk is no reason to lie: nothing is acknowledged that is not stored, and all goes on when there is space.
func TestFullDisk(t *testing.T) {
	s := drawn(t)
	scene := stage{seed: s, disk: NewDisk(t, 48), accounts: *senders}.set(t)
	scene.Run.Send()
	plan := Plan(s, Menu{Mishaps: []Mishap{FillDisk}, Steps: 2, Mean: *mean, Longest: 4 * time.Second})
	plan[1].For = 8 * time.Second // long enough that everybody is told
	must(t, scene.Play(t.Context(), plan))
	begin := scene.Run.now()
	must(t, scene.acks(t.Context(), scene.Run.Figures().Acknowledged+1))
	within(t, "the first acknowledgement after there was space", scene.Run.now()-begin, 5*time.Second)
	settle(t, scene)
	if f := scene.Run.Figures(); f.Refused == 0 {
		t.Errorf("nobody was told that there was no space: %v", f)
	}
	green(t, scene)
}
