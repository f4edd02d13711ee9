package muc

import (
	"context"
	"slices"
	"sync"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// inside is the rooms that a session is inside of.
type inside struct {
	mu    sync.Mutex // tier 4
	seats map[*Room]*seat
	ended bool
}

// enters notes that a session comes in. It is called with the room's lock, so that the end of the session, which may come meanwhile, finds the seat. The error is an *xmpp.Error,
// or server.ErrDrop for a session that has ended.
func (s *Service) enters(x *seat) error {
	if x.session == nil {
		return nil
	}
	in := s.inside.Get(x.session)
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended {
		return server.ErrDrop
	}
	if len(in.seats) >= s.opts.Limits.Inside {
		return xmpp.ErrResourceConstraint.With("You are in too many rooms at once. Leave one first.")
	}
	if in.seats == nil {
		in.seats = map[*Room]*seat{}
	}
	in.seats[x.room] = x
	return nil
}

// leaves forgets it. The session may have come in anew meanwhile.
func (s *Service) leaves(x *seat) {
	if x.session == nil {
		return
	}
	in := s.inside.Get(x.session)
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.seats[x.room] == x {
		delete(in.seats, x.room)
	}
}

// closed has a session that has ended leave its rooms.
func (s *Service) closed(ctx context.Context, session *server.Session) {
	in := s.inside.Peek(session)
	if in == nil {
		return
	}
	in.mu.Lock()
	in.ended = true
	in.mu.Unlock()
	var told sync.WaitGroup
	for _, x := range in.list() {
		x.room.lose(x, &told)
	}
	told.Wait() // whoever comes back under the same address comes after that
}

// lose has somebody leave whose session has ended.
func (r *Room) lose(x *seat, told *sync.WaitGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seats[x.jid] == x {
		r.departLocked(nil, x, farewell{}, func(error) { told.Done() })
		told.Add(1) // nothing is told while the lock is held
	}
}

// depart is for a client that says that it goes. It always may: its seat keeps the room awake, and whether the store answers does not matter.
func (s *Service) depart(p *server.Passage) error {
	in := s.inside.Peek(p.Session)
	if in == nil {
		return server.ErrDrop
	}
	for _, x := range in.list() {
		if x.room.JID == p.Stanza.To.Bare() {
			x.room.mu.Lock()
			defer x.room.mu.Unlock()
			return x.room.leaveLocked(p)
		}
	}
	return server.ErrDrop
}

// leaveLocked is for one who says that they go (XEP-0045 §7.14).
func (r *Room) leaveLocked(p *server.Passage) error {
	s := r.seats[p.Stanza.From]
	if s == nil {
		return server.ErrDrop
	}
	f := farewell{}
	if len(p.Stanza.Inner) <= presenceMost {
		s.says(p.Stanza)
		f.status = s.said
	}
	r.departLocked(p, s, f, nil)
	return nil
}

// A farewell is how somebody leaves.
type farewell struct {
	status        string // what stands in the presence, but for what the room adds
	codes         []int  // told to everybody
	nick          string // who leaves for a new nick
	actor, reason string
	affiliation   *Affiliation // if it changes with this
	was           Affiliation  // if it has changed already; nobody inside was an outcast
	more          string       // inside <x/>: XML
}

// A departure is who is told what when somebody has left, as it is when that is ordered.
type departure struct {
	view
	gone     []*seat
	to       []listener
	own      string
	asks     []ask // of those who go, which nobody will answer
	occupant *occupant
	was      Affiliation
}

func (d *departure) tell(ctx context.Context, r *Room) {
	d.tellGone(ctx, r)
	d.tellOthers(ctx, r)
}

// tellGone tells those who are out, and who has asked something of them.
func (d *departure) tellGone(ctx context.Context, r *Room) {
	c := r.service.host.NewCast()
	for _, s := range d.gone {
		if !s.out.Load() {
			c.Give(ctx, s.session, stream.Packet{Stanza: d.stanza, To: s.jid, Tail: d.own})
		}
	}
	r.forsake(ctx, d.asks)
}

// tellOthers tells those who are still inside.
func (d *departure) tellOthers(ctx context.Context, r *Room) {
	if d.occupant.came.Load() {
		r.giveView(ctx, d.to, &d.view)
	}
}

// tellBroken is tell where what has put them out could not be written: they are out all the same, since they have missed what was said meanwhile, and can come in again at
// once (XEP-0045 §9.2, status 333).
func (d *departure) tellBroken(ctx context.Context, r *Room) {
	i, x := item{affiliation: d.was, occupant: d.occupant.id, statuses: []int{333}}, *d
	x.bare = i.element()
	x.full = x.bare
	i.statuses = []int{110, 333}
	x.own = i.element()
	x.tell(ctx, r)
}

// departLocked takes one seat away and orders that it is told. While the occupant has others, nobody else is told but for how they are shown.
func (r *Room) departLocked(p *server.Passage, s *seat, f farewell, outcome func(error)) {
	o := s.occupant
	var d *departure
	if len(o.seats) == 1 {
		d = r.dismissLocked(o, f)
		d.to = r.audienceLocked()
	} else {
		d = r.farewellLocked(o, f)
		d.asks = r.forsakenLocked(s)
		r.standUpLocked(s)
		d.gone, d.hidden = []*seat{s}, true
	}
	writes := r.partLocked(o.account)
	writes = append(writes, r.emptiedLocked()...)
	var v *view
	var to []listener
	if len(o.seats) > 0 {
		v, to = r.viewLocked(o), r.audienceLocked()
	}
	tell := func(ctx context.Context) {
		d.tell(ctx, r)
		if v != nil && o.came.Load() {
			r.giveView(ctx, to, v)
		}
	}
	r.orderLocked(event{by: p, writes: writes, tell: tell, amiss: tell}, outcome) // they are gone, whatever can be noted of it
}

// dismissLocked takes an occupant out with all seats. What it gives is to be told by an event; to whom else than those who are out, the caller says.
func (r *Room) dismissLocked(o *occupant, f farewell) *departure {
	d := r.farewellLocked(o, f)
	d.gone = append([]*seat(nil), o.seats...)
	for _, s := range d.gone {
		d.asks = append(d.asks, r.forsakenLocked(s)...)
		r.standUpLocked(s)
	}
	return d
}

// farewellLocked is what is told of an occupant who leaves.
func (r *Room) farewellLocked(o *occupant, f farewell) *departure {
	st := &xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeUnavailable, From: o.jid, Inner: f.status}
	i := item{affiliation: r.affiliationLocked(o.account), actor: f.actor, reason: f.reason, statuses: f.codes, more: f.more, nick: f.nick, occupant: o.id}
	if f.affiliation != nil {
		i.affiliation = *f.affiliation
	}
	if f.nick != "" {
		i.role = o.role
	}
	d := &departure{view: view{stanza: st, bare: i.element(), hidden: o.role < r.config.Policy.Presence}, occupant: o, was: f.was}
	if d.was == Outcast {
		d.was = r.affiliationLocked(o.account)
	}
	if n := len(o.seats); n > 0 {
		i.jid = o.seats[n-1].jid
	}
	d.full = i.element()
	i.statuses = append(slices.Clone(f.codes), 110)
	d.own = i.element()
	return d
}

