package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// How often people may be invited: by one account, and to one room. Refusals count like invitations.
var (
	inviterPace = server.Pace{Burst: 100, Each: 10 * time.Second}
	roomPace    = server.Pace{Burst: 300, Each: 2 * time.Second}
)

// mostInvited is how many people one message can invite.
const mostInvited = 200

// mediate is what goes by way of the room: invitations, refusals, requests for voice.
func (r *Room) mediate(ctx context.Context, p *server.Passage) error {
	x, _ := p.Stanza.Child(nsUser, "x")
	invites := childrenOf(x, nsUser, "invite")
	decline, declines := x.Child(nsUser, "decline")
	form, voice := voiceForm(p.Stanza)
	switch {
	case p.Stanza.Type != "" && p.Stanza.Type != xmpp.TypeNormal:
		return xmpp.ErrBadRequest.With("What is said to everybody in a room is of type groupchat.")
	case len(invites) > 0:
		return r.invite(ctx, p, invites)
	case declines:
		return r.decline(ctx, p, decline)
	case voice:
		return r.voice(p, form)
	}
	return xmpp.ErrFeatureNotImplemented.With("The room does not know what to do with this message.")
}

func childrenOf(e xmpp.Element, space, local string) []xmpp.Element {
	var out []xmpp.Element
	for _, c := range e.Elements() {
		if c.Is(space, local) {
			out = append(out, c)
		}
	}
	return out
}

// An invitee is somebody whom an occupant invites.
type invitee struct {
	account xmpp.JID     // bare
	invite  xmpp.Element // as it came; zero: the invitation does not go by way of the room
	silent  bool         // wants nothing to do with who invites: is not told, and who invites does not learn of it
}

// invite hands invitations on (XEP-0045 §7.8.2), and makes members of those who could not come in otherwise. All are invited, or none.
func (r *Room) invite(ctx context.Context, p *server.Passage, asked []xmpp.Element) error {
	if err := r.permits(p.Stanza.From, actInvite); err != nil { // before anybody is told who exists
		return err
	}
	if !r.service.paced(p.Sender(), len(asked)) { // also for those whom there is not: nobody finds out without end who there is
		return errInvitations
	}
	people, err := r.service.invitees(ctx, p.Stanza.From, asked)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.whoLocked(p.Stanza.From)
	if err := r.permitLocked(w, actInvite); err != nil {
		return err
	}
	if !r.pacedLocked(len(people)) {
		return errInvitations
	}
	if err := r.readyLocked(w); err != nil {
		return err
	}
	e, err := r.inviteLocked(w, p.Stanza, people)
	if err != nil {
		return err
	}
	r.orderForLocked(p, *e)
	return nil
}

func (r *Room) permits(full xmpp.JID, a act) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.permitLocked(r.whoLocked(full), a)
}

// invitees reads who is invited. The error is an *xmpp.Error, or of the store.
func (s *Service) invitees(ctx context.Context, from xmpp.JID, asked []xmpp.Element) ([]invitee, error) {
	if len(asked) > mostInvited {
		return nil, xmpp.ErrNotAcceptable.With("Too many people at once. Invite them in several messages.")
	}
	var out []invitee
	seen := map[xmpp.JID]bool{}
	for _, e := range asked {
		j, err := xmpp.ParseJID(e.Attr("to"))
		if err != nil {
			return nil, xmpp.ErrJIDMalformed.With("One of those to be invited has no address.")
		}
		if err := checkReason(e.ContentOf(nsUser, "reason")); err != nil {
			return nil, err
		}
		if seen[j.Bare()] {
			continue
		}
		seen[j.Bare()] = true
		i, err := s.invitee(ctx, from, j.Bare())
		if err != nil {
			return nil, err
		}
		i.invite = e
		out = append(out, i)
	}
	return out, nil
}

// invitee looks at one of them. A local account that there is not is an error, one that has blocked who invites is not: that is its own business.
func (s *Service) invitee(ctx context.Context, from, account xmpp.JID) (invitee, error) {
	i := invitee{account: account}
	if _, room := s.opts.Rooms[account.Domain()]; room || account.Local() == "" {
		return i, xmpp.ErrItemNotFound.With(account.String() + " is nobody who can be invited.")
	}
	if !s.host.IsLocal(account.Domain()) {
		return i, nil
	}
	if err := s.existing(ctx, account); err != nil {
		return i, err
	}
	var err error
	i.silent, err = s.host.Barred(ctx, account, from)
	return i, err
}

