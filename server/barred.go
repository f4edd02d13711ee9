package server

import (
	"context"

	"palabre/xmpp"
)

// Barred tells whether owner wants nothing to pass between itself and peer. For an owner that is no local account nobody knows.
func (h *Host) Barred(ctx context.Context, owner, peer xmpp.JID) (bool, error) {
	if len(h.hooks.Barred) == 0 || owner.Local() == "" || !h.domains[owner.Domain()] {
		return false, nil
	}
	a := h.hold(owner.Bare())
	defer h.release(a)
	return h.bars(ctx, a, peer)
}

// bars is Barred for an account that is held.
func (h *Host) bars(ctx context.Context, a *Account, peer xmpp.JID) (bool, error) {
	for _, fn := range h.hooks.Barred {
		if barred, err := fn(ctx, a, peer); barred || err != nil {
			return barred, err
		}
	}
	return false, nil
}

// dropBarred is ErrDrop for a stanza that a module made in the name of an account that wants nothing to do with its recipient.
func (h *Host) dropBarred(ctx context.Context, st *xmpp.Stanza, to xmpp.JID) error {
	barred, err := h.Barred(ctx, st.From, to)
	if barred && err == nil {
		return ErrDrop
	}
	return err
}
