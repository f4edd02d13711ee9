package store

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"palabre/muc"
	"palabre/server"
	"palabre/xmpp"
)

// A gathering is a room that senders come into and leave, as far as they know.
type gathering struct {
	mu      sync.Mutex
	highest int64 // of all ids that were given and acknowledged
	before  int64 // the same, of earlier lives
	members [senders]membership
}

// A membership is that of one sender.
type membership struct {
	account   xmpp.JID
	intervals []muc.Interval
	asked     bool // to begin one or to end it, and what became of that is not known
}

// gather makes the room, unless it is there.
func (m *machine) gather(s *Store) error {
	m.before = m.highest
	for i := range m.members {
		m.members[i].account = xmpp.MustParseJID(fmt.Sprintf("sender%d@example.org", i))
	}
	return commit(s, save(feast, "group"))
}

// turn is the write that begins the sender's membership, or ends it; done is told its position.
func (k *membership) turn() (w server.Write, done func() int64) {
	k.asked = true
	if k.inside() {
		f := &muc.Finish{Room: feast, Account: k.account}
		return f, func() int64 {
			k.asked = false
			k.intervals[len(k.intervals)-1].Until = f.At
			return f.At
		}
	}
	b := &muc.Begin{Room: feast, Account: k.account}
	return b, func() int64 {
		k.asked = false
		k.intervals = append(k.intervals, muc.Interval{Since: b.At})
		return b.At
	}
}

func (k *membership) inside() bool {
	n := len(k.intervals)
	return n > 0 && k.intervals[n-1].Until == 0
}

// given is an id that was given in this life: above all of earlier ones.
func (m *machine) given(id int64) {
	m.gathering.mu.Lock()
	defer m.gathering.mu.Unlock()
	m.highest = max(m.highest, id)
	if id <= m.before {
		m.wrong(&m.broken, "the id %d was given, after %d in an earlier life", id, m.before)
	}
}

// compareStays compares the intervals of everybody with what they know. What is stored is what they know from then on.
func (m *machine) compareStays(s *Store) error {
	kept, err := s.Room(context.Background(), feast)
	if err != nil {
		return err
	}
	if kept == nil {
		kept = &muc.Stored{}
	}
	for i := range m.members {
		k := &m.members[i]
		var there []muc.Interval
		if i := slices.IndexFunc(kept.Members, func(p muc.Person) bool { return p.Account == k.account }); i >= 0 {
			there = kept.Members[i].Intervals
		}
		if !slices.Equal(there, k.intervals) && !slices.Equal(there, k.guess(there)) {
			m.wrong(&m.lost, "the intervals of %v are %v and not %v", k.account, there, k.intervals)
		}
		k.intervals, k.asked = there, false
	}
	return nil
}

// guess is what the intervals are if what was asked for was done: only its position is taken from what is there.
func (k *membership) guess(there []muc.Interval) []muc.Interval {
	n := len(k.intervals)
	out := slices.Clone(k.intervals)
	switch {
	case !k.asked || len(there) == 0:
	case !k.inside() && len(there) == n+1:
		out = append(out, muc.Interval{Since: there[n].Since})
	case k.inside() && len(there) == n:
		out[n-1].Until = there[n-1].Until
	}
	return out
}
