package muc

import (
	"context"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// registerOwner takes what owners ask of their rooms (XEP-0045 §10).
func (s *Service) registerOwner(*server.Host) {
	s.onRoom(nsOwner, "query", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		d, destroys := q.Payload.Child(nsOwner, "destroy")
		switch {
		case !q.IsSet():
			return r.showForm(q)
		case destroys:
			return xmpp.Element{}, r.destroy(ctx, q, d)
		}
		return xmpp.Element{}, r.configured(ctx, q)
	})
}

// showForm gives an owner the configuration (§10.1.3, §10.2).
func (r *Room) showForm(q *server.Request) (xmpp.Element, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.permitLocked(r.whoLocked(q.From), actOwn); err != nil {
		return xmpp.Element{}, err
	}
	return xmpp.New(nsOwner, "query", r.formLocked().Element()), nil
}

func (r *Room) formLocked() xmpp.Form {
	return r.config.form("Configuration of "+r.JID.String(), r.listedLocked(Owner), r.listedLocked(Admin))
}

// listedLocked lists the accounts with an affiliation.
func (r *Room) listedLocked(a Affiliation) (out []string) {
	for account, p := range r.people {
		if p.Affiliation == a {
			out = append(out, account.String())
		}
	}
	slices.Sort(out)
	return out
}

// configured takes the form. None at all, or one that is called off, leaves everything as it is; a new room goes with it (§10.1.3).
func (r *Room) configured(ctx context.Context, q *server.Request) error {
	x, ok := q.Payload.Child(xmpp.NSData, "x")
	if !ok {
		return xmpp.ErrBadRequest.With("This asks for nothing: there is no form in it.")
	}
	f, err := xmpp.ParseForm(x)
	if err != nil {
		return err
	}
	return r.change(ctx, func() (*event, error) {
		w := r.whoLocked(q.From)
		if err := r.permitLocked(w, actOwn); err != nil {
			return nil, err
		}
		switch {
		case f.Type == xmpp.FormCancel && r.locked:
			return r.destroyLocked(destruction{}), nil
		case f.Type == xmpp.FormCancel:
			return nil, nil
		}
		return r.configureLocked(w.account, f)
	})
}

// appointedLocked is what the lists of owners and admins in a form change (§10.5, §10.8). Who is an owner no more is an admin, and an admin no more a member, unless the lists say otherwise (§10.2).
func (r *Room) appointedLocked(f xmpp.Form) (out []standing, err error) {
	now := map[xmpp.JID]Affiliation{}
	for _, l := range []struct {
		field string
		is    Affiliation
	}{{fieldAdmins, Admin}, {fieldOwners, Owner}} {
		field, ok := f.Field(l.field)
		if !ok {
			continue
		}
		list, err := addresses(field)
		if err != nil {
			return nil, xmpp.ErrNotAcceptable.With("A list of people " + err.Error())
		}
		for _, account := range list {
			if account.Local() == "" {
				return nil, xmpp.ErrNotAcceptable.With(account.String() + " is not somebody's address.")
			}
			now[account] = l.is
		}
		for account, p := range r.people {
			if p.Affiliation == l.is && now[account] < l.is {
				now[account] = max(now[account], l.is-1)
			}
		}
	}
	more := 0
	for account, a := range now {
		if a != r.affiliationLocked(account) {
			out = append(out, standing{account: account, affiliation: a})
		}
		if r.people[account] == nil {
			more++
		}
	}
	slices.SortFunc(out, func(a, b standing) int { return int(b.affiliation) - int(a.affiliation) })
	switch {
	case len(out) > mostChanges:
		return nil, errManyChanges
	case more > 0 && len(r.people)+more > r.service.opts.Limits.Members:
		return nil, errMembers
	}
	if r.leavesNoOwnerLocked(out...) {
		return nil, xmpp.ErrConflict.With("A room has an owner: name another one first.") // §10.2
	}
	return out, nil
}
