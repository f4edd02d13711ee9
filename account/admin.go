package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

var (
	// ErrDomain says that accounts of this domain do not live here.
	ErrDomain = errors.New("this domain is not one of the server's; add it to domains in the configuration, or correct the address")
	// ErrAddress says that an address is not one of an account: name@domain.
	ErrAddress = errors.New("this is not the address of an account; write it as name@domain")
)

// Add makes an account. The error is ErrAddress, ErrDomain, ErrPassword, ErrExists, or one of the store's.
func (r *Registry) Add(ctx context.Context, jid xmpp.JID, password string) error {
	if err := r.check(jid); err != nil {
		return err
	}
	var keys []Key
	var err error
	if turn := r.withTurn(ctx, func() { keys, err = r.deriveKeys(password) }); turn != nil {
		return turn
	}
	if err != nil {
		return err
	}
	return r.store.Create(ctx, Account{JID: jid, Created: r.opts.Now().UTC(), Keys: keys})
}

// check tells whether there may be an account of this address.
func (r *Registry) check(jid xmpp.JID) error {
	if jid.Local() == "" || !jid.IsBare() {
		return ErrAddress
	}
	if _, ok := r.offers[jid.Domain()]; !ok {
		return ErrDomain
	}
	return nil
}

// SetPassword puts a new password in the place of the old one, for every login from now on. The sessions that there are stay: who
// changes a password on one device goes on working on the others. The error is ErrPassword, ErrUnknown, or one of the store's.
func (r *Registry) SetPassword(ctx context.Context, jid xmpp.JID, password string) error {
	var keys []Key
	var err error
	if turn := r.withTurn(ctx, func() { keys, err = r.deriveKeys(password) }); turn != nil {
		return turn
	}
	if err != nil {
		return err
	}
	r.touch()
	defer r.touch()
	return r.store.SetKeys(ctx, jid, keys)
}

// Disable forbids an account to log in, and ends its sessions. The error is ErrUnknown, or one of the store's.
func (r *Registry) Disable(ctx context.Context, jid xmpp.JID) error {
	if err := r.setDisabled(ctx, jid, true); err != nil {
		return err
	}
	return r.end(ctx, jid, textDisabled, nil)
}

// Enable lets an account log in again. The error is ErrUnknown, or one of the store's.
func (r *Registry) Enable(ctx context.Context, jid xmpp.JID) error {
	return r.setDisabled(ctx, jid, false)
}

func (r *Registry) setDisabled(ctx context.Context, jid xmpp.JID, disabled bool) error {
	r.touch()
	defer r.touch()
	return r.store.SetDisabled(ctx, jid, disabled)
}

// Exists tells whether there is such an account, disabled or not. It makes the registry the kernel's list of users.
func (r *Registry) Exists(ctx context.Context, jid xmpp.JID) (bool, error) {
	return r.store.Exists(ctx, jid)
}

// List gives a domain's accounts by the bytes of their local parts, those after the given one, at most limit.
func (r *Registry) List(ctx context.Context, domain, after string, limit int) ([]Account, error) {
	return r.store.Accounts(ctx, domain, after, limit)
}

// Delete removes an account with everything that it owns, and ends its sessions. The error is ErrUnknown, one of a module's that
// could not clear up, or one of the store's; the account is then as it was, without its sessions.
func (r *Registry) Delete(ctx context.Context, jid xmpp.JID) error { return r.remove(ctx, jid, nil) }

// remove deletes an account; asking is a session of its own that stays until the answer is sent. The account is disabled first, so that
// no client comes back in between; one that a crash leaves in that state is deleted by asking again.
func (r *Registry) remove(ctx context.Context, jid xmpp.JID, asking *server.Session) error {
	a, err := r.store.Account(ctx, jid)
	if err != nil {
		return err
	}
	if err := r.setDisabled(ctx, jid, true); err != nil {
		return err
	}
	if err = r.erase(ctx, jid, asking); err != nil && !a.Disabled {
		return errors.Join(err, r.setDisabled(context.WithoutCancel(ctx), jid, false))
	}
	return err
}

func (r *Registry) erase(ctx context.Context, jid xmpp.JID, asking *server.Session) error {
	if err := r.end(ctx, jid, textRemoved, asking); err != nil {
		return err
	}
	if r.host != nil {
		for _, fn := range r.host.Hooks().AccountErased {
			if err := fn(ctx, jid); err != nil {
				return fmt.Errorf("account: erase: %w", err)
			}
		}
	}
	r.touch()
	defer r.touch()
	return r.store.Delete(ctx, jid)
}

// endWait is how long to wait for a session to be told off.
const endWait = 10 * time.Second

// touch marks that an account is about to change, and that it has.
func (r *Registry) touch() {
	r.changed.Store(r.opts.Now().UnixNano())
	r.changes.Add(1)
}

// bindWait is longer than a client may take from its login to its first session.
const bindWait = time.Minute

// opened ends a session whose client logged in before its account was disabled or deleted, or chat was no longer granted to it, and bound a resource only after its other
// sessions had ended. The query is made only while such a client may be about.
func (r *Registry) opened(ctx context.Context, s *server.Session) {
	if r.opts.Now().UnixNano()-r.changed.Load() > int64(bindWait) {
		return
	}
	a, err := r.store.Account(ctx, s.JID.Bare())
	granted := false
	if err == nil {
		granted, err = r.Granted(ctx, a.JID)
	}
	switch {
	case errors.Is(err, ErrUnknown):
		s.End(&stream.Error{Condition: stream.NotAuthorized, Text: textRemoved})
	case err != nil:
		s.End(&stream.Error{Condition: stream.InternalServerError, Text: "The server can't look up your account at the moment. Try again."})
	case a.Disabled:
		s.End(&stream.Error{Condition: stream.NotAuthorized, Text: textDisabled})
	case !granted:
		s.End(&stream.Error{Condition: stream.NotAuthorized, Text: textNotGranted})
	}
}

// What ends a session is told in.
const (
	textDisabled   = "This account is disabled. Ask the administrator of the server."
	textRemoved    = "This account has been removed."
	textNotGranted = "Chat is not granted to this account. Ask the administrator of the server for it."
)

// end ends the account's sessions but one, and waits until every module knows.
func (r *Registry) end(ctx context.Context, jid xmpp.JID, why string, but *server.Session) error {
	if r.host == nil {
		return nil
	}
	online := r.host.Online(jid)
	if online == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endWait)
	defer cancel()
	sessions := online.Sessions()
	for _, s := range sessions {
		if s != but {
			s.End(&stream.Error{Condition: stream.NotAuthorized, Text: why})
		}
	}
	for _, s := range sessions {
		if s == but {
			continue
		}
		select {
		case <-s.Gone():
		case <-ctx.Done():
			return fmt.Errorf("account: wait for the sessions of %s to end: %w", jid, ctx.Err())
		}
	}
	return nil
}
