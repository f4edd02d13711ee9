package muc

import (
	"context"
	"slices"
	"sync"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A place is where a room hangs on the account of its address, while it is awake.
type place struct {
	mu      sync.Mutex    // tier 2, before the room's
	room    *Room         // nil: asleep
	users   int           // who has opened the room, or reads it anew, and has not closed it
	loading chan struct{} // not nil: somebody reads the room from the store; closed when that is through
	idle    *time.Timer
}

// open gives a room, awake, whether or not there is such a room. It stays awake until close is called, which must be. The error is of the store.
func (s *Service) open(ctx context.Context, room xmpp.JID) (*Room, error) {
	a, release := s.host.Account(room)
	pl := s.places.Get(a)
	r, reads, err := pl.find(ctx)
	if reads && r == nil {
		return s.wake(ctx, room, pl, release)
	}
	release() // the room holds the account by itself
	if !reads {
		return r, err
	}
	if err := r.reread(ctx); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// find gives the room, which is to be closed, once nobody reads it; nil: it is asleep. reads tells whether the caller has to read it, for the first time or anew, and then
// to call loaded. The error is the context's.
func (pl *place) find(ctx context.Context) (r *Room, reads bool, err error) {
	pl.mu.Lock()
	for pl.loading != nil {
		through := pl.loading
		pl.mu.Unlock()
		select {
		case <-through:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		pl.mu.Lock()
	}
	defer pl.mu.Unlock()
	if r = pl.room; r != nil {
		pl.users++
	}
	if reads = r == nil || r.stale.Load(); reads {
		pl.loading = make(chan struct{})
	}
	return r, reads, nil
}

// loaded is called when a room has been read. woken is one that was asleep before, and is opened with it; nil: it was not, or could not be read.
func (pl *place) loaded(woken *Room) {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	if woken != nil {
		pl.room = woken
		pl.users++
	}
	close(pl.loading)
	pl.loading = nil
}

// close lets go of a room that open gave.
func (r *Room) close() {
	pl := r.place
	pl.mu.Lock()
	pl.users--
	let := func() {}
	if pl.users == 0 && pl.room == r && pl.loading == nil {
		switch r.need() {
		case empty:
			let = pl.leaveLocked()
		case quiet:
			pl.restLaterLocked(r)
		}
	}
	pl.mu.Unlock()
	let()
}

func (pl *place) restLaterLocked(r *Room) {
	if pl.idle == nil {
		pl.idle = time.AfterFunc(r.service.opts.Idle, r.rest)
	} else {
		pl.idle.Reset(r.service.opts.Idle)
	}
}

// rest lets a room go that nobody has needed for a while.
func (r *Room) rest() {
	pl := r.place
	pl.mu.Lock()
	let := func() {}
	if pl.users == 0 && pl.room == r && pl.loading == nil && r.need() != needed {
		let = pl.leaveLocked()
	}
	pl.mu.Unlock()
	let()
}

// leaveLocked has the place forget its room. What it gives is called without the lock.
func (pl *place) leaveLocked() (release func()) {
	r := pl.room
	pl.room = nil
	if pl.idle != nil {
		pl.idle.Stop()
		pl.idle = nil
	}
	return r.release
}

// A need says whether a room has to stay awake.
type need uint8

const (
	needed need = iota
	quiet       // somebody may want it again soon
	empty       // there is no such room
)

func (r *Room) need() need {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.seats) > 0 || r.pending > 0:
		return needed
	case !r.stored:
		return empty
	}
	return quiet
}

// wake reads a room from the store, and opens it. Whatever goes wrong, the next one may try.
func (s *Service) wake(ctx context.Context, room xmpp.JID, pl *place, release func()) (woken *Room, err error) {
	defer func() {
		if woken == nil {
			release()
		}
		pl.loaded(woken)
	}()
	kept, err := s.opts.Store.Room(ctx, room)
	if err != nil {
		return nil, err
	}
	r := &Room{JID: room, service: s, place: pl, release: release, seq: s.host.NewSequence(), coming: make(chan struct{}, mostComing), people: map[xmpp.JID]*Person{},
		occupants: map[string]*occupant{}, seats: map[xmpp.JID]*seat{}}
	if err := r.remember(ctx, kept); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.adoptLocked(kept)
	return r, nil
}

// reread is refresh, and the end of the reading.
func (r *Room) reread(ctx context.Context) error {
	defer r.place.loaded(nil)
	return r.refresh(ctx)
}

// refresh reads a room anew of which the store may know something else by now. Whoever wants the room waits, but those who had opened it before may still change it: what is
// read counts only if nothing has been ordered since it was.
func (r *Room) refresh(ctx context.Context) error {
	for {
		before := r.settled()
		r.stale.Store(false) // what fails from now on sets it again
		kept, err := r.service.opts.Store.Room(ctx, r.JID)
		if err != nil {
			r.stale.Store(true)
			return err
		}
		if r.adopt(kept, before) {
			return nil
		}
	}
}

// settled waits until everything that was ordered has been told, and tells how many events that were.
func (r *Room) settled() int {
	r.seq.Settle()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ordered - r.pending
}

// adopt takes over what the store has kept, if nothing has been ordered since it was read.
func (r *Room) adopt(kept *Stored, before int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ordered != before {
		return false
	}
	r.readoptLocked(kept)
	return true
}

// remember reads the newest messages of a room, for those who will come in.
func (r *Room) remember(ctx context.Context, kept *Stored) error {
	if kept == nil || !kept.Config.Policy.Archive || !r.service.opts.Archive.Keeps(r.JID.Domain()) {
		return nil
	}
	rows, err := r.service.opts.Archive.Rows(ctx, r.JID, RowQuery{Within: []Interval{{}}, Last: recentMost})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if isSubject(row.Stanza) {
			continue
		}
		r.recent.add(r.pastOf(row), false)
	}
	r.recent.more = r.recent.more || len(rows) == recentMost
	return nil
}

