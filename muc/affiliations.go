package muc

import "palabre/xmpp"

// A standing is what somebody becomes to a room.
type standing struct {
	account     xmpp.JID // bare; or a domain, all of which is banned, or is not any more
	affiliation Affiliation
	nick        *string // reserved for them from now on, or none if it is empty; nil: it stays as it is
	reason      string
}

// raisedLocked is the standing of somebody who is to have an affiliation, and keeps a higher one.
func (r *Room) raisedLocked(account xmpp.JID, to Affiliation) standing {
	if p := r.people[account]; p != nil && p.Affiliation >= to {
		return standing{account: account, affiliation: p.Affiliation, reason: p.Reason}
	}
	return standing{account: account, affiliation: to}
}

// affiliateLocked is the one place where affiliations change (XEP-0045 §5.2.2): by an admin, by an invitation, by registration, and by leaving for good. It changes what is
// in memory, with what follows from it: roles, who has to leave the room, where intervals begin and end, who owns the room when its owner has gone, and that
// a room whose policy says so goes with its last member. by is the nick of who does it; empty: nobody is named. Whether it is allowed has been decided
// (permitAffiliationLocked). What it gives is to be ordered at once, as an event
// (upshot.event) or as a part of one.
func (r *Room) affiliateLocked(by string, list ...standing) *upshot {
	u := r.upshotLocked(by)
	if len(list) > 8 { // then it is cheaper to look through those inside once
		u.inside = map[xmpp.JID][]*occupant{}
		for _, o := range r.occupants {
			u.inside[o.account] = append(u.inside[o.account], o)
		}
	}
	for _, s := range list {
		u.affiliateLocked(s)
	}
	u.unhatLocked(list)
	u.succeedLocked()
	u.settleLocked()
	return u
}

func (u *upshot) affiliateLocked(s standing) {
	r := u.room
	s.reason = r.reasonLocked(s.reason)
	p := r.people[s.account]
	if p == nil {
		p = &Person{Account: s.account, Affiliation: None}
		r.people[s.account] = p
	}
	before := p.Affiliation
	p.Affiliation, p.Reason = s.affiliation, s.reason
	nick := p.Nick
	switch {
	case s.affiliation <= None:
		p.Nick, p.Joined = "", 0 // §9.1: nor does an outcast have a nickname
	case s.nick != nil:
		p.Nick = *s.nick
	}
	if p.Nick != nick {
		r.reserveLocked(p, nick)
	}
	if before <= None && s.affiliation > None {
		p.Joined = r.service.host.Now().UnixMilli() << 20 // until the commit says it exactly
	}
	u.keepLocked(p)
	switch {
	case before < Member && s.affiliation >= Member:
		u.beginLocked(p)
	case before >= Member && s.affiliation < Member:
		u.finishLocked(p)
	case s.affiliation == None && len(p.Intervals) == 0:
		delete(r.people, p.Account)
	}
	if before == s.affiliation {
		return
	}
	inside := u.occupantsOfLocked(s.account)
	for _, o := range inside {
		u.reviseLocked(o, before, s)
	}
	if len(inside) == 0 && (before >= Admin || s.affiliation >= Admin) {
		u.notes = append(u.notes, s)
	}
}

// keepLocked has the change written.
func (u *upshot) keepLocked(p *Person) {
	r := u.room
	if !r.stored {
		return
	}
	u.writes = append(u.writes, &Affiliate{Room: r.JID, Account: p.Account, Affiliation: p.Affiliation, Nick: p.Nick, Reason: p.Reason})
}

// beginLocked begins the interval of one who is inside when they become a member. For others it begins when they come in.
func (u *upshot) beginLocked(p *Person) {
	r := u.room
	if r.config.Policy.History != FromArrival || !r.stored || !r.archivesLocked() || len(u.occupantsOfLocked(p.Account)) == 0 {
		return
	}
	u.startLocked(p)
}

// startLocked begins an interval.
func (u *upshot) startLocked(p *Person) {
	w := &Begin{Room: u.room.JID, Account: p.Account}
	u.writes = append(u.writes, w)
	u.placed = append(u.placed, func() { p.began(w.At) })
}

