package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"palabre/store/storetest"
)

// TestRooms is TestMixed in rooms by invitation, while people come, leave for good and are invited back: nothing that was acknowledged is lost, all hear the
// same in the same order, and nobody sees anything of what was said while they were no member.
func TestRooms(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		menu := Menu{Mishaps: []Mishap{KillServer, StopServer, CutClients}, Steps: *steps, Mean: *mean, Longest: 2 * time.Second}
		if db != nil {
			menu.Mishaps = append(menu.Mishaps, StopDatabase)
		}
		s := drawn(t)
		scene := stage{seed: s, database: db, accounts: *senders, rooms: 3, habit: inRooms}.set(t)
		must(t, scene.Run.Found(t.Context(), func(account, room int) bool { return (account+room)%3 > 0 }))
		playRooms(t, scene, Plan(s, menu), 10*time.Millisecond)
		greenRooms(t, scene)
	})
}

// inRooms are clients as in various, that leave it to the room to tell them what was said.
func inRooms(account int, rng *rand.Rand) Habit {
	h := various(account, rng)
	h.Archive, h.Ahead = false, false
	h.Resume = account%4 > 0
	return h
}

// playRooms carries out a plan while people come and go, one in so much time; with 0 they don't.
func playRooms(t *testing.T, s *Scene, steps []Step, mean time.Duration) {
	t.Helper()
	s.Run.Send()
	ctx, enough := context.WithCancel(t.Context())
	var comings sync.WaitGroup
	if mean > 0 {
		comings.Go(func() { s.Run.Comings(ctx, mean) })
	}
	err := s.Play(t.Context(), steps)
	enough()
	comings.Wait()
	must(t, err)
	must(t, s.Run.SettleRooms(t.Context()))
	t.Logf("%v", s.Run.Figures())
}

// mostViews is how many accounts are looked through whose eyes.
const mostViews = 100

// judgeRooms is judge for rooms.
func judgeRooms(t *testing.T, s *Scene) *Verdict {
	t.Helper()
	h, stats := s.Run.LeaveRooms()
	for room := range h.Rooms {
		h.Rooms[room].Hushed = s.Run.Form != ""
	}
	t.Logf("sessions: %+v; in rooms: %+v", s.Run.Stats(), stats)
	must(t, s.Server.Kill())
	must(t, s.Server.Start())
	must(t, s.Run.AuditRooms(limit(t, 20*time.Minute), h, min(len(s.Run.Users), mostViews)))
	must(t, s.Server.Terminate())
	v := CheckRooms(h)
	t.Log(v)
	if err := s.Server.Trouble(); err != nil {
		t.Error(err)
	}
	return v
}

// greenRooms is judgeRooms for a server that keeps its word.
func greenRooms(t *testing.T, s *Scene) *Verdict {
	t.Helper()
	v := judgeRooms(t, s)
	if !v.OK() {
		t.Errorf("%s: a promise was broken; see above", t.Name())
	}
	return v
}
