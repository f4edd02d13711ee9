package muc

import "palabre/xmpp"

// An act is something that one can do in a room or to it.
type act uint8

const (
	actSpeak act = iota // to everybody
	actPrivate
	actSubject
	actInvite
	actRequest // an IQ to an occupant
	actRead    // the archive
	actMail    // what was said, to others
	actOwn     // what the room is
	actModerate
	actRetract
)

// A who is somebody who wants to do something.
type who struct {
	account     xmpp.JID // bare
	affiliation Affiliation
	role        Role      // NoRole: is not inside
	occupant    *occupant // nil: is not inside
}

// whoLocked is who an address stands for.
func (r *Room) whoLocked(full xmpp.JID) who {
	w := who{account: full.Bare()}
	w.affiliation = r.affiliationLocked(w.account)
	if s := r.seats[full]; s != nil {
		w.occupant, w.role = s.occupant, s.occupant.role
	}
	return w
}

// is tells whether somebody inside is among those that a policy names.
func (w who) is(group Who) bool {
	switch group {
	case Everybody:
		return w.role > NoRole
	case Speakers:
		return w.role >= Participant
	case Moderators:
		return w.role >= Moderator
	}
	return false
}

// permitLocked is the one place where it is decided whether somebody may do something. The error is an *xmpp.Error.
func (r *Room) permitLocked(w who, a act) error {
	p := &r.config.Policy
	switch a {
	case actSpeak:
		if w.role == NoRole {
			return errNotInside // XEP-0045 §7.4
		}
		if w.role < Participant {
			return xmpp.ErrForbidden.With("Visitors can't speak in this room. Ask for voice.") // §7.4
		}
	case actSubject:
		if !w.is(p.Subject) {
			return xmpp.ErrForbidden.With("You may not change the subject of this room.") // §8.1
		}
	case actPrivate:
		if w.role == NoRole {
			return errNotInside // §7.5
		}
		if !w.is(p.private()) {
			return errPrivate[p.private() == Nobody]
		}
	case actInvite:
		if w.role == NoRole && w.affiliation < Admin {
			return errNotInside
		}
		if !w.is(p.Invite) && w.affiliation < Admin {
			return xmpp.ErrForbidden.With("You may not invite to this room.") // §7.8.2
		}
	case actRequest:
		if w.role == NoRole {
			return errNotInside
		}
		if !p.Requests {
			return xmpp.ErrNotAllowed.With("In this room, nobody can ask other people's programs for anything.")
		}
	case actModerate:
		if !p.Edits {
			return errEdits
		}
		if w.role < Moderator && w.affiliation < Admin {
			return xmpp.ErrForbidden.With("Only moderators can delete what others have said.") // XEP-0425 §4
		}
	case actRetract:
		if w.role == NoRole {
			return errNotInside
		}
		if !p.Edits {
			return errEdits
		}
	case actOwn:
		if w.affiliation != Owner {
			return xmpp.ErrForbidden.With("Only owners of this room may do that.") // §10
		}
	case actMail:
		if w.affiliation < Member && w.role == NoRole {
			return errNotInside
		}
	case actRead:
		if w.affiliation == Outcast || w.affiliation == None && w.role == NoRole && !r.isOpenLocked() {
			return xmpp.ErrForbidden.With("Only its members can read what was said in this room.")
		}
	}
	return nil
}

// isOpenLocked tells whether anybody may come in.
func (r *Room) isOpenLocked() bool {
	return r.config.Policy.Access == Open && r.config.Password == ""
}

// staysLocked tells whether somebody with an affiliation may be inside at all.
func (r *Room) staysLocked(a Affiliation) bool {
	return a >= Member || a == None && r.config.Policy.Access == Open
}

// managerLocked is who an address stands for where what counts is the account, not the session that asks (XEP-0045 §8, §9).
func (r *Room) managerLocked(full xmpp.JID) who {
	w := r.whoLocked(full)
	for _, o := range r.occupants {
		if o.account == w.account && o.role > w.role {
			w.occupant, w.role = o, o.role
		}
	}
	return w
}

// permitAffiliationsLocked decides whether somebody may change affiliations at all.
func (r *Room) permitAffiliationsLocked(w who) error {
	if w.affiliation < Admin {
		return xmpp.ErrForbidden.With("Only the room's admins and owners can do this.") // §9
	}
	return nil
}

