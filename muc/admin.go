package muc

import (
	"context"
	"sync/atomic"
	"unicode/utf8"

	"palabre/server"
	"palabre/xmpp"
)

// mostChanges is how many people one request can be about: each is written, and shown to all.
const mostChanges = 500

var errManyChanges = xmpp.ErrNotAcceptable.With("Too many people at once. Send several requests.")

// longestReason is how many characters somebody can say why: reasons are kept, and are in lists.
const longestReason = 500

func (s *Service) registerAdmin(*server.Host) {
	s.onRoom(nsAdmin, "query", s.admin)
}

// admin answers what moderators, admins and owners ask about people (XEP-0045 §8, §9, §10.3 to §10.8): lists, and changes of roles or affiliations.
func (s *Service) admin(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
	items := childrenOf(q.Payload, nsAdmin, "item")
	if len(items) == 0 {
		return xmpp.Element{}, xmpp.ErrBadRequest.With("The request names nobody.")
	}
	if !q.IsSet() {
		return r.list(q, items)
	}
	if len(items) > mostChanges {
		return xmpp.Element{}, errManyChanges
	}
	changes := make([]change, len(items))
	for i, e := range items {
		c, err := parseChange(e)
		if err != nil {
			return xmpp.Element{}, err
		}
		if i > 0 && c.ofRole != changes[0].ofRole {
			return xmpp.Element{}, xmpp.ErrBadRequest.With("Change roles and affiliations in requests of their own.")
		}
		changes[i] = c
	}
	decide := r.changeAffiliationsLocked
	if changes[0].ofRole {
		decide = r.changeRolesLocked
	}
	if r.mayAffiliate(q.From) { // others are told that they may not, and not who exists
		if err := s.exist(ctx, Admin, changes); err != nil {
			return xmpp.Element{}, err
		}
	}
	invited, err := s.newcomers(ctx, r, q.From, changes)
	if err != nil {
		return xmpp.Element{}, err
	}
	return r.answering(ctx, q, func() (*upshot, error) {
		w := r.managerLocked(q.From)
		if r.locked && w.affiliation == Owner {
			return nil, errNotReady // §10.1.2
		}
		u, err := decide(w, changes)
		if err == nil {
			u.welcomeLocked(w, q, invited)
		}
		return u, err
	})
}

// answering orders what a request asks for. Its result goes out between what those are told who are out, and what the others are (§8.2).
func (r *Room) answering(ctx context.Context, q *server.Request, decide func() (*upshot, error)) (xmpp.Element, error) {
	var answered atomic.Bool
	err := r.change(ctx, func() (*event, error) {
		u, err := decide()
		if err != nil {
			return nil, err
		}
		e := u.event()
		e.tell = func(ctx context.Context) {
			u.tell(ctx, func() {
				if !answered.Swap(true) {
					r.service.host.Answer(ctx, q.Result(xmpp.Element{}))
				}
			})
		}
		return e, nil
	})
	if answered.Swap(true) {
		return xmpp.Element{}, server.ErrAnswered
	}
	return xmpp.Element{}, err
}

// A change is an item of a request: somebody's new role, or affiliation (§17.4).
type change struct {
	ofRole      bool
	role        Role
	affiliation Affiliation
	jid         xmpp.JID // zero: not said
	nick        *string  // nil: not said
	reason      string
}

