package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"palabre/history"
	"palabre/muc"
	"palabre/server"
	"palabre/xmpp"
)

// Whatever is said in a room, and whoever comes and goes, positions are where they were ordered: also when many are committed at once, some of them
// refused, and over restarts. Whoever reads within their intervals sees what was said in them and nothing else.
func TestPositions(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		c := course{random: rand.New(rand.NewPCG(seed, 1)), seen: map[partaker][]string{}, inside: map[partaker]bool{}}
		var clock later
		p.Now = clock.now
		for c.life = range 3 {
			s := p.open(t)
			clock.move(-time.Minute) // a clock that is set back gives no lower ones
			allowRefused(s)
			must(t, commit(s, save(feast, "group"), save(crypt, "group")))
			release := func() {}
			if c.life != 1 { // then, batches are as large as they become by themselves
				release = hold(t, s)
			}
			ends := make([]chan error, 400)
			refusals := make([]bool, len(ends))
			for i := range ends {
				var writes []server.Write
				writes, refusals[i] = c.passage(fmt.Sprintf("%d.%d", c.life, i), int64(1000*c.life+i+1))
				ends[i] = make(chan error, 1)
				s.Commit(writes, func(err error) { ends[i] <- err })
			}
			release()
			for i := range ends {
				if err := <-ends[i]; (err != nil) != refusals[i] {
					t.Fatalf("passage %d: %v", i, err)
				}
			}
			c.expectOrder(t)
			if c.life == 1 { // as if it were killed: what is written at the end is missing
				s.writer.clock.last = s.writer.clock.remembered
			}
			must(t, s.Close())
		}
		s := p.open(t)
		for _, room := range rooms {
			for _, who := range people {
				c.expectSeen(t, s, partaker{room, who})
			}
		}
	})
}

var (
	people = []xmpp.JID{romeo, juliet, nurse}
	rooms  = []xmpp.JID{feast, crypt}
)

type partaker struct{ room, who xmpp.JID }

// A course is what happens in the rooms.
type course struct {
	random *rand.Rand
	life   int
	seen   map[partaker][]string
	inside map[partaker]bool
	last   int64
	ids    []func() int64 // that are given in this life, in the order in which they should be
}

// passage makes the writes of one: something may be said, and somebody may come or go behind that.
func (c *course) passage(text string, digest int64) (writes []server.Write, refuse bool) {
	k := partaker{rooms[c.random.IntN(len(rooms))], people[c.random.IntN(len(people))]}
	refuse = c.random.IntN(20) == 0
	var mine []func() int64
	if c.random.IntN(2) == 0 {
		a := speech(k.room, text)
		if c.random.IntN(2) == 0 {
			a.Digest, a.Stream = digest, 1
		}
		writes, mine = append(writes, a), append(mine, func() int64 { return a.Entries[0].ID })
		if !refuse {
			c.hear(k.room, text)
		}
	}
	w, at := c.turn(k, refuse)
	writes = append(writes, w...)
	if refuse {
		return append(writes, refused{romeo}), true
	}
	c.ids = append(c.ids, mine...)
	if at != nil {
		c.ids = append(c.ids, at)
	}
	return writes, false
}

// hear notes who may read something.
func (c *course) hear(room xmpp.JID, text string) {
	for _, who := range people {
		if k := (partaker{room, who}); c.inside[k] {
			c.seen[k] = append(c.seen[k], text)
		}
	}
}

// turn has somebody come or go, or takes a place; at tells which, unless it is none of its own.
func (c *course) turn(k partaker, refuse bool) (writes []server.Write, at func() int64) {
	was := c.inside[k]
	switch c.random.IntN(6) {
	case 0, 1:
		b := &muc.Begin{Room: k.room, Account: k.who}
		c.inside[k] = was || !refuse
		if !was {
			at = func() int64 { return b.At }
		}
		return []server.Write{b, affiliation(k.room, k.who, muc.Member)}, at
	case 2:
		f := &muc.Finish{Room: k.room, Account: k.who}
		c.inside[k] = was && refuse
		return []server.Write{f}, func() int64 { return f.At }
	case 3:
		p := &muc.Part{Room: k.room, Account: k.who}
		return []server.Write{p}, func() int64 { return p.At }
	case 4:
		p := &muc.Position{Room: k.room}
		return []server.Write{p}, func() int64 { return p.At }
	}
	return nil, nil
}

func (c *course) expectOrder(t *testing.T) {
	t.Helper()
	for i, id := range c.ids {
		if id() <= c.last {
			t.Errorf("life %d: place %d has the id %d, after %d", c.life, i, id(), c.last)
		}
		c.last = id()
	}
	c.ids = nil
}

// expectSeen compares what lies within somebody's intervals with what they may read.
func (c *course) expectSeen(t *testing.T, s *Store, k partaker) {
	t.Helper()
	p, _ := person(t, s, k.room, k.who)
	var got []string
	for i, in := range p.Intervals {
		if (in.Until == 0) != (c.inside[k] && i == len(p.Intervals)-1) {
			t.Errorf("%v: interval %d of %d: %+v", k, i, len(p.Intervals), in)
		}
		rows, err := s.Rows(t.Context(), history.Query{Owner: k.room, After: in.Since, Before: in.Until, Limit: 10_000})
		must(t, err)
		got = append(got, texts(rows)...)
	}
	if !slices.Equal(got, c.seen[k]) || len(got) == 0 {
		t.Errorf("%v reads\n%q, want\n%q", k, got, c.seen[k])
	}
}
