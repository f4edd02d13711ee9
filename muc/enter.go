package muc

import (
	"context"
	"crypto/subtle"

	"mellium.im/xmpp/stanza"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// presence is what somebody tells a room of theirs: that they come, go, change their nick, or are away for lunch.
func (r *Room) presence(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	switch st.Type {
	case "":
		return r.available(ctx, p)
	case xmpp.TypeUnavailable:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.leaveLocked(p)
	case xmpp.TypeError:
		return r.bounced(p)
	}
	return server.ErrDrop // rooms have no subscriptions
}

func (r *Room) available(ctx context.Context, p *server.Passage) error {
	nick := p.Stanza.To.Resource()
	if nick == "" {
		return errNoNick // XEP-0045 §7.2.1
	}
	key, ok := r.usableNick(nick)
	if !ok {
		return xmpp.ErrJIDMalformed.With(errNick.Text)
	}
	if len(p.Stanza.Inner) > presenceMost {
		return xmpp.ErrPolicyViolation.With("Your presence is too long for a room. Shorten your status text.")
	}
	x, joins := p.Stanza.Child(nsMUC, "x")
	ask, err := parseHistory(x, r.service.host.Now())
	if err != nil {
		return err
	}
	e := &entry{nick: nick, key: key, password: x.ContentOf(nsMUC, "password"), history: ask}
	if joins && !r.exists() {
		if err := r.service.mayMake(ctx, r.JID, p.Sender()); err != nil {
			return err
		}
	}
	if joins {
		if err := r.lineUp(ctx, e); err != nil {
			return err
		}
		if err := r.dig(ctx, p.Stanza.From, e); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err, ordered := r.comeLocked(p, e, joins)
	if !ordered {
		r.filledLocked(e)
	}
	return err
}

// mostComing is how many come into a room at the same time. For each of them, what they are to be told of all the others waits until they are.
const mostComing = 16

// lineUp waits until not too many others are coming in; filledLocked has to be called, whatever becomes of it. The error is the context's.
func (r *Room) lineUp(ctx context.Context, e *entry) error {
	select {
	case r.coming <- struct{}{}:
		e.queued = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// letGoOn ends what was held for somebody who comes in, if that is not done yet.
func (r *Room) letGoOn(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.filledLocked(e)
}

// comeLocked decides on available presence. ordered tells whether somebody comes in.
func (r *Room) comeLocked(p *server.Passage, e *entry, joins bool) (err error, ordered bool) {
	s := r.seats[p.Stanza.From]
	switch {
	case s != nil && joins && s.occupant.key == e.key:
		r.enterAgainLocked(p, s, e)
		return nil, true
	case s != nil:
		return r.updateLocked(p, s, e.nick, e.key), false
	case !joins:
		r.awakenLocked(p)
		return nil, false
	}
	err = r.enterLocked(p, e)
	return err, err == nil
}

// awakenLocked tells a client that believes itself inside that it is not (XEP-0045 §7.2.18).
func (r *Room) awakenLocked(p *server.Passage) {
	st := p.Stanza
	it := item{affiliation: r.affiliationLocked(st.From.Bare()), role: NoRole, reason: errNotInside.Text, statuses: []int{110, 307, 333}}
	kick := stream.Packet{Stanza: &xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeUnavailable, From: st.To, Inner: it.element()}, To: st.From}
	r.orderLocked(event{by: p, tell: func(ctx context.Context) { r.service.host.NewCast().Give(ctx, p.Session, kick) }}, nil)
}

var errNoNick = xmpp.ErrJIDMalformed.With("Choose a nickname: enter the room as ROOM/NICKNAME.")

// An entry is somebody who wants to come in.
type entry struct {
	nick, key string
	password  string
	history   historyRequest
	dig       *dig
	queued    bool // counts among those who are coming in; guarded by the room's lock once they do
	made      bool // the room, too
	codes     []int
}

// enterLocked lets somebody in (XEP-0045 §7.2), or says why not.
func (r *Room) enterLocked(p *server.Passage, e *entry) error {
	account := p.Stanza.From.Bare()
	if !r.stored && !r.locked {
		if err := r.makeLocked(p, account); err != nil {
			return err
		}
		e.made = true
		e.codes = append(e.codes, 201)
	}
	if err := r.admitLocked(account, e); err != nil {
		if e.made {
			r.unmakeLocked()
		}
		return err
	}
	s := &seat{room: r, jid: p.Stanza.From, session: p.Session}
	if err := r.service.enters(s); err != nil {
		if e.made {
			r.unmakeLocked()
		}
		return err
	}
	o := r.occupants[e.key]
	if o == nil {
		o = &occupant{nick: e.nick, jid: r.from(e.nick), key: e.key, account: account, id: r.service.occupantID(r.JID, account)}
		o.role = r.usualRoleLocked(r.affiliationLocked(account))
		r.occupants[e.key] = o
	}
	s.occupant = o
	s.says(p.Stanza)
	others := r.arrivalLocked(s, e)
	writes, placed := r.intervalLocked(s)
	r.orderLocked(event{by: p, writes: writes,
		tell: func(ctx context.Context) {
			defer r.letGoOn(e)
			r.take(placed)
			r.tellArrival(ctx, s, others, e)
		},
		undo: func() {
			r.filledLocked(e)
			s.out.Store(true)
			r.standUpLocked(s)
		},
	}, nil)
	return nil
}

// admitLocked says who may come in (XEP-0045 §7.2.5 to §7.2.11).
func (r *Room) admitLocked(account xmpp.JID, e *entry) error {
	a := r.affiliationLocked(account)
	c := &r.config
	switch o := r.occupants[e.key]; {
	case r.locked && a != Owner:
		return xmpp.ErrItemNotFound.With("This room is not ready yet. Try again in a while.") // §10.1.3
	case a == Outcast:
		return xmpp.ErrForbidden.With("You are banned from this room.") // §7.2.7
	case c.Policy.Access == ByInvitation && a < Member:
		return xmpp.ErrRegistrationRequired.With("Only those who were invited can enter this room. Ask somebody inside for an invitation.") // §7.2.6
	case c.Password != "" && a < Owner && subtle.ConstantTimeCompare([]byte(c.Password), []byte(e.password)) == 0:
		return xmpp.ErrNotAuthorized.With("This room needs its password.") // §7.2.5
	case o != nil && o.account != account:
		return errNickTaken // §7.2.8
	case o == nil && r.reservedLocked(e.key, account):
		return errNickTaken // §7.2.8
	case o == nil && a < Admin && r.isFullLocked():
		return errFull // §7.2.9
	}
	return nil
}

var errFull = &xmpp.Error{Type: stanza.Wait, Condition: stanza.ServiceUnavailable, Text: "The room is full. Try again later."}

var errNickTaken = xmpp.ErrConflict.With("Somebody else has this nickname. Choose another one.")

func (r *Room) isFullLocked() bool {
	n := len(r.occupants)
	return r.config.MaxUsers > 0 && n >= r.config.MaxUsers || n >= r.service.opts.Limits.Occupants
}

// reservedLocked tells whether a nick belongs to another member.
func (r *Room) reservedLocked(key string, account xmpp.JID) bool {
	if r.nicks == nil {
		r.nicks = map[string]xmpp.JID{}
		for _, p := range r.people {
			r.reserveLocked(p, "")
		}
	}
	whose, ok := r.nicks[key]
	return ok && whose != account
}

// reserveLocked notes the nick that somebody has reserved, and had before.
func (r *Room) reserveLocked(p *Person, before string) {
	if r.nicks == nil {
		return
	}
	if k, ok := nickKey(before); ok && r.nicks[k] == p.Account {
		delete(r.nicks, k)
	}
	if k, ok := nickKey(p.Nick); ok {
		r.nicks[k] = p.Account
	}
}

// sitLocked gives a seat its place.
func (r *Room) sitLocked(s *seat) {
	s.occupant.seats = append(s.occupant.seats, s)
	r.seats[s.jid] = s
	r.audience = nil
}

// standUpLocked takes it away.
func (r *Room) standUpLocked(s *seat) {
	o := s.occupant
	if r.seats[s.jid] == s {
		delete(r.seats, s.jid)
	}
	for i, other := range o.seats {
		if other == s {
			o.seats = append(o.seats[:i:i], o.seats[i+1:]...)
			break
		}
	}
	if len(o.seats) == 0 && r.occupants[o.key] == o {
		delete(r.occupants, o.key)
	}
	r.audience = nil
	r.service.leaves(s)
}

// enterAgainLocked is for one who is inside and asks to come in: it does not know that it is, and is told everything again.
func (r *Room) enterAgainLocked(p *server.Passage, s *seat, e *entry) {
	s.says(p.Stanza)
	t := r.arrivedLocked(s, e)
	r.orderLocked(event{by: p, tell: func(ctx context.Context) {
		defer r.letGoOn(e)
		r.tellArrival(ctx, s, t, e)
	}, undo: func() { r.filledLocked(e) }}, nil)
}
