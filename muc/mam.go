package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

const nsMAM = "urn:xmpp:mam:2"

func (s *Service) registerArchive(*server.Host) {
	for _, local := range []string{"query", "metadata"} {
		s.onRoom(nsMAM, local, func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) { return r.read(ctx, q) })
	}
}

// read answers a question about what was said (XEP-0313): within what the one who asks may see when it is answered.
func (r *Room) read(ctx context.Context, q *server.Request) (xmpp.Element, error) {
	r.mu.Lock()
	w := r.whoLocked(q.From)
	err := r.permitLocked(w, actRead)
	archives := r.archivesLocked()
	v := View{Senders: !r.config.Policy.Anonymous || w.role == Moderator || w.affiliation >= Admin}
	r.mu.Unlock()
	switch {
	case err != nil:
		return xmpp.Element{}, err
	case !archives:
		return xmpp.Element{}, xmpp.ErrFeatureNotImplemented.With("This room keeps no archive.")
	}
	v.Within = func() []Interval {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.permitLocked(r.whoLocked(q.From), actRead) != nil || !r.archivesLocked() {
			return nil
		}
		return r.visibleLocked(q.From)
	}
	return r.service.opts.Archive.Serve(ctx, q, v)
}
