package muc

import (
	"context"

	"palabre/stream"
	"palabre/xmpp"
)

// readyLocked has a new room be what it is by itself when its owner begins to use it without having said what it shall be, as if they had accepted that (XEP-0045 §10.1.2).
// Some clients never say it: their people would be alone for ever in a room that refuses what they write. Nothing is refused that §10.1.1 wants: nobody else comes in before.
func (r *Room) readyLocked(w who) error {
	if !r.locked {
		return nil
	}
	e, err := r.configureLocked(w.account, xmpp.NewForm(xmpp.FormSubmit, nsRoomConfig))
	if e == nil || err != nil {
		return err
	}
	ready, to := e.tell, r.audienceLocked()
	e.tell = func(ctx context.Context) {
		ready(ctx)
		r.give(ctx, to, stream.Packet{Stanza: r.notice([]int{104})}) // §10.2.1: its client may have asked what the room is when there was none
	}
	r.orderLocked(*e, nil)
	return nil
}

// errNotReady is for what nobody can begin with.
var errNotReady = xmpp.ErrNotAllowed.With("This room is not ready yet: say first what it shall be.")
