package muc

import (
	"context"
	"errors"
	"sync"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

const (
	keeperSleep = time.Hour        // the timekeeper looks up at least so often: clocks are set
	keeperGrace = 10 * time.Minute // that a room has which goes when it is empty, and is empty from its beginning
	keeperRetry = 30 * time.Second // after which it tries again what the store was away for
)

// A timekeeper knows which rooms have to end and when: at a date, or when they have been empty for long enough. It looks after rooms that are asleep, too. What it knows is what
// the store knows (Store.Ending) and what has happened since; how long a room has been empty is counted from the start anew.
type timekeeper struct {
	mu   sync.Mutex // tier 4
	due  map[xmpp.JID]*deadline
	wake chan struct{} // of size 1: there may be an earlier one
}

// A deadline is when a room is to be looked at.
type deadline struct {
	at    time.Time
	empty time.Time // since when nobody is inside, as far as that is known; zero: somebody is, or was when it was last looked at
}

func newTimekeeper() *timekeeper {
	return &timekeeper{due: map[xmpp.JID]*deadline{}, wake: make(chan struct{}, 1)}
}

// note is called, with the room's lock, when the policy is another or the last one has left: it may end at another time now.
func (k *timekeeper) note(r *Room) {
	if !r.stored {
		return
	}
	p := &r.config.Policy
	now := r.service.host.Now()
	d := deadline{at: p.End}
	switch {
	case len(r.seats) > 0:
	case p.Vanish > 0:
		d.empty = now
		d.at = earlier(d.at, now.Add(p.Vanish))
	case !p.Persistent:
		d.empty = now
		d.at = earlier(d.at, now.Add(keeperGrace))
	}
	if !d.at.IsZero() {
		k.put(r.JID, d)
	}
}

// retry notes a room whose end could not be written.
func (k *timekeeper) retry(r *Room, writes []server.Write) {
	for _, w := range writes {
		if _, ok := w.(*Destroy); ok {
			now := r.service.host.Now()
			k.add(r.JID, deadline{at: now.Add(keeperRetry), empty: now})
		}
	}
}

// earlier is the first of two times; a zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// put notes a deadline. One room has one.
func (k *timekeeper) put(room xmpp.JID, d deadline) {
	k.mu.Lock()
	k.due[room] = &d
	k.mu.Unlock()
	k.rouse()
}

// take gives the rooms whose time has come, and when the next one's will.
func (k *timekeeper) take(now time.Time) (rooms map[xmpp.JID]*deadline, next time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rooms = map[xmpp.JID]*deadline{}
	for room, d := range k.due {
		if d.at.After(now) {
			next = earlier(next, d.at)
		} else {
			rooms[room] = d
			delete(k.due, room)
		}
	}
	return rooms, next
}

// Run ends rooms when their time has come, until the context ends. Rooms that go when they are empty, and that a crash has left behind, have as long as Options.Return for sessions to
// come back to them.
func (s *Service) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	loaded := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.keeper.wake:
		}
		wait := keeperSleep
		if !loaded {
			if loaded = s.findEnding(ctx); !loaded {
				wait = keeperRetry
			}
		}
		now := s.host.Now()
		rooms, next := s.keeper.take(now)
		for room, d := range rooms {
			s.look(ctx, room, d)
		}
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(now), time.Millisecond))
		}
		timer.Reset(wait)
	}
}

// findEnding notes the rooms that were there when the server was started. It tells whether the store could say.
func (s *Service) findEnding(ctx context.Context) bool {
	list, err := s.opts.Store.Ending(ctx)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, server.ErrAway) {
			s.log.Error("rooms that end not found", "module", "muc", "err", err)
		}
		return false
	}
	now := s.host.Now()
	for i := range list {
		p := &list[i].Config.Policy
		at := p.End
		if p.Vanish > 0 || !p.Persistent {
			at = earlier(at, now.Add(max(p.Vanish, s.opts.Return)))
		}
		s.keeper.add(list[i].Room, deadline{at: at, empty: now})
	}
	return true
}

// add notes a deadline of a room that has none.
func (k *timekeeper) add(room xmpp.JID, d deadline) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.due[room] == nil && !d.at.IsZero() {
		k.due[room] = &d
		k.rouse()
	}
}

// rouse has the timekeeper look up.
func (k *timekeeper) rouse() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// forget is called when a room is no more. If that can't be written, retry notes it again.
func (k *timekeeper) forget(room xmpp.JID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.due, room)
}

// look ends a room whose time has come, or notes when it will.
func (s *Service) look(ctx context.Context, room xmpp.JID, d *deadline) {
	r, err := s.open(ctx, room)
	if err == nil {
		defer r.close()
		err = r.change(ctx, func() (*event, error) { return r.dueLocked(d), nil })
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	if !errors.Is(err, server.ErrAway) {
		s.log.Error("a room that ends is still there", "jid", room.String(), "module", "muc", "err", err)
	}
	s.keeper.add(room, deadline{at: s.host.Now().Add(keeperRetry), empty: d.empty})
}

// dueLocked is the end of the room, if its time has come.
func (r *Room) dueLocked(d *deadline) *event {
	if !r.stored {
		return nil
	}
	p, now := &r.config.Policy, r.service.host.Now()
	if !p.End.IsZero() && !now.Before(p.End) {
		return r.destroyLocked(destruction{reason: "This conversation has come to its end."})
	}
	next := deadline{at: p.End}
	if len(r.seats) == 0 && (p.Vanish > 0 || !p.Persistent) {
		if next.empty = d.empty; next.empty.IsZero() {
			next.empty = now
		}
		over := next.empty.Add(p.Vanish)
		if !now.Before(over) {
			return r.destroyLocked(destruction{})
		}
		next.at = earlier(next.at, over)
	}
	if !next.at.IsZero() {
		r.service.keeper.add(r.JID, next)
	}
	return nil
}
