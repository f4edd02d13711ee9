package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// goneFor is how long the address of a room that kept nothing is not that of another: a client that comes back to it by itself would make a room that keeps everything, for those
// who believe to be where they were.
const goneFor = 30 * 24 * time.Hour

// mayMake tells whether an account may make a room at an address by entering it. The error is an *xmpp.Error, or the store's.
func (s *Service) mayMake(ctx context.Context, room, account xmpp.JID) error {
	at, err := s.opts.Store.Gone(ctx, room)
	if err != nil {
		return err
	}
	if !at.IsZero() && s.host.Now().Sub(at) < goneFor {
		return xmpp.ErrGone.With("This conversation is over. Begin another one at a new address.")
	}
	return s.mayOwn(ctx, account)
}

// makeLocked makes a room for one who enters where there is none (XEP-0045 §10.1): locked until its owner says what it shall be.
func (r *Room) makeLocked(p *server.Passage, account xmpp.JID) error {
	s := r.service
	if s.opts.Rooms[r.JID.Domain()] != account.Domain() {
		return xmpp.ErrNotAllowed.With("There is no such room, and you may not make one here.") // §10.1.1
	}
	c, ok := NewConfig(s.opts.New(r.JID.Domain()))
	if !ok {
		return xmpp.ErrInternal
	}
	r.config, r.created, r.locked, r.subject, r.avatar = c, s.host.Now(), true, Subject{}, ""
	r.people[account] = &Person{Account: account, Affiliation: Owner, Joined: r.created.UnixMilli() << 20}
	return nil
}

func (r *Room) unmakeLocked() {
	r.locked, r.config = false, Config{}
	r.life++
	clear(r.people)
	r.nicks = nil
}

// unlockLocked has a new room be kept from now on: what is written makes it. Whatever was at this address before may be there still, if its end could not be written.
func (r *Room) unlockLocked(account xmpp.JID) []server.Write {
	r.locked, r.stored = false, true
	made := r.saveLocked()
	made.New = true
	return []server.Write{&Destroy{Room: r.JID}, made, &Affiliate{Room: r.JID, Account: account, Affiliation: Owner}}
}

func (r *Room) saveLocked() *Save {
	w := &Save{Room: r.JID, Config: r.config, Created: r.created, Subject: r.subject, Avatar: r.avatar}
	if r.volatileLocked() { // a subject is said, too
		w.Subject = Subject{}
	}
	return w
}
