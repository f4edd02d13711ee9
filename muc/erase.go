package muc

import (
	"context"
	"errors"

	"palabre/xmpp"
)

// erased has an account that is deleted leave all its rooms for good, and takes away the bans that name it: nothing of it stays but what it has said.
func (s *Service) erased(ctx context.Context, account xmpp.JID) error {
	rooms, err := s.opts.Store.RoomsOf(ctx, account)
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range rooms {
		errs = append(errs, s.forget(ctx, l.Room, account))
	}
	return errors.Join(errs...)
}

// forget takes somebody out of a room, whether or not anybody else can own it then. Whoever gets the name next has no part in what they could read.
func (s *Service) forget(ctx context.Context, room, account xmpp.JID) error {
	r, err := s.open(ctx, room)
	if err != nil {
		return err
	}
	defer r.close()
	return r.change(ctx, func() (*event, error) {
		p := r.people[account]
		if p == nil || !r.stored {
			return nil, nil
		}
		defer delete(r.people, account)
		if p.Affiliation == None { // they have left for good before
			return nil, nil
		}
		return r.affiliateLocked("", standing{account: account, affiliation: None}).event(nil), nil
	})
}
