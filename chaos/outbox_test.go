package chaos

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// An outbox of so many messages that are under way.
func loaded(n int) *outbox {
	o := &outbox{}
	o.begin()
	for i := range n {
		o.sends = append(o.sends, Send{Copies: 1})
		o.sent(item{number: i}, 0)
	}
	return o
}

func outcomes(o *outbox) (list []Outcome) {
	for _, s := range o.sends {
		list = append(list, s.Outcome)
	}
	return list
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// What a count covers is acknowledged, but for what an error came for before.
func TestOutboxAcknowledged(t *testing.T) {
	t.Parallel()
	o := loaded(3)
	must(t, o.refused(1, 0))
	known, err := o.acknowledged(3, 0)
	must(t, err)
	equal(t, "known", known, []int{0, 2})
	equal(t, "outcomes", outcomes(o), []Outcome{Acknowledged, Refused, Acknowledged})
	if o.pending() != 0 {
		t.Errorf("%d pending", o.pending())
	}
}

// A count that is too high or goes back is a breach, and so is an error behind the count.
func TestOutboxBreaches(t *testing.T) {
	t.Parallel()
	o := loaded(3)
	if _, err := o.acknowledged(4, 0); err == nil {
		t.Error("it may count more than was sent")
	}
	_, err := o.acknowledged(2, 0)
	must(t, err)
	if _, err := o.acknowledged(1, 0); err == nil {
		t.Error("its count may go back")
	}
	if err := o.refused(1, 0); err == nil {
		t.Error("it may refuse what it has acknowledged")
	}
	if _, err := o.lost(1, true, 0); err == nil {
		t.Error("<failed/> may count less than it did")
	}
}

// A count goes on at zero behind 2^32 - 1 (XEP-0198 §4).
func TestOutboxWraps(t *testing.T) {
	t.Parallel()
	o := loaded(3)
	o.counted = 1<<32 - 2
	known, err := o.acknowledged(1, 0)
	must(t, err)
	equal(t, "known", known, []int{0, 1, 2})
}

// What <resumed/> covers is not acknowledged before the server has answered once more: an error may be behind it on the stream.
func TestOutboxResumed(t *testing.T) {
	t.Parallel()
	o := loaded(4)
	rest, err := o.resumed(2)
	must(t, err)
	equal(t, "goes out again", rest, []item{{number: 2}, {number: 3}})
	equal(t, "outcomes", outcomes(o), make([]Outcome, 4))
	must(t, o.refused(1, 0))
	_, err = o.acknowledged(4, 0)
	must(t, err)
	equal(t, "outcomes", outcomes(o), []Outcome{Acknowledged, Refused, Acknowledged, Acknowledged})
}

// When a session is gone, what is not known goes again, in its order and before anything else.
func TestOutboxLost(t *testing.T) {
	t.Parallel()
	o := loaded(6)
	o.resend = []int{6, 7} // of a session before, not sent on this one
	_, err := o.resumed(2)
	must(t, err)
	must(t, o.refused(3, 0))
	known, err := o.lost(0, false, 0)
	must(t, err)
	equal(t, "known", known, nil)
	equal(t, "goes again", o.resend, []int{0, 1, 2, 4, 5, 6, 7})

	o = loaded(4)
	known, err = o.lost(3, true, 0)
	must(t, err)
	equal(t, "known", known, []int{0, 1, 2})
	equal(t, "goes again", o.resend, []int{3})
}

// What was refused goes again when it is due, and on the same stream it is one message more.
func TestOutboxRetry(t *testing.T) {
	t.Parallel()
	o := loaded(1)
	must(t, o.refused(0, 0))
	o.again(0, time.Second)
	if _, ok := o.take(0); ok {
		t.Error("it goes before it is due")
	}
	n, ok := o.take(time.Second)
	if n != 0 || !ok || o.sends[0].Copies != 2 {
		t.Fatalf("%d, %v, %+v", n, ok, o.sends[0])
	}
	o.sent(item{number: 0}, time.Second)
	_, err := o.acknowledged(1, 0) // covers the first try only
	must(t, err)
	equal(t, "after the first try is counted", outcomes(o), []Outcome{Unknown})
	_, err = o.acknowledged(2, 0)
	must(t, err)
	equal(t, "after the second", outcomes(o), []Outcome{Acknowledged})
}

// A client that does not ask the archive is shown all; one that does is shown once what it has by the archive, too.
func TestInbox(t *testing.T) {
	t.Parallel()
	see := func(id string, way Way) Delivery { return Delivery{Sighting: Sighting{ID: id}, Way: way} }
	shown := func(b *inbox) (ids []string) {
		for _, d := range b.log {
			ids = append(ids, d.ID)
		}
		return ids
	}
	b := &inbox{came: map[string]Way{}}
	b.begin(1, true)
	b.held = []Delivery{see("3", Live), see("4", Live)}
	for _, id := range []string{"1", "2", "3"} {
		b.paged(Sighting{ID: id, Key: Key{Sender: 1}})
	}
	b.paged(Sighting{ID: "mine"})
	b.caughtUp("3")
	equal(t, "shown", shown(b), []string{"1", "2", "3", "4"})
	if b.last != "4" || b.twice != 1 {
		t.Errorf("last %s, twice %d", b.last, b.twice)
	}
	b.begin(2, true)
	if b.page != "4" {
		t.Errorf("it goes on behind %q", b.page)
	}
	b.show(see("4", Offline)) // neither came from the archive: for Check to judge
	equal(t, "shown", shown(b), []string{"1", "2", "3", "4", "4"})
}

// A plan follows from its seed, has each mishap in each round, and keeps to its menu.
func TestPlan(t *testing.T) {
	t.Parallel()
	menu := Menu{Mishaps: []Mishap{KillServer, FreezeServer, CutClients}, Steps: 30, Mean: 100, Longest: 2 * time.Second}
	for seed := range uint64(20) {
		plan := Plan(seed, menu)
		if !slices.Equal(plan, Plan(seed, menu)) {
			t.Fatalf("seed %d gives two plans", seed)
		}
		if slices.Equal(plan, Plan(seed+1, menu)) {
			t.Fatalf("seeds %d and %d give the same plan", seed, seed+1)
		}
		var times [3]int
		for _, s := range plan {
			times[slices.Index(menu.Mishaps, s.Mishap)]++
			if s.After < 1 || s.After > 200 || s.For < 500*time.Millisecond || s.For > 2*time.Second || s.Share < 0.25 || s.Share > 1 {
				t.Fatalf("seed %d: %+v", seed, s)
			}
		}
		if times != [3]int{10, 10, 10} {
			t.Fatalf("seed %d: %v", seed, times)
		}
	}
}

// Whatever the server does to a client's connections, its outbox never forgets a message and never takes one for two.
func TestOutboxAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		o := &outbox{}
		o.begin()
		send := func(n int) { o.sent(item{number: n}, 0) }
		for range 300 {
			switch rng.IntN(6) {
			case 0, 1:
				n, ok := o.take(time.Hour)
				if !ok {
					n = len(o.sends)
					o.sends = append(o.sends, Send{Copies: 1})
				}
				send(n)
			case 2:
				_, err := o.acknowledged(o.counted+uint32(rng.IntN(len(o.unacked)+1)), 0)
				must(t, err)
			case 3:
				if i := slices.IndexFunc(o.unacked, func(it item) bool { return !it.refused }); i >= 0 {
					n := o.unacked[i].number
					must(t, o.refused(n, 0))
					if rng.IntN(2) == 0 {
						o.again(n, 0)
					}
				}
			case 4:
				_, err := o.resumed(o.counted + uint32(rng.IntN(len(o.unacked)+1)))
				must(t, err)
			case 5:
				_, err := o.lost(o.counted+uint32(rng.IntN(len(o.unacked)+1)), rng.IntN(2) == 0, 0)
				must(t, err)
				o.begin()
			}
			open := 0
			for _, s := range o.sends {
				if s.Outcome == Unknown {
					open++
				}
			}
			if open != o.pending() {
				t.Fatalf("seed %d: %d have no outcome, %d are pending", seed, open, o.pending())
			}
		}
	}
}
