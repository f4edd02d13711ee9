package muc

import (
	"palabre/server"
	"palabre/xmpp"
)

// intervalLocked is what has to be written when somebody comes in, and what follows from it, for Room.take: who reads from their arrival on has an interval from here.
func (r *Room) intervalLocked(s *seat) (writes []server.Write, placed []func()) {
	if r.config.Policy.History != FromArrival || !r.stored || !r.archivesLocked() {
		return nil, nil
	}
	p := r.people[s.jid.Bare()]
	if p == nil || p.Affiliation < Member {
		w := &Position{Room: r.JID}
		return []server.Write{w}, []func(){func() { s.since = w.At }}
	}
	if n := len(p.Intervals); n > 0 && p.Intervals[n-1].Until == 0 && r.pending == 0 { // else what is ordered already may end it
		return nil, nil
	}
	w := &Begin{Room: r.JID, Account: p.Account}
	return []server.Write{w}, []func(){func() { p.began(w.At) }}
}

// began notes an interval.
func (p *Person) began(at int64) {
	if n := len(p.Intervals); n == 0 || p.Intervals[n-1].Until != 0 {
		p.Intervals = append(p.Intervals[:n:n], Interval{Since: at})
	}
}

// visibleLocked is what an address may read of what was said.
func (r *Room) visibleLocked(full xmpp.JID) []Interval {
	if r.config.Policy.History == Whole {
		return []Interval{{}}
	}
	if p := r.people[full.Bare()]; p != nil && p.Affiliation >= Member {
		return p.Intervals
	}
	if s := r.seats[full]; s != nil && s.since != 0 {
		return []Interval{{Since: s.since}}
	}
	return nil
}
