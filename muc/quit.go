package muc

import (
	"context"
	"errors"

	"palabre/server"
	"palabre/xmpp"
)

// quitLocked is the event of somebody leaving for good: their membership ends, and where one can be inside as a member only, they are put out. Somebody
// owns the room always: the one who comes next, or, if there is nobody, the last owner stays.
func (r *Room) quitLocked(account xmpp.JID) (*event, error) {
	s := standing{account: account, affiliation: None}
	switch {
	case r.affiliationLocked(account) < Member:
		return nil, xmpp.ErrRegistrationRequired.With("You are not a member of this room.") // XEP-0077 §3.2
	case r.locked:
		return nil, xmpp.ErrNotAllowed.With("This room is not ready yet. Leave it, and it is gone.")
	case r.leavesNoOwnerLocked(s) && !r.config.Policy.WithMembers && r.memberCountLocked() == 1:
		return nil, xmpp.ErrConflict.With("You are the last owner of this room. Make somebody else its owner, or destroy it.")
	}
	// All are told of admins and owners anyway; and nobody has seen one who has never been inside.
	absent := len(r.occupantsOfLocked(account)) == 0 && r.affiliationLocked(account) == Member && !r.neverInsideLocked(account)
	u := r.affiliateLocked("", s)
	if absent {
		u.noteLocked(s, r.audienceLocked())
	}
	return u.event(), nil
}

// memberCountLocked is how many have an affiliation above None.
func (r *Room) memberCountLocked() int {
	n := 0
	for _, p := range r.people {
		if p.Affiliation >= Member {
			n++
		}
	}
	return n
}

// quit has somebody leave for good. The error is an *xmpp.Error, or of the store.
func (r *Room) quit(ctx context.Context, account xmpp.JID) error {
	return r.part(ctx, account, func() (*event, error) { return r.quitLocked(account) })
}

// part is change for somebody's going. If the room goes with them, that is decided when all that was ordered before has been written: somebody who is being removed just now, and
// is not in the end, has a room still.
func (r *Room) part(ctx context.Context, account xmpp.JID, decide func() (*event, error)) error {
	for range 3 {
		err := r.change(ctx, func() (*event, error) {
			if (r.pending > 0 || r.stale.Load()) && r.endsWithoutLocked(account) {
				return nil, errUnsettled
			}
			return decide()
		})
		if err != errUnsettled {
			return err
		}
		r.seq.Settle()
		if r.stale.Load() {
			break
		}
	}
	return server.ErrAway
}

var errUnsettled = errors.New("muc: something is not written yet")

// endsWithoutLocked tells whether the room ends when an account is no member any more.
func (r *Room) endsWithoutLocked(account xmpp.JID) bool {
	return r.config.Policy.WithMembers && r.affiliationLocked(account) >= Member && r.memberCountLocked() == 1
}
