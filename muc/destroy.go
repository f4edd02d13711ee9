package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// A destruction is how a room ends (XEP-0045 §10.9). All of it may be empty.
type destruction struct {
	venue            xmpp.JID // where one may go instead
	password, reason string
}

// destroy is asked for by an owner.
func (r *Room) destroy(ctx context.Context, q *server.Request, d xmpp.Element) error {
	end := destruction{password: d.ContentOf(nsOwner, "password"), reason: d.ContentOf(nsOwner, "reason")}
	if err := checkReason(end.reason); err != nil {
		return err
	}
	if len(end.password) > mostSecret {
		return xmpp.ErrNotAcceptable.With("This password is too long.")
	}
	if d.Attr("jid") != "" {
		var err error
		if end.venue, err = xmpp.ParseJID(d.Attr("jid")); err != nil {
			return xmpp.ErrJIDMalformed.With("The address of the other room is none.")
		}
	}
	return r.change(ctx, func() (*event, error) {
		if err := r.permitLocked(r.whoLocked(q.From), actOwn); err != nil {
			return nil, err
		}
		end.reason = r.reasonLocked(end.reason)
		return r.destroyLocked(end), nil
	})
}

// Destroy ends a room, for the server's own admins. alternate, which may be zero, is where to go instead. The error is an *xmpp.Error, or of the store.
func (s *Service) Destroy(ctx context.Context, room xmpp.JID, reason string, alternate xmpp.JID) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	r, err := s.open(ctx, room)
	if err != nil {
		return err
	}
	defer r.close()
	return r.change(ctx, func() (*event, error) {
		if !r.stored && !r.locked {
			return nil, errNoRoom
		}
		return r.destroyLocked(destruction{venue: alternate, reason: r.reasonLocked(reason)}), nil
	})
}

// destroyLocked ends the room: everybody inside is told that they are out, and nobody of the others.
func (r *Room) destroyLocked(d destruction) *event {
	none := None
	var gone []*departure
	for _, o := range r.occupants {
		x := r.dismissLocked(o, farewell{affiliation: &none, more: d.element()})
		x.own = item{affiliation: None, more: d.element(), statuses: []int{110}, occupant: o.id}.element()
		x.hidden = true
		gone = append(gone, x)
	}
	var writes []server.Write
	if r.stored {
		writes = r.endLocked()
	} else {
		r.unmakeLocked()
	}
	return &event{writes: writes, tell: func(ctx context.Context) {
		for _, x := range gone {
			x.tell(ctx, r)
		}
	}, amiss: func(ctx context.Context) {
		for _, x := range gone {
			x.tellBroken(ctx, r)
		}
	}}
}

// element is the <destroy/> that goes into presence: also where there is nothing to say (§10.9).
func (d destruction) element() string {
	e := xmpp.New(nsUser, "destroy")
	if !d.venue.IsZero() {
		e = e.With("jid", d.venue.String())
	}
	if d.password != "" {
		e = e.Add(xmpp.New(nsUser, "password", xmpp.Text(d.password)))
	}
	if d.reason != "" {
		e = e.Add(xmpp.New(nsUser, "reason", xmpp.Text(d.reason)))
	}
	return string(e.AppendXML(nil, nsUser))
}
