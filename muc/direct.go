package muc

import (
	"context"
	"errors"

	"palabre/server"
	"palabre/xmpp"
)

const nsConference = "jabber:x:conference" // XEP-0249

// direct looks at what goes out for an invitation that does not go by way of the room (XEP-0249 §2): if who sends it may invite, the addressee is let in before it
// arrives. Anybody else may write what they like; it lets nobody in.
func (s *Service) direct(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	if st.Kind != xmpp.Message || !st.Has(nsConference, "x") || st.Type == xmpp.TypeError || st.Type == xmpp.TypeGroupchat {
		return nil
	}
	x, _ := st.Child(nsConference, "x")
	room, err := xmpp.ParseJID(x.Attr("jid"))
	if err != nil || room.Local() == "" || !room.IsBare() || s.opts.Rooms[room.Domain()] == "" {
		return nil
	}
	r, err := s.open(ctx, room)
	if err != nil {
		return err
	}
	defer r.close()
	if !r.admits(st) {
		return nil
	}
	i, err := s.invitee(ctx, st.From, st.To.Bare())
	if err != nil {
		var e *xmpp.Error
		if errors.As(err, &e) {
			return nil // the message itself will meet it
		}
		return err
	}
	if !s.paced(st.From.Bare(), 1) {
		return errInvitations
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.admitsLocked(st) {
		return nil
	}
	if !r.pacedLocked(1) {
		return errInvitations
	}
	w := r.whoLocked(st.From)
	if err := r.readyLocked(w); err != nil {
		return err
	}
	e, err := r.inviteLocked(w, st, []invitee{i})
	if err != nil {
		return err
	}
	r.orderForLocked(p, *e)
	return nil
}

func (r *Room) admits(st *xmpp.Stanza) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admitsLocked(st)
}

// admitsLocked tells whether a message's addressee becomes a member by the invitation in it, or is one.
func (r *Room) admitsLocked(st *xmpp.Stanza) bool {
	return (r.stored || r.locked) && r.config.Policy.Access == ByInvitation && r.affiliationLocked(st.To.Bare()) > Outcast &&
		r.permitLocked(r.whoLocked(st.From), actInvite) == nil
}
