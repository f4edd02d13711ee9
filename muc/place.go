package muc

import (
	"context"
	"sync"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A place is where a room hangs on the account of its address, while it is awake.
type place struct {
	mu      sync.Mutex    // tier 2, before the room's
	room    *Room         // nil: asleep
	users   int           // who has opened the room and not closed it
	loading chan struct{} // not nil: somebody reads the room from the store; closed when that is through
	idle    *time.Timer
}

// open gives a room, awake, whether or not there is such a room. It stays awake until close is called, which must be. The error is of the store.
func (s *Service) open(ctx context.Context, room xmpp.JID) (*Room, error) {
	a, release := s.host.Account(room)
	pl := s.places.Get(a)
	for {
		pl.mu.Lock()
		switch {
		case pl.loading != nil:
			through := pl.loading
			pl.mu.Unlock()
			select {
			case <-through:
				continue
			case <-ctx.Done():
				release()
				return nil, ctx.Err()
			}
		case pl.room != nil && !pl.room.stale.Load():
			r := pl.room
			pl.users++
			pl.mu.Unlock()
			release() // the room holds the account by itself
			return r, nil
		}
		through := make(chan struct{})
		pl.loading = through
		before := pl.room
		pl.mu.Unlock()

		r, err := s.wake(ctx, room, pl, before)
		pl.mu.Lock()
		pl.loading = nil
		if err == nil {
			pl.room = r
			pl.users++
		}
		pl.mu.Unlock()
		close(through)
		switch {
		case err != nil:
			release()
			return nil, err
		case before != nil:
			release()
		default:
			r.release = release
		}
		return r, nil
	}
}

// close lets go of a room that open gave.
func (r *Room) close() {
	pl := r.place
	pl.mu.Lock()
	pl.users--
	let := func() {}
	if pl.users == 0 && pl.room == r {
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

// wake reads a room from the store: into a new one, or into one of which the store may know something else by now.
func (s *Service) wake(ctx context.Context, room xmpp.JID, pl *place, before *Room) (*Room, error) {
	if before != nil {
		before.seq.Settle() // nothing new comes: whoever wants the room waits
	}
	kept, err := s.opts.Store.Room(ctx, room)
	if err != nil {
		return nil, err
	}
	r := before
	if r == nil {
		r = &Room{JID: room, service: s, place: pl, seq: s.host.NewSequence(), people: map[xmpp.JID]*Person{},
			occupants: map[string]*occupant{}, seats: map[xmpp.JID]*seat{}}
		if err := r.remember(ctx, kept); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.adoptLocked(kept)
	r.stale.Store(false)
	return r, nil
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
	r.config, r.created, r.subject, r.avatar = kept.Config, kept.Created, kept.Subject, kept.Avatar
	for i := range kept.Members {
		p := kept.Members[i]
		r.people[p.Account] = &p
	}
	for _, o := range r.occupants {
		r.reviseLocked(o)
	}
	r.audience = nil
}

// reload has the room read again before anybody uses it: what became of a commit is not known.
func (r *Room) reload(err error) {
	if err != nil {
		r.stale.Store(true)
		r.service.log.Warn("a room could not be written", "jid", r.JID.String(), "err", err)
	}
}

var _ server.Module = (*Service)(nil)
