package chaos

import (
	"crypto/tls"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"palabre/store/storetest"
)

// One of many in a room never reads. What is said goes on to all others, the server's memory stays what it was, and the deaf one is put out when what waits for it
// reaches its limit, which all others are told.
func TestRoomsDeaf(t *testing.T) {
	const speakers = 8
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		scene := stage{
			seed: drawn(t), database: db, accounts: max(*occupants, 2*speakers), rooms: 1, filler: 8000,
			// Everybody's presence to everybody would be the square of them. That of moderators is shown, and the deaf one owns the room.
			form: "<field var='muc#roomconfig_presencebroadcast'><value>moderator</value></field>",
			habit: func(account int, rng *rand.Rand) Habit {
				return Habit{Resume: account > 0, Window: 2, AskEvery: 1, Patience: 5 * time.Minute, Resource: "chaos"}
			},
		}.set(t)
		run := scene.Run
		must(t, run.Found(t.Context(), func(int, int) bool { return true }))
		for account, d := range run.devices {
			if account == 0 || account > speakers {
				d.do(func() { d.target = func() (int, bool) { return 0, false } })
			}
		}
		run.Send()
		scene.Patience += time.Duration(len(run.devices)) * eachTime
		must(t, scene.acks(t.Context(), 20))

		if !believedInside(run.devices[1], 0) {
			t.Fatal("nobody knows of the one who is going to be deaf")
		}
		before, err := scene.Server.RSS()
		must(t, err)
		deaf := run.devices[0]
		deaf.do(func() {
			deaf.deaf, deaf.absent = true, true
			if tcp, ok := deaf.link.Conn.(*tls.Conn).NetConn().(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(4096) // the kernel is not to hear on its behalf
			}
		})
		begin, acked := run.now(), run.Figures().Acknowledged
		most := before
		must(t, awaitFor(t, scene.Patience, func() bool {
			if rss, err := scene.Server.RSS(); err == nil {
				most = max(most, rss)
			}
			return !slices.ContainsFunc(run.devices[1:speakers], func(d *Device) bool { return believedInside(d, 0) })
		}))
		end := run.now()
		t.Logf("%d occupants: the deaf one is out after %v and %d messages; memory %d MiB before, %d MiB at most",
			len(run.devices), end-begin, run.Figures().Acknowledged-acked, before>>20, most>>20)
		must(t, scene.acks(t.Context(), run.Figures().Acknowledged+20))
		// A part of what was said last waits for those who do read, too, on a machine that is busy with all of them.
		if grown := most - before; grown > 200<<20+int64(len(run.devices))*100<<10 {
			t.Errorf("memory grew by %d MiB", grown>>20)
		}
		within(t, "the slowest acknowledgement", slowestAck(run, begin, end), 5*time.Second+time.Duration(len(run.devices))*4*time.Millisecond)

		deaf.do(func() { // it finds out, and does not come back
			deaf.away, deaf.deaf = true, false
			deaf.drop(silently)
			deaf.hall.begin()
			deaf.hall.rooms[0].out = true
		})
		must(t, run.SettleRooms(t.Context()))
		for _, d := range run.devices[1:] {
			if believedInside(d, 0) {
				t.Errorf("%s is not told that the deaf one has left", Name(d.account))
			}
		}
		t.Logf("%v", run.Figures())
		greenRooms(t, scene)
	})
}

// believedInside tells whether a client takes somebody to be inside of room 0.
func believedInside(d *Device, account int) (inside bool) {
	d.do(func() { inside = d.hall.rooms[0].others[account] })
	return inside
}

// slowestAck is the longest time from a message to its acknowledgement, of those that were sent within a time.
func slowestAck(run *Run, from, to time.Duration) (slowest time.Duration) {
	for _, d := range run.devices {
		d.do(func() {
			for _, s := range d.out.sends {
				if s.Outcome == Acknowledged && s.First >= from && s.First < to {
					slowest = max(slowest, s.Told-s.First)
				}
			}
		})
	}
	return slowest
}
