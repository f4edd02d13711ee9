package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

func (s *Service) registerOwner(*server.Host) {
	s.onRoom(nsOwner, "query", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		if !q.IsSet() {
			return xmpp.Element{}, xmpp.ErrFeatureNotImplemented
		}
		return xmpp.Element{}, r.change(ctx, func() (*event, error) { return r.instantLocked(q) })
	})
}

// instantLocked accepts a new room as it is (XEP-0045 §10.1.2).
func (r *Room) instantLocked(q *server.Request) (*event, error) {
	w := r.whoLocked(q.From)
	if w.affiliation != Owner {
		return nil, xmpp.ErrForbidden
	}
	if !r.locked {
		return nil, nil
	}
	if x, ok := q.Payload.Child(xmpp.NSData, "x"); ok {
		f, err := xmpp.ParseForm(x)
		if err != nil {
			return nil, err
		}
		if f.Value("muc#roomconfig_membersonly") == "0" {
			r.config, _ = NewConfig("open")
			if v := f.Value("muc#roomconfig_enablearchiving"); v == "0" {
				r.config.Policy.Archive = false
			}
		}
	}
	writes := r.unlockLocked(w.account)
	placed := func() {}
	for _, s := range r.seats {
		var more []server.Write
		more, placed = r.intervalLocked(s)
		writes = append(writes, more...)
	}
	return &event{writes: writes, tell: func(context.Context) { placed() }}, nil
}