// adoptLocked takes over what the store has kept.
func (r *Room) adoptLocked(kept *Stored) {
	clear(r.people)
	r.nicks = nil
	if r.stored = kept != nil; !r.stored {
		return
	}
	subject := r.subject
	r.locked = false
	r.config, r.created, r.subject, r.avatar = kept.Config, kept.Created, kept.Subject, kept.Avatar
	if r.volatileLocked() { // there, it is known to those inside only
		r.subject = subject
	}
	for i := range kept.Members {
		p := kept.Members[i]
		r.people[p.Account] = &p
	}
	r.audience = nil
}

// readoptLocked is that for a room with people inside. Those of whom the store knows something else are shown as they are, or have to leave: they have been told nothing of a change that
// could not be written, but others may have seen it.
func (r *Room) readoptLocked(kept *Stored) {
	if kept == nil && r.locked {
		return // the store has never known it
	}
	before := map[*occupant]Affiliation{}
	for _, o := range r.occupants {
		before[o] = r.affiliationLocked(o.account)
	}
	r.adoptLocked(kept)
	if kept == nil {
		r.orderLocked(*r.destroyLocked(destruction{}), nil)
		return
	}
	u := r.upshotLocked("")
	for o, was := range before {
		switch is := r.affiliationLocked(o.account); {
		case !r.staysLocked(is):
			u.outLocked(o, farewell{codes: []int{333}})
		case is != was:
			u.moveLocked(o, r.usualRoleLocked(is), "")
		case slices.Contains(r.unsure, o):
			u.moveLocked(o, o.role, "")
		}
	}
	r.unsure = nil
	var codes []int
	if r.doubted != nil {
		codes = r.changedLocked(r.doubted, true)
		r.doubted = nil
	}
	if len(u.gone)+len(u.moved)+len(codes) > 0 {
		u.settleLocked()
		r.orderLocked(*r.changeLocked(u, codes), nil)
	}
	r.service.keeper.note(r)
}

var _ server.Module = (*Service)(nil)
