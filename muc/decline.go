package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// decline hands a refusal on to who has invited (XEP-0045 §7.8.2). The membership of somebody who has never been inside ends with it: it came with the invitation.
// It goes to nobody but people of the room, so that strangers don't write to others by way of it; who refuses does not learn who those are.
func (r *Room) decline(ctx context.Context, p *server.Passage, d xmpp.Element) error {
	to, err := xmpp.ParseJID(d.Attr("to"))
	if err != nil {
		return xmpp.ErrJIDMalformed.With("Say whose invitation you decline.")
	}
	if err := checkReason(d.ContentOf(nsUser, "reason")); err != nil {
		return err
	}
	inviter := r.inviter(to)
	barred, err := r.service.host.Barred(ctx, inviter, p.Stanza.From)
	if err != nil {
		return err
	}
	if !r.service.paced(p.Sender(), 1) {
		return errInvitations
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.whoLocked(p.Stanza.From)
	switch {
	case w.affiliation == Outcast || w.affiliation == None && r.config.Policy.Access == ByInvitation:
		return xmpp.ErrForbidden.With("You have not been invited to this room.")
	case r.isInsideLocked(w.account):
		return xmpp.ErrNotAcceptable.With("You are in this room already. Leave it instead.")
	}
	e := &event{tell: func(context.Context) {}}
	if r.neverInsideLocked(w.account) {
		if e, err = r.quitLocked(w.account); err != nil {
			return err
		}
	}
	if !inviter.IsZero() && !barred {
		m := xmpp.NewStanza(xmpp.Message, "", xmpp.New(nsUser, "x", r.handedOnLocked(d, w.account, "decline")))
		m.ID, m.From, m.To, m.Lang = p.Stanza.ID, r.JID, inviter, p.Stanza.Lang
		e.after = r.service.routing([]*xmpp.Stanza{m})
	}
	r.orderForLocked(p, *e)
	return nil
}

// inviter is the account of somebody of this room, whom an address or a nick stands for; zero if there is nobody.
func (r *Room) inviter(to xmpp.JID) xmpp.JID {
	r.mu.Lock()
	defer r.mu.Unlock()
	account := to.Bare()
	if account == r.JID {
		key, _ := nickKey(to.Resource())
		if o := r.occupants[key]; o != nil {
			return o.account
		}
		return xmpp.JID{}
	}
	if r.affiliationLocked(account) >= Member || r.isInsideLocked(account) {
		return account
	}
	return xmpp.JID{}
}

func (r *Room) isInsideLocked(account xmpp.JID) bool {
	for _, o := range r.occupants {
		if o.account == account {
			return true
		}
	}
	return false
}

// neverInsideLocked tells whether somebody is a member only, and has never come in as far as the room knows.
func (r *Room) neverInsideLocked(account xmpp.JID) bool {
	p := r.people[account]
	return p != nil && p.Affiliation == Member && p.Last == 0 && len(p.Intervals) == 0
}
