package muc

import (
	"context"
	"slices"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// nsMail marks the notice that a room's history was sent by e-mail, and is the node of the command that sends it.
const nsMail = "urn:palabre:room:mail"

var errCourier = xmpp.ErrResourceConstraint.With("This history has been sent too often in a short time. Try again in a while.")

func (s *Service) registerMail(h *server.Host) {
	if s.opts.Courier == nil {
		return
	}
	c := s.asCommand(roomCommand{nsMail, "Send what was said by e-mail", func(r *Room, w who) bool {
		return r.archivesLocked() && s.opts.Courier.Offers(r.JID.Domain()) && r.permitLocked(w, actMail) == nil
	}, mailForm})
	c.Slow = true
	h.Command(server.ToRoom, c)
}

// mailForm asks to whom.
func mailForm(_ context.Context, s *Service, _ *server.CommandCall) (server.CommandReply, error) {
	return server.CommandReply{Form: s.opts.Courier.Form(), Next: s.mailed}, nil
}

func (s *Service) mailed(ctx context.Context, c *server.CommandCall) (server.CommandReply, error) {
	order, err := s.opts.Courier.Order(ctx, c.From, c.Form)
	if err != nil {
		return server.CommandReply{}, err
	}
	return done("It is on its way. Everybody in the room is told.", s.manage(ctx, c.To, func(r *Room) error { return r.mail(ctx, c.From, order) }))
}

// mail sends what somebody may see of the room, as it is when the mail begins to be written. The mail and the notice are committed together.
func (r *Room) mail(ctx context.Context, from xmpp.JID, order Order) error {
	x, err := r.extract(from, order.Recipients())
	if err != nil {
		return err
	}
	draft, err := order.Draft(ctx, x)
	if err != nil {
		return err
	}
	err = r.change(ctx, func() (*event, error) {
		if err := r.mailableLocked(r.whoLocked(from)); err != nil {
			return nil, err
		}
		if !slices.Equal(r.visibleLocked(from), x.Within) { // they have been put out meanwhile, and may have come in again
			return nil, xmpp.ErrConflict.With("What you may see of this room has changed. Try again.")
		}
		return r.announceLocked(order.Notice(x.By, r.config.Policy.Access != ByInvitation), draft.Queue()), nil
	})
	if err != nil {
		draft.Drop(context.WithoutCancel(ctx))
	}
	return err
}

// extract is what somebody may send.
func (r *Room) extract(from xmpp.JID, recipients int) (Extract, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by, ok := r.calledLocked(from)
	switch err := r.mailableLocked(r.whoLocked(from)); {
	case err != nil:
		return Extract{}, err
	case !ok:
		return Extract{}, xmpp.ErrNotAcceptable.With("Everybody in the room is told who sends it, and has no name for you. Come in first.")
	case !r.service.opts.Limits.Off && !r.letters.Take(r.service.host.Now(), recipients, letterPace):
		return Extract{}, errCourier
	}
	return Extract{Room: r.JID, Name: r.config.Name, By: by, Within: slices.Clone(r.visibleLocked(from))}, nil
}

// mailableLocked decides whether somebody may send what was said.
func (r *Room) mailableLocked(w who) error {
	if err := r.permitLocked(w, actMail); err != nil {
		return err
	}
	if !r.archivesLocked() {
		return xmpp.ErrNotAllowed.With("Nothing is kept of what is said in this room, and so nothing can be sent.")
	}
	return nil
}

// calledLocked is what somebody is called in the room: by the name of their account only where all see it.
func (r *Room) calledLocked(full xmpp.JID) (name string, ok bool) {
	w := r.managerLocked(full)
	switch p := r.people[w.account]; {
	case w.occupant != nil:
		return w.occupant.nick, true
	case p != nil && p.Nick != "":
		return p.Nick, true
	}
	return w.account.Local(), !r.config.Policy.Anonymous
}

// voice is the nick that the room speaks under: some clients, Gajim 1.7 for one, don't show what a room says without one. Nobody else can have it.
const voice, voiceKey = "Mail", "mail"

// announceLocked is the event of the room itself saying something, which is kept like what others say. It goes together with writes.
func (r *Room) announceLocked(text string, writes ...server.Write) *event {
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeGroupchat, xmpp.New(xmpp.NSClient, "body", xmpp.Text(text)), xmpp.New(nsMail, "sent"))
	st.ID, st.From = r.service.host.NewID(), r.from(voice)
	entry := r.service.opts.Archive.Entry(r.JID, st, nil, "")
	to, life := r.audienceLocked(), r.life
	return &event{writes: append(writes, entry), tell: func(ctx context.Context) {
		p := past{st: st, tail: r.stanzaID(entry.ID()), id: entry.ID(), at: r.service.host.Now()}
		r.give(ctx, to, stream.Packet{Stanza: st, Tail: p.tail})
		r.remembered(life, p)
	}}
}
