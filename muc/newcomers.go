package muc

import (
	"context"
	"errors"

	"palabre/server"
	"palabre/xmpp"
)

// newcomers is who is to be invited when a request is granted: who becomes a member of a room for members, was nothing to it, and is not there (XEP-0045 §9.5). The error is
// of the store.
func (s *Service) newcomers(ctx context.Context, r *Room, from xmpp.JID, changes []change) ([]invitee, error) {
	asked := r.membersToBe(from, changes)
	if len(asked) == 0 || !s.paced(from.Bare(), len(asked)) {
		return nil, nil // they are members all the same
	}
	var out []invitee
	for _, c := range asked {
		i, err := s.invitee(ctx, from, c.jid.Bare())
		if refused := (*xmpp.Error)(nil); errors.As(err, &refused) {
			continue // there is nobody to be told
		}
		if err != nil {
			return nil, err
		}
		i.invite = xmpp.New(nsUser, "invite")
		if c.reason != "" {
			i.invite = i.invite.Add(xmpp.New(nsUser, "reason", xmpp.Text(c.reason)))
		}
		out = append(out, i)
	}
	return out, nil
}

func (r *Room) membersToBe(from xmpp.JID, changes []change) []change {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config.Policy.Access != ByInvitation || r.affiliationLocked(from.Bare()) < Admin {
		return nil
	}
	var out []change
	for _, c := range changes {
		if !c.ofRole && c.affiliation == Member && c.jid.Local() != "" && r.affiliationLocked(c.jid.Bare()) == None {
			out = append(out, c)
		}
	}
	return out
}

// welcomeLocked sends the invitations once those who get them may come in.
func (u *upshot) welcomeLocked(w who, q *server.Request, people []invitee) {
	if len(people) > 0 {
		u.after = u.room.service.routing(u.room.invitationsLocked(w, q.Stanza, people))
	}
}
