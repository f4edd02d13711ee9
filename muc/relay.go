package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// relay hands on what one occupant asks of another (XEP-0045 §17.4).
func (s *Service) relay(context.Context, *server.Passage) error { return xmpp.ErrFeatureNotImplemented }

// whisper is a message to one occupant (XEP-0045 §7.5).
func (r *Room) whisper(context.Context, *server.Passage) error { return xmpp.ErrFeatureNotImplemented }
