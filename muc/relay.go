package muc

import (
	"context"
	"time"

	"mellium.im/xmpp/stanza"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

const (
	nsPing      = "urn:xmpp:ping"
	nsVCard     = "vcard-temp"
	askPatience = 2 * time.Minute
	asksMost    = 1000 // of a room
	asksOne     = 32   // of a seat
)

// An ask is a request from one occupant to another that has not been answered.
type ask struct {
	from   *seat
	as     xmpp.JID // what the one who asks was called then
	id     string   // as they have it
	by     xmpp.JID // who may answer
	target xmpp.JID // as the one who asks knows them
	at     time.Time
}

// relay hands on what one occupant asks of another, and the answer (XEP-0045 §17.4). Pings to oneself the room answers (XEP-0410 §4).
func (s *Service) relay(ctx context.Context, p *server.Passage) error {
	r, err := s.open(ctx, p.Stanza.To.Bare())
	if err != nil {
		return err
	}
	defer r.close()
	if !p.Stanza.IsRequest() {
		return r.answered(ctx, p)
	}
	if !r.existsFor(p.Stanza.From) {
		return errNoRoom
	}
	if done, err := r.pinged(ctx, p); done || err != nil {
		return err
	}
	st, err := r.asked(p.Stanza)
	if err != nil {
		return err
	}
	if st.To.IsBare() {
		s.host.Route(ctx, st)
		return nil
	}
	if x, volatile := r.seatOf(st.To); x != nil {
		s.host.NewCast().Give(ctx, x.session, stream.Packet{Stanza: st, To: st.To, Volatile: volatile})
	}
	return nil
}

// seatOf is somebody's seat; nil if they have none. volatile tells whether nothing may be kept of what goes to it.
func (r *Room) seatOf(full xmpp.JID) (x *seat, volatile bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seats[full], r.volatileLocked()
}

// pinged answers a ping of an occupant to their own nick: who is not inside learns it from the error (XEP-0410 §3.2).
func (r *Room) pinged(ctx context.Context, p *server.Passage) (done bool, err error) {
	st := p.Stanza
	if !st.Has(nsPing, "ping") {
		return false, nil
	}
	key, _ := nickKey(st.To.Resource())
	switch inside, is := r.isCalled(st.From, key); {
	case !inside:
		return true, errNotThere
	case !is:
		return false, nil
	}
	r.service.host.Answer(ctx, st.Result(xmpp.Element{}))
	return true, nil
}

// isCalled tells whether somebody is inside, and has a nick.
func (r *Room) isCalled(full xmpp.JID, key string) (inside, is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.seats[full]
	return x != nil, x != nil && x.occupant.key == key
}

// errNotThere is of the type that XEP-0410 §3.2 shows.
var errNotThere = &xmpp.Error{Type: stanza.Cancel, Condition: stanza.NotAcceptable, Text: errNotInside.Text}

// asked notes a request, and gives it as the other gets it.
func (r *Room) asked(st *xmpp.Stanza) (*xmpp.Stanza, error) {
	key, _ := nickKey(st.To.Resource())
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.whoLocked(st.From)
	if w.role == NoRole && (st.Has(server.NSDiscoInfo, "query") || st.Has(server.NSDiscoItems, "query")) {
		return nil, xmpp.ErrBadRequest.With("Only those inside can ask others what they are.") // §6.6
	}
	if err := r.permitLocked(w, actRequest); err != nil {
		return nil, err
	}
	o := r.occupants[key]
	if o == nil || len(o.seats) == 0 {
		return nil, xmpp.ErrItemNotFound.With("Nobody in this room has this nickname.")
	}
	from := r.seats[st.From]
	now := r.service.host.Now()
	if !r.roomForAskLocked(from, now) {
		return nil, xmpp.ErrResourceConstraint.With("Too many requests at once. Wait for the answers to earlier ones.")
	}
	c := *st
	c.From, c.To, c.ID = from.occupant.jid, o.seats[len(o.seats)-1].jid, r.service.host.NewID()
	if st.Has(nsVCard, "vCard") { // a client does not know its user's; the account does
		c.To = o.account
	}
	if r.asks == nil {
		r.asks = map[string]ask{}
	}
	r.asks[c.ID] = ask{from: from, as: c.From, id: st.ID, by: c.To, target: o.jid, at: now}
	return &c, nil
}

func (r *Room) roomForAskLocked(from *seat, now time.Time) bool {
	own := 0
	for id, a := range r.asks {
		if now.Sub(a.at) > askPatience {
			delete(r.asks, id)
		} else if a.from == from {
			own++
		}
	}
	return own < asksOne && len(r.asks) < asksMost
}

// answered gives an answer to who has asked. One that nobody waits for, or that comes from somebody else, goes nowhere.
func (r *Room) answered(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	a, ok := r.awaited(st)
	if !ok {
		return server.ErrDrop
	}
	_, volatile := r.seatOf(a.from.jid)
	c := *st
	c.From, c.To, c.ID = a.target, xmpp.JID{}, a.id
	r.service.host.NewCast().Give(ctx, a.from.session, stream.Packet{Stanza: &c, To: a.from.jid, Volatile: volatile})
	return nil
}

// awaited is what an answer answers, which is asked for no more.
func (r *Room) awaited(st *xmpp.Stanza) (a ask, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok = r.asks[st.ID]
	if ok = ok && a.by == st.From && a.as == st.To && r.seats[a.from.jid] == a.from; ok {
		delete(r.asks, st.ID)
	}
	return a, ok
}

// forsakenLocked are the requests that a seat will not answer any more; they are answered with an error when that is told.
func (r *Room) forsakenLocked(s *seat) (out []ask) {
	for id, a := range r.asks {
		if a.by == s.jid {
			delete(r.asks, id)
			out = append(out, a)
		}
	}
	return out
}

func (r *Room) forsake(ctx context.Context, asks []ask) {
	for _, a := range asks {
		st := &xmpp.Stanza{Kind: xmpp.IQ, Type: xmpp.TypeError, ID: a.id, From: a.target}
		st = st.WithChildren(xmpp.ErrServiceUnavailable.With("They have left the room.").Element())
		r.service.host.NewCast().Give(ctx, a.from.session, stream.Packet{Stanza: st, To: a.from.jid})
	}
}
