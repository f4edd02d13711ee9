package account

import (
	"context"
	"fmt"

	"palabre/server"
	"palabre/xmpp"
)

// Granted tells whether an account may use chat: one that may not can't log in.
func (r *Registry) Granted(ctx context.Context, jid xmpp.JID) (bool, error) {
	if r.opts.Granted == nil {
		return true, nil
	}
	ok, err := r.opts.Granted(ctx, jid)
	if err != nil {
		return false, fmt.Errorf("account: granted: %w", err)
	}
	return ok, nil
}

// admit refuses who may not use chat. Only whoever knows the account's password learns it.
func (r *Registry) admit(ctx context.Context, jid xmpp.JID, peer *server.Peer) error {
	ok, err := r.Granted(ctx, jid)
	if err == nil && !ok {
		err = refuse(peer, "account-disabled", textNotGranted) // RFC 6120 §6.5.2
	}
	return err
}

// Reconsider ends the sessions of an account to which chat is not granted any more.
func (r *Registry) Reconsider(ctx context.Context, jid xmpp.JID) error {
	if r.opts.Granted == nil || r.host == nil {
		return nil
	}
	r.touch() // who logs in meanwhile is looked at again
	if r.host.Online(jid) == nil {
		return nil
	}
	ok, err := r.Granted(ctx, jid)
	if err != nil || ok {
		return err
	}
	return r.end(ctx, jid, textNotGranted, nil)
}
