package muc

import (
	"context"
	"encoding/json"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A savedSeat is a seat of a session that outlives the process.
type savedSeat struct {
	Room, Nick string
	Said, Lang string `json:",omitempty"`
	Role       Role
	As         Affiliation // what they were to the room
	Since      int64       `json:",omitempty"`
}

// save puts away where a session is inside.
func (s *Service) save(session *server.Session, put func(module string, state []byte)) {
	in := s.inside.Peek(session)
	if in == nil {
		return
	}
	var out []savedSeat
	for _, x := range in.list() {
		r := x.room
		r.mu.Lock()
		if r.seats[x.jid] == x {
			o := x.occupant
			out = append(out, savedSeat{Room: r.JID.String(), Nick: o.nick, Said: x.said, Lang: x.lang, Role: o.role, As: r.affiliationLocked(o.account), Since: x.since})
		}
		r.mu.Unlock()
	}
	if len(out) == 0 {
		return
	}
	state, err := json.Marshal(out)
	if err != nil {
		s.log.Error("rooms of a session not saved", "jid", session.JID.String(), "err", err)
		return
	}
	put("muc", state)
}

// restore puts a session back where it was: it is inside without having come in, and the others know it to be there.
func (s *Service) restore(session *server.Session, get func(module string) []byte) {
	state := get("muc")
	if state == nil {
		return
	}
	var seats []savedSeat
	if err := json.Unmarshal(state, &seats); err != nil {
		s.log.Error("rooms of a session not restored", "jid", session.JID.String(), "err", err)
		return
	}
	for _, saved := range seats {
		if err := s.reseat(session, saved); err != nil {
			s.log.Warn("a session has lost its room", "jid", session.JID.String(), "peer", saved.Room, "err", err)
			s.unseat(session, saved)
		}
	}
}

// unseat tells a session that it is not inside any more (XEP-0045 §9.2, status 333): a client that believes otherwise would miss everything.
func (s *Service) unseat(session *server.Session, saved savedSeat) {
	from, err := xmpp.ParseJID(saved.Room + "/" + saved.Nick)
	if err != nil {
		return
	}
	i := item{affiliation: None, statuses: []int{110, 333}}
	session.Send(stream.Packet{Stanza: &xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeUnavailable, From: from, Inner: i.element()}, To: session.JID})
}

func (s *Service) reseat(session *server.Session, saved savedSeat) error {
	jid, err := xmpp.ParseJID(saved.Room)
	if err != nil {
		return err
	}
	key, ok := nickKey(saved.Nick)
	if !ok || s.opts.Rooms[jid.Domain()] == "" {
		return xmpp.ErrJIDMalformed
	}
	r, err := s.open(context.Background(), jid)
	if err != nil {
		return err
	}
	defer r.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	account := session.JID.Bare()
	o := r.occupants[key]
	a := r.affiliationLocked(account)
	stays := r.staysLocked(a) // a room can be changed while the server is down
	if !r.stored || !stays || o != nil && o.account != account {
		return errNoRoom
	}
	x := &seat{room: r, jid: session.JID, session: session, said: saved.Said, lang: saved.Lang, since: saved.Since}
	if err := s.enters(x); err != nil {
		return err
	}
	if o == nil {
		o = &occupant{nick: saved.Nick, jid: r.from(saved.Nick), key: key, account: account, id: s.occupantID(r.JID, account), role: saved.Role}
		if a != saved.As {
			o.role = r.usualRoleLocked(a)
		}
		o.came.Store(true)
		r.occupants[key] = o
	}
	x.occupant = o
	r.sitLocked(x)
	return nil
}

// list is the seats of a session.
func (in *inside) list() []*seat {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := make([]*seat, 0, len(in.seats))
	for _, x := range in.seats {
		out = append(out, x)
	}
	return out
}
