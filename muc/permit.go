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
		if !w.is(p.Private) {
			return errPrivate[p.Private == Nobody]
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
	case actRead:
		if w.affiliation == Outcast || w.affiliation == None && w.role == NoRole && p.Access != Open {
			return xmpp.ErrForbidden.With("Only its members can read what was said in this room.")
		}
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