// permitAffiliationLocked decides whether somebody of those may give an account or a domain an affiliation. That the last owner stays is decided for a whole request.
func (r *Room) permitAffiliationLocked(w who, s standing) error {
	before := None
	if p := r.people[s.account]; p != nil {
		before = p.Affiliation
	}
	bans := s.affiliation == Outcast
	switch {
	case bans && s.account == w.account:
		return xmpp.ErrConflict.With("You can't ban yourself.") // §9.1
	case w.affiliation == Owner:
		return nil
	case bans && before >= Admin:
		return xmpp.ErrNotAllowed.With("Only an owner can ban an admin or owner.") // §9.1, §5.2.2
	case before >= Admin || s.affiliation >= Admin:
		return xmpp.ErrForbidden.With("Only an owner can say who the owners and admins are.") // §10.5, §10.8
	}
	return nil
}

// permitRolesLocked decides whether somebody may change roles at all.
func (r *Room) permitRolesLocked(w who) error {
	if w.role < Moderator && w.affiliation < Admin {
		return xmpp.ErrForbidden.With("Only the room's moderators can do this.") // §8
	}
	return nil
}

// permitRoleLocked decides whether somebody of those may give an occupant a role; none: put them out.
func (r *Room) permitRoleLocked(w who, o *occupant, role Role) error {
	a := r.affiliationLocked(o.account)
	switch {
	case role == NoRole && w.role < Moderator:
		return xmpp.ErrForbidden.With("Only a moderator who is inside can put somebody out.") // §8
	case role == NoRole && o.account == w.account:
		return nil // §8.2: it is common, as an apology
	case role == NoRole && (a > w.affiliation || o.role == Moderator && w.affiliation < Admin):
		return xmpp.ErrNotAllowed.With("You may not put this one out.") // §8.2, §5.1.3
	case role == NoRole:
		return nil
	case role < Moderator && a >= Admin:
		return xmpp.ErrNotAllowed.With("Admins and owners are moderators always.") // §8.4, §9.7
	case role == Moderator || o.role == Moderator:
		if w.affiliation < Admin {
			return xmpp.ErrForbidden.With("Only an admin or owner can say who the moderators are.") // §9.6, §9.7
		}
		return nil
	case w.role < Moderator:
		return xmpp.ErrForbidden.With("Only a moderator who is inside can give voice and take it.") // §8
	case role < o.role && a >= w.affiliation:
		return xmpp.ErrNotAllowed.With("You may not take this one's voice.") // §8.4: nor from one who stands as high; §8.5 says less
	}
	return nil
}

// permitRoleListLocked decides whether somebody may see who has a role (§8.5, §9.8).
func (r *Room) permitRoleListLocked(w who, role Role) error {
	if role == Moderator && w.affiliation >= Admin || role < Moderator && w.role == Moderator {
		return nil
	}
	return xmpp.ErrForbidden.With("You may not see this list.")
}

// permitAffiliationListLocked decides whether somebody may see who has an affiliation. Where everybody knows who the others are anyway, members may see all but the bans:
// they need that to write to those who are not inside, too.
func (r *Room) permitAffiliationListLocked(w who, a Affiliation) error {
	refusal := xmpp.ErrForbidden.With("You may not see this list.")
	switch {
	case w.affiliation == Owner:
		return nil
	case a == Outcast:
		if w.affiliation < Admin {
			return refusal // §9.2
		}
	case r.config.Policy.Anonymous:
		if a >= Admin || w.affiliation < Admin {
			return refusal // §9.5, §10.5, §10.8
		}
	case w.affiliation < Member && (w.role == NoRole || r.config.Policy.Access != ByInvitation):
		return refusal // §9.5
	}
	return nil
}

var (
	errNotInside = xmpp.ErrNotAcceptable.With("You are not in this room. Enter it first.")
	errEdits     = xmpp.ErrNotAllowed.With("What was said in this room can't be changed or deleted, by anybody.")
	errPrivate   = map[bool]error{
		true:  xmpp.ErrNotAllowed.With("There are no private messages in this room."),
		false: xmpp.ErrForbidden.With("You may not send private messages in this room."),
	}
)
