package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// A roomHandler answers a request to a room that exists.
type roomHandler func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error)

// iq answers a request, or hands on one that is between occupants.
func (s *Service) iq(ctx context.Context, p *server.Passage) error {
	switch to := p.Stanza.To; {
	case !to.IsBare():
		return s.relay(ctx, p)
	case !p.Stanza.IsRequest():
		return server.ErrDrop
	case to.Local() == "":
		return s.host.ServeIQ(ctx, server.ToService, p)
	}
	return s.host.ServeIQ(ctx, server.ToRoom, p)
}

// onRoom says who answers requests to rooms with this payload.
func (s *Service) onRoom(space, local string, fn roomHandler) {
	s.host.HandleIQ(server.ToRoom, space, local, s.inRoom(fn))
}

// inRoom opens the room that a request is for.
func (s *Service) inRoom(fn roomHandler) server.IQHandler {
	return func(ctx context.Context, q *server.Request) (xmpp.Element, error) {
		r, err := s.open(ctx, q.To.Bare())
		if err != nil {
			return xmpp.Element{}, err
		}
		defer r.close()
		if !r.existsFor(q.From) {
			return xmpp.Element{}, errNoRoom
		}
		return fn(ctx, r, q)
	}
}
