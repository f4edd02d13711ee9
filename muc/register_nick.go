package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

const (
	formRegister = "http://jabber.org/protocol/muc#register"
	fieldNick    = "muc#register_roomnick"
)

// registerRegistration is membership on one's own account (XEP-0045 §7.10): one who may come in anyway becomes a member, a member has a nickname kept for them,
// or leaves for good.
func (s *Service) registerRegistration(*server.Host) {
	s.onRoom(nsRegistration, "query", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		if !q.IsSet() {
			return r.registration(q.From)
		}
		if _, ok := q.Payload.Child(nsRegistration, "remove"); ok {
			if len(q.Payload.Elements()) != 1 {
				return xmpp.Element{}, xmpp.ErrBadRequest // XEP-0077 §3.2
			}
			return xmpp.Element{}, r.quit(ctx, q.From.Bare())
		}
		x, _ := q.Payload.Child(xmpp.NSData, "x")
		form, err := xmpp.ParseForm(x)
		if err != nil || form.Type != xmpp.FormSubmit || form.About() != formRegister {
			return xmpp.Element{}, xmpp.ErrBadRequest.With("Fill in the form that the room gives you, and send that.") // §7.10
		}
		return xmpp.Element{}, r.change(ctx, func() (*event, error) { return r.registeredLocked(q.From.Bare(), form.Value(fieldNick)) })
	})
}

// registration is what is to be filled in, and what is there already.
func (r *Room) registration(full xmpp.JID) (xmpp.Element, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	account := full.Bare()
	if err := r.mayRegisterLocked(account); err != nil {
		return xmpp.Element{}, err
	}
	out := xmpp.New(nsRegistration, "query")
	field := xmpp.Field{Var: fieldNick, Type: xmpp.FieldTextSingle, Label: "Nickname", Required: true}
	if p := r.people[account]; p != nil && p.Affiliation >= Member {
		out = out.Add(xmpp.New(nsRegistration, "registered"))
		if p.Nick != "" {
			out = out.Add(xmpp.New(nsRegistration, "username", xmpp.Text(p.Nick)))
			field.Values = []string{p.Nick}
		}
	}
	form := xmpp.NewForm(xmpp.FormForm, formRegister, field)
	form.Title = "Membership"
	form.Instructions = "A member has a nickname that nobody else in the room can have."
	text := "Choose the nickname that is to be kept for you in this room."
	return out.Add(xmpp.New(nsRegistration, "instructions", xmpp.Text(text)), form.Element()), nil
}

// mayRegisterLocked says who may not become a member on their own account: who could not come in, and who would get by it a voice that they do not have.
func (r *Room) mayRegisterLocked(account xmpp.JID) error {
	p := &r.config.Policy
	switch a := r.affiliationLocked(account); {
	case a == Outcast:
		return xmpp.ErrNotAllowed.With("You are banned from this room.") // §7.10
	case a == None && p.Access == ByInvitation:
		return xmpp.ErrNotAllowed.With("Only those who were invited can become members of this room. Ask somebody inside for an invitation.")
	case a == None && (p.Moderated || r.config.Password != ""):
		return xmpp.ErrNotAllowed.With("Ask an administrator of this room to make you a member.")
	case r.locked:
		return errNotReady
	}
	return nil
}

// registeredLocked is the event of somebody becoming a member, or having another nickname kept for them.
func (r *Room) registeredLocked(account xmpp.JID, nick string) (*event, error) {
	if err := r.mayRegisterLocked(account); err != nil {
		return nil, err
	}
	key, ok := r.usableNick(nick)
	if !ok {
		return nil, errNick
	}
	if o := r.occupants[key]; o != nil && o.account != account || r.reservedLocked(key, account) {
		return nil, errNickTaken // §7.10
	}
	a := max(r.affiliationLocked(account), Member)
	if r.people[account] == nil && len(r.people) >= r.service.opts.Limits.Members {
		return nil, errMembers
	}
	return r.affiliateLocked("", standing{account: account, affiliation: a, nick: &nick}).event(), nil
}