// partLocked notes where somebody who may come back was last inside, if what is said meanwhile will be there for them.
func (r *Room) partLocked(account xmpp.JID) []server.Write {
	p := r.people[account]
	if p == nil || p.Affiliation < Member || !r.stored || !r.archivesLocked() {
		return nil
	}
	return []server.Write{&Part{Room: r.JID, Account: account}}
}

// placedLocked takes over what commits give: where people were last inside, and their places in the order of members.
func (r *Room) placedLocked(writes []server.Write) {
	for _, w := range writes {
		switch w := w.(type) {
		case *Part:
			if p := r.people[w.Account]; p != nil {
				p.Last = w.At
			}
		case *Affiliate:
			if p := r.people[w.Account]; p != nil && w.Joined != 0 && p.Affiliation > None {
				p.Joined = w.Joined
			}
		}
	}
}

// emptiedLocked is what has to be written when the last one has left: a room that is not to stay goes.
func (r *Room) emptiedLocked() []server.Write {
	if len(r.seats) > 0 {
		return nil
	}
	if r.locked { // §10.1.3: it was never made
		r.unmakeLocked()
		return nil
	}
	if r.config.Policy.Persistent || !r.stored {
		r.service.keeper.note(r)
		return nil
	}
	return r.endLocked()
}

// endLocked forgets the room.
func (r *Room) endLocked() []server.Write {
	gone := &Destroy{Room: r.JID}
	if r.config.Policy.volatile() {
		gone.Gone = r.service.host.Now()
	}
	r.stored, r.locked = false, false
	r.life++
	r.service.keeper.forget(r.JID)
	clear(r.people)
	r.nicks = nil
	r.config, r.subject, r.avatar, r.recent = Config{}, Subject{}, "", recent{}
	return []server.Write{gone}
}

// bounced is an error that came back for something that the room has sent: who is not there is not inside.
func (r *Room) bounced(p *server.Passage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.seats[p.Stanza.From]
	if s == nil || !tellsGone(p.Stanza) {
		return server.ErrDrop
	}
	r.departLocked(p, s, farewell{codes: []int{333}}, nil)
	return nil
}

// tellsGone tells whether an error means that nobody is there any more (XEP-0045 §14.4, and XEP-0410 §3.3).
func tellsGone(st *xmpp.Stanza) bool {
	e, _ := st.Child(xmpp.NSClient, "error")
	for _, c := range e.Elements() {
		switch c.Name.Local {
		case "gone", "item-not-found", "recipient-unavailable", "redirect", "remote-server-not-found", "remote-server-timeout", "service-unavailable", "jid-malformed":
			return c.Name.Space == xmpp.NSStanzas
		}
	}
	return false
}
