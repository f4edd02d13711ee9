package muc

import (
	"context"

	"palabre/stream"
	"palabre/xmpp"
)

// An arrivalTold is who is told what when somebody comes in, as it is when that is ordered.
type arrivalTold struct {
	views   []glance   // of those who are inside already
	to      []listener // them
	own     *view
	self    item // what the newcomer is told of themselves
	sees    bool // the newcomer is told who occupants are
	subject *xmpp.Stanza
}

// arrivalLocked seats somebody.
func (r *Room) arrivalLocked(s *seat, e *entry) *arrivalTold {
	to := r.audienceLocked()
	r.sitLocked(s)
	t := r.arrivedLocked(s, e)
	t.to = to
	return t
}

// arrivedLocked is what who is inside is told on entering, by nobody else being told of it.
func (r *Room) arrivedLocked(s *seat, e *entry) *arrivalTold {
	o := s.occupant
	t := &arrivalTold{own: r.viewLocked(o), views: make([]glance, 0, len(r.occupants)), subject: r.subjectLocked()}
	for _, other := range r.occupants {
		if other != o && len(other.seats) > 0 {
			t.views = append(t.views, r.glanceLocked(other))
		}
	}
	t.sees = !r.config.Policy.Anonymous || o.role == Moderator
	t.self = item{affiliation: r.affiliationLocked(o.account), role: o.role, jid: s.jid, occupant: o.id, hats: r.hatsLocked(o),
		statuses: append(append(r.warningsLocked(), 110), e.codes...)}
	return t
}

// warningsLocked are the codes for what who comes in has to know.
func (r *Room) warningsLocked() (codes []int) {
	if !r.config.Policy.Anonymous {
		codes = append(codes, 100) // §7.2.3
	}
	if r.isPublicRecordLocked() {
		codes = append(codes, 170) // §7.2.12
	}
	return codes
}

// tellArrival is the order of events of §7.1: who is inside, oneself, what was said, the subject. The others are told of the newcomer.
func (r *Room) tellArrival(ctx context.Context, s *seat, t *arrivalTold, e *entry) {
	c := r.service.host.NewCast()
	own := func(st *xmpp.Stanza, tail string) {
		c.Give(ctx, s.session, stream.Packet{Stanza: st, To: s.jid, Tail: tail})
	}
	for i := range t.views {
		if v := &t.views[i]; !v.hidden && v.occupant.came.Load() {
			own(v.stanza(), v.tail(t.sees))
		}
	}
	s.occupant.came.Store(true)
	history, volatile := r.filled(s, e)
	r.giveView(ctx, t.to, t.own)
	own(t.own.stanza, t.self.element())
	for _, h := range history {
		own(h.st, h.tail)
	}
	c.Give(ctx, s.session, stream.Packet{Stanza: t.subject, To: s.jid, Volatile: volatile})
}

// filled ends a dig with what it has brought to light.
func (r *Room) filled(s *seat, e *entry) (history []past, volatile bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.filledLocked(e)
	return r.historyLocked(s, e), r.volatileLocked()
}

// tail is what stands behind a presence.
func (v *view) tail(sees bool) string {
	if sees {
		return v.full
	}
	return v.bare
}

// giveView tells listeners how an occupant is now.
func (r *Room) giveView(ctx context.Context, to []listener, v *view) {
	if v.hidden {
		return
	}
	c := r.service.host.NewCast()
	for _, l := range to {
		if !l.out.Load() {
			c.Give(ctx, l.session, stream.Packet{Stanza: v.stanza, To: l.jid, Tail: v.tail(l.sees)})
		}
	}
}

// giveOthers is giveView for all but one occupant. The list of those inside is shared: with many changes at once, lists of their own would fill the memory.
func (r *Room) giveOthers(ctx context.Context, to []listener, but *occupant, v *view) {
	if v.hidden || !but.came.Load() {
		return
	}
	c := r.service.host.NewCast()
	for _, l := range to {
		if l.seat.occupant != but && !l.out.Load() {
			c.Give(ctx, l.session, stream.Packet{Stanza: v.stanza, To: l.jid, Tail: v.tail(l.sees)})
		}
	}
}
