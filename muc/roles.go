package muc

import "palabre/xmpp"

// changeRolesLocked decides on new roles: kicks, voice, moderators (XEP-0045 §8.2 to §8.5, §9.6 to §9.8); all that a request asks for, or nothing. Roles are not kept.
func (r *Room) changeRolesLocked(w who, changes []change) (*upshot, error) {
	if err := r.permitRolesLocked(w); err != nil {
		return nil, err
	}
	var list []appointment
	twice := map[*occupant]bool{}
	for _, c := range changes {
		if err := checkReason(c.reason); err != nil {
			return nil, err
		}
		occupants, err := r.meantLocked(c)
		if err != nil {
			return nil, err
		}
		for _, o := range occupants {
			if twice[o] {
				return nil, xmpp.ErrBadRequest.With("The request names " + o.nick + " twice.")
			}
			twice[o] = true
			if err := r.permitRoleLocked(w, o, c.role); err != nil {
				return nil, err
			}
			list = append(list, appointment{o, c.role, c.reason})
		}
	}
	return r.appointLocked(w.nick(), list...), nil
}

// meantLocked is who a change of roles is about: clients say the nick; an address stands for those who are inside under it.
func (r *Room) meantLocked(c change) ([]*occupant, error) {
	if c.nick != nil {
		o, err := r.namedLocked(*c.nick)
		if err == nil && !c.jid.IsZero() && o.account != c.jid.Bare() {
			err = xmpp.ErrItemNotFound.With("Somebody else has this nickname.")
		}
		return []*occupant{o}, err
	}
	if s := r.seats[c.jid]; s != nil {
		return []*occupant{s.occupant}, nil
	}
	if c.jid.IsBare() && c.jid.Local() != "" {
		if occupants := r.occupantsOfLocked(c.jid); len(occupants) > 0 {
			return occupants, nil
		}
	}
	return nil, xmpp.ErrItemNotFound.With("There is nobody in this room with this address.")
}

// An appointment is an occupant's new role; none puts them out.
type appointment struct {
	occupant *occupant
	role     Role
	reason   string
}

// appointLocked changes roles. by is the nick of who does it, or empty. Whether it is allowed has been decided. What it gives is to be ordered at once.
func (r *Room) appointLocked(by string, list ...appointment) *upshot {
	u := r.upshotLocked(by)
	for _, a := range list {
		a.reason = r.reasonLocked(a.reason)
		switch {
		case a.role == NoRole:
			u.outLocked(a.occupant, farewell{codes: []int{307}, reason: a.reason}) // §8.2
		case a.role != a.occupant.role:
			u.moveLocked(a.occupant, a.role, a.reason)
		}
	}
	u.settleLocked()
	return u
}

// remoderateLocked gives occupants the roles that go with another configuration, and shows or hides them: who is no moderator gets the role that they would come in with, if it
// is another one whether the room is moderated, and who has been shown to others and is not to be any more goes, as they see it (§10.2).
func (u *upshot) remoderateLocked(before *Policy) {
	r := u.room
	now := &r.config.Policy
	already := map[*occupant]bool{}
	for _, m := range u.moved {
		already[m.occupant] = true
	}
	for _, o := range r.occupants {
		role := o.role
		if already[o] {
			continue // their role goes with what they are now
		}
		if now.Moderated != before.Moderated && role < Moderator {
			role = r.usualRoleLocked(r.affiliationLocked(o.account))
		}
		if role != o.role || (o.role < before.Presence) != (role < now.Presence) || now.Hats != before.Hats && role == Moderator {
			u.moveLocked(o, role, "")
		}
	}
}
