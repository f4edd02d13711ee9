package history

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// mostInTransit bounds what an account's transit remembers; above it, what no client has been sent is left to the database.
const mostInTransit = 10_000

// A transit knows which rows of an account that Waits are on their way to its clients. What has reached one never waits again, and what is below all that has not
// need not be looked at any more: that is the edge, which the store keeps.
type transit struct {
	mu    sync.Mutex // tier 4
	whole bool       // every row that waits and is not in the list has reached a client, or is the business of one that reads the archive
	known int64      // every row that waits up to here is in the list, or has reached a client
	list  []parcel   // by id
	edge  int64      // everything that waited up to here has reached a client; 0: as the store has it
	gone  []int64    // Hidden rows that have
	due   bool       // edge or gone are not stored yet
	taken time.Time  // when they were last
}

// A parcel is a row on its way.
type parcel struct {
	id      int64
	with    int  // how many sessions have been sent it, and have neither got nor missed it
	reached bool // a client has it
	hidden  bool
}

// add notes a row. It is called in the order of commits for what is new.
func (t *transit) add(id int64, hidden bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id <= t.edge {
		return // a client has been brought it, and has got it, before the commit was told
	}
	t.atLocked(id).hidden = hidden
	if len(t.list) > mostInTransit {
		t.whole, t.known = false, 0
		t.list = slices.DeleteFunc(t.list, func(p parcel) bool { return p.with == 0 && !p.reached })
	}
}

// atLocked finds a parcel, or makes it.
func (t *transit) atLocked(id int64) *parcel {
	i, ok := t.findLocked(id)
	if !ok {
		t.list = slices.Insert(t.list, i, parcel{id: id})
	}
	return &t.list[i]
}

func (t *transit) findLocked(id int64) (int, bool) {
	if n := len(t.list); n == 0 || t.list[n-1].id < id {
		return n, false
	}
	return slices.BinarySearchFunc(t.list, id, func(p parcel, id int64) int { return cmp.Compare(p.id, id) })
}

// sent notes that a session is sent a row.
func (t *transit) sent(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id > t.edge {
		t.atLocked(id).with++
	}
}

// claim gives those of the rows that no session has been sent yet, and notes that one is now. own are those that it gets though others have them, for they
// have come since it is there.
func (t *transit) claim(rows []Row, own []int64) (ids []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rows {
		_, is := slices.BinarySearch(own, r.ID)
		if r.ID <= t.edge {
			if is {
				ids = append(ids, r.ID)
			}
			continue
		}
		p := t.atLocked(r.ID)
		if (p.with > 0 || p.reached) && !is {
			continue
		}
		p.with, p.hidden = p.with+1, p.hidden || r.Kind&Hidden != 0
		ids = append(ids, r.ID)
	}
	return ids
}

// covered notes that every row that waits up to here is in the list.
func (t *transit) covered(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = max(t.known, id)
}

// read notes that somebody has found rows in the archive: those that are with nobody need to reach nobody else.
func (t *transit) read(ids []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		if i, ok := t.findLocked(id); ok && t.list[i].with == 0 {
			t.list[i].reached = true
		}
	}
}

// completed notes that nothing waits but what is in the list.
func (t *transit) completed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.whole = true
	t.advanceLocked()
}

// reached notes that a client has rows; due tells whether there is something to store that was not before, and for how long it may wait, so that
// an account costs no more than one write in each pause.
func (t *transit) reached(ids []int64, now time.Time) (due bool, rest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		if i, ok := t.findLocked(id); ok {
			p := &t.list[i]
			p.with--
			if p.hidden && !p.reached {
				t.gone = append(t.gone, id)
			}
			p.reached = true
		}
	}
	was := t.due
	t.advanceLocked()
	t.due = t.due || len(t.gone) > 0
	return t.due && !was, max(0, storePause-now.Sub(t.taken))
}

func (t *transit) advanceLocked() {
	n := 0
	for n < len(t.list) && t.list[n].reached && (t.whole || t.list[n].id <= t.known) {
		n++
	}
	if n == 0 {
		return
	}
	t.edge, t.due = max(t.edge, t.list[n-1].id), true
	if n == len(t.list) && cap(t.list) <= 32 {
		t.list = t.list[:0]
		return
	}
	if t.list = t.list[n:]; len(t.list) == 0 {
		t.list = nil
	}
}

// missed notes that a session has ended without a row, and tells whether nobody else has it, or is about to.
func (t *transit) missed(id int64) (waits bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.findLocked(id)
	if !ok {
		return false
	}
	p := &t.list[i]
	p.with--
	return p.with <= 0 && !p.reached
}

// kept is what a restart needs to know: whether the sessions that outlive it have been sent all that waits, and which rows on the way are Hidden.
func (t *transit) kept() (whole bool, hidden []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	whole = t.whole
	for _, p := range t.list {
		whole = whole && (p.with > 0 || p.reached)
		if p.hidden && !p.reached {
			hidden = append(hidden, p.id)
		}
	}
	return whole, hidden
}

// restore notes, after a restart, what a session has been sent.
func (t *transit) restore(marks, hidden []int64, whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range marks {
		p := t.atLocked(id)
		p.with++
		p.hidden = p.hidden || slices.Contains(hidden, id)
	}
	t.whole = whole
}

// take gives what is to be stored, and counts it as stored.
func (t *transit) take(now time.Time) (edge int64, gone []int64, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	edge, gone, due = t.edge, t.gone, t.due
	t.gone, t.due, t.taken = nil, false, now
	return edge, gone, due
}

// giveBack undoes take.
func (t *transit) giveBack(gone []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone, t.due = append(gone, t.gone...), true
}