// inviteLocked is the event of people being invited: who could not come in becomes a member, and is told once that is durable. st, which may be empty, is what it was
// asked for by. The error is an *xmpp.Error.
func (r *Room) inviteLocked(w who, st *xmpp.Stanza, people []invitee) (*event, error) {
	if r.locked {
		return nil, errNotReady // §10.1.2
	}
	var members []standing
	added := 0
	for _, i := range people {
		a := r.affiliationLocked(i.account)
		if a == Outcast {
			return nil, xmpp.ErrForbidden.With(i.account.String() + " is banned from this room.")
		}
		if r.config.Policy.Access == ByInvitation { // also of members: what has made them so may not be written in the end
			members = append(members, r.raisedLocked(i.account, Member))
		}
		if a == None {
			added++
		}
	}
	if len(r.people)+added > r.service.opts.Limits.Members && len(members) > 0 {
		return nil, errMembers
	}
	e := &event{tell: func(context.Context) {}}
	if len(members) > 0 {
		e = r.affiliateLocked("", members...).event()
	}
	e.after = r.service.routing(r.invitationsLocked(w, st, people))
	return e, nil
}

// pacedLocked counts invitations to the room.
func (r *Room) pacedLocked(n int) bool {
	return r.service.opts.Limits.Off || r.invited.Take(r.service.host.Now(), n, roomPace)
}

var errMembers = xmpp.ErrResourceConstraint.With("This room has as many members as it can have.")

var errInvitations = xmpp.ErrResourceConstraint.With("Too many people have been invited in a short time. Try again in a while.")

// paced counts the invitations of an account, to whichever rooms.
func (s *Service) paced(account xmpp.JID, n int) bool {
	return s.opts.Limits.Off || s.invited.Take(s.host.Now(), account, n, inviterPace)
}

// invitationsLocked are the invitations as they go out: in the name of the room, with what only the room can know of who invites. What is kept nowhere has no text.
func (r *Room) invitationsLocked(w who, st *xmpp.Stanza, people []invitee) []*xmpp.Stanza {
	from := w.account
	if w.occupant != nil && r.config.Policy.Anonymous {
		from = w.occupant.jid
	}
	var out []*xmpp.Stanza
	for _, i := range people {
		if i.silent || i.invite.IsZero() {
			continue
		}
		x := xmpp.New(nsUser, "x", r.handedOnLocked(i.invite, from, "invite"))
		if r.config.Password != "" {
			x = x.Add(xmpp.New(nsUser, "password", xmpp.Text(r.config.Password)))
		}
		m := xmpp.NewStanza(xmpp.Message, "", x)
		m.ID, m.From, m.To, m.Lang = st.ID, r.JID, i.account, st.Lang
		out = append(out, m)
	}
	return out
}

// handedOnLocked is an invitation or a refusal with what the room lets pass of it.
func (r *Room) handedOnLocked(e xmpp.Element, from xmpp.JID, local string) xmpp.Element {
	out := xmpp.New(nsUser, local).With("from", from.String())
	if reason := e.ContentOf(nsUser, "reason"); reason != "" && r.passesReasonLocked(reason) {
		out = out.Add(xmpp.New(nsUser, "reason", xmpp.Text(reason)))
	}
	if c, ok := e.Child(nsUser, "continue"); ok && len(c.Attr("thread")) <= mostThread { // §7.9
		out = out.Add(xmpp.New(nsUser, "continue").With("thread", c.Attr("thread")))
	}
	return out
}

const mostThread = 100 // bytes of the name of a thread

// passesReasonLocked tells whether a reason goes with what is handed on: it is no way round what may be said in the room.
func (r *Room) passesReasonLocked(reason string) bool {
	x := examined{policy: &r.config.Policy}
	return !r.volatileLocked() && x.element(xmpp.New(nsUser, "reason", xmpp.Text(reason))) == nil
}
