package muc

import (
	"context"
	"errors"

	"palabre/xmpp"
)

// erased has an account that is deleted leave all its rooms for good, and takes away the bans that name it: nothing of it stays but what it has said. Its rows go with
// the account; who gets the name next is somebody else.
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

// forget takes somebody out of a room, whether or not anybody else can own it then, and out of what it knows.
func (s *Service) forget(ctx context.Context, room, account xmpp.JID) error {
	r, err := s.open(ctx, room)
	if err != nil {
		return err
	}
	defer r.close()
	err = r.part(ctx, account, func() (*event, error) {
		if p := r.people[account]; p == nil || p.Affiliation == None || !r.stored {
			return nil, nil
		}
		return r.affiliateLocked("", standing{account: account, affiliation: None}).event(), nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.people[account]; err == nil && p != nil && p.Affiliation == None {
		delete(r.people, account)
	}
	return err
}