// parseChange reads an item. The error is an *xmpp.Error.
func parseChange(e xmpp.Element) (change, error) {
	c := change{ofRole: e.HasAttr("role"), reason: e.ContentOf(nsAdmin, "reason")}
	if c.ofRole == e.HasAttr("affiliation") {
		return c, xmpp.ErrBadRequest.With("An item has either a role or an affiliation.") // §17.4
	}
	var ok bool
	if c.ofRole {
		c.role, ok = ParseRole(e.Attr("role"))
	} else {
		c.affiliation, ok = ParseAffiliation(e.Attr("affiliation"))
	}
	if !ok {
		return c, xmpp.ErrBadRequest.With("There is no such role or affiliation.")
	}
	if e.HasAttr("nick") {
		nick := e.Attr("nick")
		c.nick = &nick
	}
	if e.HasAttr("jid") {
		j, err := xmpp.ParseJID(e.Attr("jid"))
		if err != nil {
			return c, xmpp.ErrJIDMalformed.With("This is not an address: " + e.Attr("jid"))
		}
		c.jid = j
	}
	if c.jid.IsZero() && (c.nick == nil || *c.nick == "") {
		return c, xmpp.ErrBadRequest.With("An item says by jid or nick who is meant.")
	}
	return c, nil
}

func checkReason(reason string) error {
	if utf8.RuneCountInString(reason) > longestReason {
		return xmpp.ErrNotAcceptable.With("The reason is too long. Say it in fewer words.")
	}
	return nil
}

// changeAffiliationsLocked decides on new affiliations: all that a request asks for, or nothing (§9.2).
func (r *Room) changeAffiliationsLocked(w who, changes []change) (*upshot, error) {
	if err := r.permitAffiliationsLocked(w); err != nil {
		return nil, err
	}
	list := make([]standing, 0, len(changes))
	twice, nicks := map[xmpp.JID]bool{}, map[string]bool{}
	more := 0
	for _, c := range changes {
		s, err := r.standingLocked(c)
		if err != nil {
			return nil, err
		}
		if twice[s.account] {
			return nil, xmpp.ErrBadRequest.With("The request names " + s.account.String() + " twice.")
		}
		twice[s.account] = true
		if s.nick != nil && *s.nick != "" {
			key, _ := nickKey(*s.nick)
			if nicks[key] {
				return nil, errNickTaken
			}
			nicks[key] = true
		}
		if err := r.permitAffiliationLocked(w, s); err != nil {
			return nil, err
		}
		if r.people[s.account] == nil && s.affiliation != None {
			more++
		}
		list = append(list, s)
	}
	if r.leavesNoOwnerLocked(list...) {
		return nil, xmpp.ErrConflict.With("A room has an owner always. Make somebody else its owner first.") // §10.4
	}
	if more > 0 && len(r.people)+more > r.service.opts.Limits.Members {
		return nil, errMembers
	}
	return r.affiliateLocked(w.nick(), list...), nil
}

// standingLocked is what a change makes of whom. A full address stands for the bare one (§10.3).
func (r *Room) standingLocked(c change) (standing, error) {
	s := standing{account: c.jid.Bare(), affiliation: c.affiliation, reason: c.reason}
	if err := checkReason(c.reason); err != nil {
		return s, err
	}
	if c.jid.IsZero() {
		o, err := r.namedLocked(*c.nick)
		if err != nil {
			return s, err
		}
		s.account = o.account
		return s, nil
	}
	_, room := r.service.opts.Rooms[s.account.Domain()]
	if c.affiliation > None && (room || s.account.Local() == "") {
		return s, xmpp.ErrNotAcceptable.With(s.account.String() + " is nobody who can be a member.")
	}
	if c.nick == nil || c.affiliation <= None {
		return s, nil
	}
	s.nick = c.nick
	if *c.nick == "" {
		return s, nil // §9.5
	}
	key, ok := r.usableNick(*c.nick)
	switch {
	case !ok:
		return s, errNick
	case r.reservedLocked(key, s.account):
		return s, errNickTaken
	}
	return s, nil
}

// namedLocked is the occupant with a nick. The error is an *xmpp.Error.
func (r *Room) namedLocked(nick string) (*occupant, error) {
	if key, ok := nickKey(nick); ok {
		if o := r.occupants[key]; o != nil {
			return o, nil
		}
	}
	return nil, xmpp.ErrItemNotFound.With("There is nobody in this room with this nickname.")
}

// nick is what somebody is called inside.
func (w who) nick() string {
	if w.occupant == nil {
		return ""
	}
	return w.occupant.nick
}
