package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// mediate is what goes by way of the room: invitations, refusals, requests for voice.
func (r *Room) mediate(context.Context, *server.Passage) error { return xmpp.ErrFeatureNotImplemented }
