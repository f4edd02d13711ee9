package muc

import (
	"context"

	"palabre/server"
)

// updateLocked is for one inside who is away for lunch, or wants another nick.
func (r *Room) updateLocked(p *server.Passage, s *seat, nick, key string) error {
	o := s.occupant
	if o.nick != nick {
		if err := r.renameLocked(o, nick, key); err != nil {
			return err
		}
	}
	s.says(p.Stanza)
	for i, other := range o.seats { // the last one to speak is shown
		if other == s {
			o.seats = append(append(o.seats[:i:i], o.seats[i+1:]...), s)
			break
		}
	}
	r.showLocked(p, o)
	return nil
}

// showLocked orders that all are told how an occupant is now.
func (r *Room) showLocked(p *server.Passage, o *occupant) {
	v, to, own := r.viewLocked(o), r.audienceLocked(), o.listeners()
	self := *v
	i := item{affiliation: r.affiliationLocked(o.account), role: o.role, jid: o.seats[len(o.seats)-1].jid, statuses: []int{110}, occupant: o.id, hats: r.hatsLocked(o)}
	self.full = i.element()
	self.bare, self.hidden = self.full, false
	r.orderLocked(event{by: p, tell: func(ctx context.Context) {
		r.giveView(ctx, own, &self)
		r.giveOthers(ctx, to, o, v)
	}}, nil)
}

// listeners are an occupant's own seats.
func (o *occupant) listeners() []listener {
	out := make([]listener, 0, len(o.seats))
	for _, s := range o.seats {
		out = append(out, listener{s, true})
	}
	return out
}

// renameLocked changes a nick (XEP-0045 §7.6): all sessions of the occupant go with it.
func (r *Room) renameLocked(o *occupant, nick, key string) error {
	if other := r.occupants[key]; other != nil && other != o || other == nil && r.reservedLocked(key, o.account) {
		return errNickTaken
	}
	d := r.farewellLocked(o, farewell{nick: nick, codes: []int{303}})
	d.gone = append([]*seat(nil), o.seats...)
	for _, l := range r.audienceLocked() {
		if l.occupant != o {
			d.to = append(d.to, l)
		}
	}
	delete(r.occupants, o.key)
	o.nick, o.jid, o.key = nick, r.from(nick), key
	r.occupants[key] = o
	r.orderLocked(event{tell: func(ctx context.Context) { d.tell(ctx, r) }}, nil)
	return nil
}
