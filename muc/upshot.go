package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// An upshot is what follows from changes of affiliations or roles: what has to be written, and what is told once that is durable.
type upshot struct {
	room   *Room
	by     string                   // the nick of who has done it, or empty
	limit  Role                     // the least one whose presence others were told of before
	inside map[xmpp.JID][]*occupant // by account, where that is needed; nil: not looked up
	writes []server.Write
	placed []func() // take over what the commit has given; called with the lock
	gone   []*departure
	moved  []moved
	notes  []standing // who is not inside, and is an admin or owner from now on, or no more
	told   []func(context.Context)
	after  func(context.Context) // see event
	views  map[*occupant]*view   // of all, for new moderators; nil: nobody needs them
}

// moved is an occupant with a new role or affiliation.
type moved struct {
	occupant *occupant
	was, is  Role
	reason   string
}

func (r *Room) upshotLocked(by string) *upshot {
	return &upshot{room: r, by: by, limit: r.config.Policy.Presence}
}

// reasonLocked is what is told of a reason, and kept: nothing, where nothing that is said may be.
func (r *Room) reasonLocked(reason string) string {
	if r.volatileLocked() {
		return ""
	}
	return reason
}

// event is the upshot as an event of its own.
func (u *upshot) event() *event {
	return &event{writes: u.writes, tell: func(ctx context.Context) { u.tell(ctx, nil) }, after: u.after, undo: u.undoLocked, amiss: u.tellBroken}
}

// tell tells everybody: first those who are out, then who has asked for it, by answer, which may be nil, and then those inside (XEP-0045 §8.2).
func (u *upshot) tell(ctx context.Context, answer func()) {
	r := u.room
	r.take(u.placed)
	for _, d := range u.gone {
		d.tellGone(ctx, r)
	}
	if answer != nil {
		answer()
	}
	for _, d := range u.gone {
		d.tellOthers(ctx, r)
	}
	for _, fn := range u.told {
		fn(ctx)
	}
}

// take takes over what a commit has given.
func (r *Room) take(placed []func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, fn := range placed {
		fn()
	}
}

// undoLocked takes back what is not stored: everybody has the role that they had, unless they have been given another one since.
func (u *upshot) undoLocked() {
	for _, m := range u.moved {
		if m.occupant.role == m.is {
			m.occupant.role = m.was
		}
		u.room.unsure = append(u.room.unsure, m.occupant)
	}
	u.room.audience = nil
}

// tellBroken tells those who had to leave, and the others, that they are out for nothing.
func (u *upshot) tellBroken(ctx context.Context) {
	for _, d := range u.gone {
		d.tellBroken(ctx, u.room)
	}
}

// outLocked has an occupant leave.
func (u *upshot) outLocked(o *occupant, f farewell) {
	f.actor = u.by
	u.writes = append(u.writes, u.room.partLocked(o.account)...)
	d := u.room.dismissLocked(o, f)
	d.hidden = o.role < u.limit
	u.gone = append(u.gone, d)
}

// moveLocked gives an occupant a role; it may be the one that they have, if the affiliation is another.
func (u *upshot) moveLocked(o *occupant, role Role, reason string) {
	u.moved = append(u.moved, moved{o, o.role, role, reason})
	o.role, u.room.audience = role, nil
}

// settleLocked fixes who is told what.
func (u *upshot) settleLocked() {
	r := u.room
	r.audience = nil
	if len(u.gone) > 0 {
		u.writes = append(u.writes, r.emptiedLocked()...)
	}
	to := r.audienceLocked()
	for _, d := range u.gone {
		d.to = to
	}
	for _, m := range u.moved {
		if len(m.occupant.seats) > 0 {
			u.showLocked(m, to)
		}
	}
	for _, s := range u.notes {
		u.noteLocked(s, to)
	}
}

// showLocked has an occupant shown as they are now, to themselves and to others. Who has not been shown to others and is now, comes in,
// as they see it, and the other way round goes (§5.1.3).
func (u *upshot) showLocked(m moved, to []listener) {
	r, o := u.room, m.occupant
	s := o.seats[len(o.seats)-1]
	hats := r.hatsLocked(o)
	i := item{affiliation: r.affiliationLocked(o.account), role: o.role, reason: m.reason, occupant: o.id, hats: hats}
	limit := r.config.Policy.Presence
	v := &view{stanza: s.presence(), hidden: o.role < limit && m.was < u.limit}
	if o.role < limit {
		i.role, i.hats = NoRole, ""
		v.stanza = &xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeUnavailable, From: o.jid}
	}
	v.bare = i.element()
	i.jid = s.jid
	v.full = i.element()
	i.hats = hats
	i.role, i.statuses = o.role, []int{110}
	self := &view{stanza: s.presence(), full: i.element()}
	self.bare = self.full
	own := o.listeners()
	u.told = append(u.told, func(ctx context.Context) {
		r.giveView(ctx, own, self)
		r.giveOthers(ctx, to, o, v)
	})
	if r.config.Policy.Anonymous && o.role == Moderator && m.was < Moderator {
		u.unveilLocked(o, own)
	}
}

// unveilLocked tells one who becomes a moderator who the others are (§8).
func (u *upshot) unveilLocked(o *occupant, own []listener) {
	r := u.room
	if u.views == nil {
		u.views = make(map[*occupant]*view, len(r.occupants))
		for _, other := range r.occupants {
			if len(other.seats) > 0 {
				u.views[other] = r.viewLocked(other)
			}
		}
	}
	u.told = append(u.told, func(ctx context.Context) {
		for other, v := range u.views {
			if other != o && other.came.Load() {
				r.giveView(ctx, own, v)
			}
		}
	})
}

// noteLocked has those inside told of somebody who is not, and is an admin or owner from now on, or no more (§10.3, §10.6, §10.7).
func (u *upshot) noteLocked(s standing, to []listener) {
	r := u.room
	i := item{affiliation: s.affiliation, jid: s.account, reason: s.reason}
	st := &xmpp.Stanza{Kind: xmpp.Message, ID: r.service.host.NewID(), From: r.JID, Inner: i.element()}
	v := &view{stanza: st}
	var sees []listener
	for _, l := range to {
		if l.sees {
			sees = append(sees, l)
		}
	}
	u.told = append(u.told, func(ctx context.Context) { r.giveView(ctx, sees, v) })
}