// finishLocked ends the interval of one who is a member no more. Who may stay inside reads on from here, like others who are not members.
func (u *upshot) finishLocked(p *Person) {
	r := u.room
	if !r.stored {
		return
	}
	w, inside := &Finish{Room: r.JID, Account: p.Account}, u.occupantsOfLocked(p.Account)
	u.writes = append(u.writes, w)
	u.placed = append(u.placed, func() {
		if n := len(p.Intervals); n > 0 && p.Intervals[n-1].Until == 0 {
			p.Intervals = append([]Interval(nil), p.Intervals...) // others may be reading
			p.Intervals[n-1].Until = w.At
		}
		for _, o := range inside {
			for _, s := range o.seats {
				s.since = w.At
			}
		}
		if p.Affiliation == None && len(p.Intervals) == 0 && r.people[p.Account] == p {
			delete(r.people, p.Account)
		}
	})
}

// reviseLocked gives an occupant the role that goes with a new affiliation, or has them leave. Who rises keeps what role they have been given beside, who falls
// does not (§5.1.3 leaves the latter to us).
func (u *upshot) reviseLocked(o *occupant, before Affiliation, s standing) {
	r := u.room
	switch {
	case s.affiliation == Outcast:
		u.outLocked(o, farewell{codes: []int{301}, reason: s.reason, was: before}) // §9.1
		return
	case !r.staysLocked(s.affiliation):
		u.outLocked(o, farewell{codes: []int{321}, reason: s.reason, was: before}) // §9.4
		return
	}
	role := r.usualRoleLocked(s.affiliation)
	if s.affiliation > before {
		role = max(role, o.role)
	} else {
		role = min(role, o.role)
	}
	u.moveLocked(o, role, s.reason)
}

// succeedLocked finds a room whose owner has gone another one: a room has one always (§10). It is the highest of its members, and among those the one who has
// been so for longest. A room that lasts as long as its members ends when there are none.
func (u *upshot) succeedLocked() {
	r := u.room
	if !r.stored {
		return
	}
	heir := r.firstLocked()
	switch {
	case heir == nil && r.config.Policy.WithMembers:
		for _, o := range r.occupants {
			u.outLocked(o, farewell{more: "<destroy/>"}) // §10.9
		}
		u.writes = append(u.writes, r.endLocked()...)
	case heir != nil && heir.Affiliation != Owner:
		u.affiliateLocked(standing{account: heir.Account, affiliation: Owner})
	}
}

// firstLocked is who stands highest in a room, if there is anybody.
func (r *Room) firstLocked() *Person {
	var first *Person
	for _, p := range r.people {
		if p.Affiliation < Member {
			continue
		}
		if first == nil || p.Affiliation > first.Affiliation || p.Affiliation == first.Affiliation && p.Joined < first.Joined {
			first = p
		}
	}
	return first
}

// leavesNoOwnerLocked tells whether nobody would own the room any more after changes: what an owner may not do (§10.4).
func (r *Room) leavesNoOwnerLocked(list ...standing) bool {
	changed := map[xmpp.JID]Affiliation{}
	for _, s := range list {
		changed[s.account] = s.affiliation
		if s.affiliation == Owner {
			return false
		}
	}
	for account, p := range r.people {
		if _, is := changed[account]; !is && p.Affiliation == Owner {
			return false
		}
	}
	return true
}

func (u *upshot) occupantsOfLocked(account xmpp.JID) []*occupant {
	if u.inside != nil && account.Local() != "" {
		return u.inside[account]
	}
	return u.room.occupantsOfLocked(account)
}

// occupantsOfLocked is everybody inside with an account. A domain stands for all of its accounts that are nothing to the room by themselves (§9.2).
func (r *Room) occupantsOfLocked(account xmpp.JID) []*occupant {
	var out []*occupant
	for _, o := range r.occupants {
		if o.account == account || account == o.account.DomainJID() && !r.isKnownLocked(o.account) {
			out = append(out, o)
		}
	}
	return out
}

func (r *Room) isKnownLocked(account xmpp.JID) bool {
	p := r.people[account]
	return p != nil && p.Affiliation != None
}
