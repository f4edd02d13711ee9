package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// Namespaces of moderation, as it is and as it was before: Gajim 1.7 speaks the older one.
const (
	nsModerate    = "urn:xmpp:message-moderate:1"
	nsModerateOld = "urn:xmpp:message-moderate:0"
)

// A moderation is what a moderator asks for (XEP-0425 §3).
type moderation struct{ id, reason string }

func (s *Service) registerModeration(*server.Host) {
	s.onRoom(nsModerate, "moderate", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		if _, ok := q.Payload.Child(nsRetract, "retract"); !ok || !q.IsSet() {
			return xmpp.Element{}, errModeration
		}
		return xmpp.Element{}, r.moderate(ctx, q, moderation{q.Payload.Attr("id"), q.Payload.ContentOf(nsModerate, "reason")})
	})
	s.onRoom(nsFasten, "apply-to", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		m, ok := q.Payload.Child(nsModerateOld, "moderate")
		if _, retracts := m.Child(nsRetractOld, "retract"); !ok || !retracts || !q.IsSet() {
			return xmpp.Element{}, errModeration
		}
		return xmpp.Element{}, r.moderate(ctx, q, moderation{q.Payload.Attr("id"), m.ContentOf(nsModerateOld, "reason")})
	})
}

var errModeration = xmpp.ErrBadRequest.With("A moderator can ask for a message to be retracted, and for nothing else.")

// moderate takes a message back that somebody has said, tells everybody who has done it, and why.
func (r *Room) moderate(ctx context.Context, q *server.Request, m moderation) error {
	if err := checkReason(m.reason); err != nil {
		return err
	}
	r.mu.Lock()
	err := r.permitLocked(r.whoLocked(q.From), actModerate)
	archives := r.archivesLocked()
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if !archives {
		return errNoMessage
	}
	rows, err := r.versions(ctx, q.From, m.id)
	if err != nil {
		return err
	}
	return r.change(ctx, func() (*event, error) {
		w := r.whoLocked(q.From)
		if err := r.permitLocked(w, actModerate); err != nil {
			return nil, err
		}
		if !r.archivesLocked() {
			return nil, errNoMessage
		}
		return r.moderatedLocked(w, rows, m), nil
	})
}

func (r *Room) moderatedLocked(w who, rows []Row, m moderation) *event {
	by := r.moderatorLocked(w)
	now := r.service.host.Now().UTC().Format(time.RFC3339)
	reason := func(space string) xmpp.Element { // it stands in the namespace around it
		if m.reason == "" {
			return xmpp.Element{}
		}
		return xmpp.New(space, "reason", xmpp.Text(m.reason))
	}
	tag := xmpp.New(nsOccupantID, "occupant-id").With("id", r.service.occupantID(r.JID, w.account))
	current := xmpp.New(nsRetract, "retract", xmpp.New(nsModerate, "moderated", tag).With("by", by)).With("id", m.id)
	older := xmpp.New(nsModerateOld, "moderated", xmpp.New(nsRetractOld, "retract")).With("by", by)
	buried := xmpp.New(nsRetract, "retracted", xmpp.New(nsModerate, "moderated", tag).With("by", by)).With("stamp", now)
	buriedOlder := xmpp.New(nsModerateOld, "moderated", xmpp.New(nsRetractOld, "retracted").With("stamp", now)).With("by", by)
	if m.reason != "" {
		current, older = current.Add(reason(nsRetract)), older.Add(reason(nsModerateOld))
		buried, buriedOlder = buried.Add(reason(nsRetract)), buriedOlder.Add(reason(nsModerateOld))
	}
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeGroupchat, current, xmpp.New(nsFasten, "apply-to", older).With("id", m.id))
	st.ID, st.From = r.service.host.NewID(), r.JID
	t := &retraction{rows: rows, tombstone: string(buriedOlder.AppendXML(buried.AppendXML(nil, xmpp.NSClient), xmpp.NSClient)) + r.tagOf(rows[0].Sender)}
	entry := r.service.opts.Archive.Entry(r.JID, st, nil, "")
	to, life := r.audienceLocked(), r.life
	return &event{writes: append(r.burying(t), entry), tell: func(ctx context.Context) {
		r.buried(t)
		packet := stream.Packet{Stanza: st, Tail: r.stanzaID(entry.ID())}
		r.give(ctx, to, packet)
		r.remembered(life, past{st: st, tail: packet.Tail, id: entry.ID(), at: r.service.host.Now()})
	}}
}

// moderatorLocked is how a moderator is named: by the nick, if they are inside.
func (r *Room) moderatorLocked(w who) string {
	if w.occupant != nil {
		return w.occupant.jid.String()
	}
	return r.JID.String()
}
