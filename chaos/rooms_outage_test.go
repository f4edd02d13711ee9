package chaos

import (
	"math/rand/v2"
	"testing"
	"time"

	"palabre/store/storetest"
)

// Who does what in TestRoomsOutage while PostgreSQL is down. The others talk.
const (
	quits    = 1 + iota // wants to leave for good
	enters              // a member who is out, and wants to come in
	arrives             // has been invited, and has never been inside
	vanishes            // ends the session
	stepsOut            // goes out
	calls               // invites the stranger
	strange             // is no member
	talkers             // and from here on
)

// While PostgreSQL is down, whoever wants something of a room is told to wait, and what was refused is not done: nobody is inside who was not let in, nobody has left
// who was not let go, nobody is a member who could not be invited. Those who went anyway are out for all others, too, when it is back.
func TestRoomsOutage(t *testing.T) {
	if *only == "sqlite" {
		t.Skip("by choice: -engine=sqlite")
	}
	db := storetest.NewCluster(t)
	patient := func(account int, rng *rand.Rand) Habit {
		h := inRooms(account, rng)
		h.Patience = time.Minute
		return h
	}
	scene := stage{seed: drawn(t), database: db, accounts: talkers + *senders/2, rooms: 1, habit: patient}.set(t)
	run := scene.Run
	must(t, run.Found(t.Context(), func(account, _ int) bool { return account != strange && account != arrives }))
	room := func(account int, f func(d *Device, a *attendance)) {
		d := run.devices[account]
		d.do(func() { f(d, d.hall.rooms[0]) })
	}
	out := func(_ *Device, a *attendance) { a.out = true }
	room(enters, out)
	room(arrives, func(d *Device, _ *attendance) { d.hall.shy = true })
	room(calls, func(d *Device, _ *attendance) { d.hall.invite(0, arrives) })
	for account := range talkers {
		room(account, func(d *Device, _ *attendance) { d.target = func() (int, bool) { return 0, false } })
	}
	run.Send()
	must(t, scene.acks(t.Context(), 10**senders))
	must(t, await(t, func() (ok bool) {
		room(arrives, func(_ *Device, a *attendance) { ok = a.standing == belongs })
		return ok
	}))
	must(t, run.Gather(t.Context()))

	must(t, db.Stop())
	stopped := run.now()
	for account := range talkers {
		room(account, func(d *Device, a *attendance) { d.hall.firm = true })
	}
	room(quits, func(_ *Device, a *attendance) { a.standing = quitting })
	room(enters, func(_ *Device, a *attendance) { a.out = false })
	room(arrives, func(_ *Device, a *attendance) { a.out = false })
	room(stepsOut, out)
	room(calls, func(d *Device, _ *attendance) { d.hall.invite(0, strange) })
	room(vanishes, func(d *Device, a *attendance) {
		a.out = true
		d.away = true
		d.drop(politely)
	})
	for end := time.Now().Add(max(*outage, 7*time.Second)); time.Now().Before(end); must(t, pause(t.Context(), 100*time.Millisecond)) {
	}
	for _, account := range []int{quits, arrives} { // nothing has to be written for a member who has been inside before
		room(account, func(d *Device, a *attendance) {
			if d.hallStats.Waited == 0 || a.inside {
				t.Errorf("%s is not told to wait: %v", Name(account), a)
			}
		})
	}
	for account := range talkers {
		room(account, func(d *Device, a *attendance) { d.hall.firm = false })
	}
	must(t, db.Start())
	back := run.Figures().Acknowledged
	must(t, scene.acks(t.Context(), back+10**senders))
	t.Logf("PostgreSQL was away for %v", run.now()-stopped)

	// What was refused was not done: the stranger is none of the members, and whoever wanted to leave still is one.
	room(strange, func(d *Device, a *attendance) {
		if a.standing != stranger {
			t.Error("somebody was invited, though the invitation was refused")
		}
		a.standing, a.unsure = belongs, true // it tries to come in all the same
	})
	must(t, await(t, func() (known bool) {
		room(strange, func(_ *Device, a *attendance) { known = a.standing == stranger || a.inside })
		return known
	}))
	room(strange, func(_ *Device, a *attendance) {
		if a.inside {
			t.Error("somebody was let in, though their invitation was refused")
		}
	})
	room(quits, func(_ *Device, a *attendance) {
		if a.standing != belongs {
			t.Errorf("who was not let go does not belong: %v", a)
		}
		a.out = false
	})
	room(enters, func(_ *Device, a *attendance) { a.out = false })
	room(vanishes, func(d *Device, _ *attendance) { d.away = false })
	room(arrives, func(_ *Device, a *attendance) { a.out = false })
	must(t, scene.acks(t.Context(), run.Figures().Acknowledged+10**senders))
	must(t, run.SettleRooms(t.Context()))
	t.Logf("%v", run.Figures())
	if run.Figures().Refused == 0 {
		t.Error("nobody was refused anything")
	}
	within(t, "the slowest error", run.Figures().SlowestError, 5*time.Second)
	greenRooms(t, scene)
}

// await waits until something is so.
func await(t *testing.T, met func() bool) error {
	t.Helper()
	return awaitFor(t, time.Minute, met)
}

func awaitFor(t *testing.T, d time.Duration, met func() bool) error {
	t.Helper()
	ctx := limit(t, d)
	for !met() {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
