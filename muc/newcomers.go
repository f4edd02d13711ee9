package muc

import (
	"context"
	"errors"

	"palabre/server"
	"palabre/xmpp"
)

// exist refuses to make somebody of this server's so much, or more, in a room who has no account: whoever gets that name later would be it. The error is an *xmpp.Error, or of
// the store.
func (s *Service) exist(ctx context.Context, least Affiliation, changes []change) error {
	for _, c := range changes {
		j := c.jid.Bare()
		if c.ofRole || c.affiliation < least || j.Local() == "" || !s.host.IsLocal(j.Domain()) {
			continue
		}
		if err := s.existing(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

// existing gives an error for an account that there is not.
func (s *Service) existing(ctx context.Context, account xmpp.JID) error {
	ok, err := s.host.Exists(ctx, account)
	if err == nil && !ok {
		err = xmpp.ErrItemNotFound.With("There is no account " + account.String() + ".") // XEP-0045 §7.8.2
	}
	return err
}

func (r *Room) mayAffiliate(from xmpp.JID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.permitAffiliationsLocked(r.managerLocked(from)) == nil
}

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
