package muc

import (
	"context"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A whispered message is one to a single occupant (XEP-0045 §7.5), on its way.
type whispered struct {
	st *xmpp.Stanza
	to []*seat
}

// whisper decides on a message to one occupant. It has no place in the room's order: it is between two, and goes on when its sender's turn has come.
func (r *Room) whisper(p *server.Passage) error {
	w, err := r.whispered(p.Stanza)
	if err != nil {
		return err
	}
	p.Then(func(ctx context.Context, _ *server.Passage) error {
		r.service.passOn(ctx, w)
		return nil
	})
	return nil
}

func (r *Room) whispered(st *xmpp.Stanza) (*whispered, error) {
	key, _ := nickKey(st.To.Resource())
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.whoLocked(st.From)
	if err := r.permitLocked(w, actPrivate); err != nil {
		return nil, err
	}
	o := r.occupants[key]
	if o == nil || len(o.seats) == 0 {
		return nil, xmpp.ErrItemNotFound.With("Nobody in this room has this nickname.")
	}
	if err := r.acceptLocked(st); err != nil {
		return nil, err
	}
	c := *r.fromOccupant(w.occupant, st)
	c.Inner += "<x xmlns='" + nsUser + "'/>" // by which other devices and archives know it
	return &whispered{st: &c, to: append([]*seat(nil), o.seats...)}, nil
}

// passOn delivers it: by way of the recipient's account, which decides and archives, to one session, and as it is to their others.
func (s *Service) passOn(ctx context.Context, w *whispered) {
	last := len(w.to) - 1
	st := parsedAgain(w.st.Addressed(w.to[last].jid))
	s.host.Route(ctx, st)
	for _, x := range w.to[:last] {
		if x.session == nil {
			continue
		}
		if barred, err := s.host.Barred(ctx, x.jid.Bare(), st.From); err == nil && !barred {
			x.session.Send(stream.Packet{Stanza: w.st, To: x.jid})
		}
	}
}

// parsedAgain is a stanza that the service has added something to, with its children known to who decides on it.
func parsedAgain(st *xmpp.Stanza) *xmpp.Stanza {
	if again, err := xmpp.ParseStanza(st.String()); err == nil {
		return again
	}
	return st
}
