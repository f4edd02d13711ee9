package server

import (
	"context"
	"iter"

	"palabre/stream"
	"palabre/xmpp"
)

// Multicast gives presence that the server sends in the name of st.From to many addresses. Each local recipient decides by the Inbound hooks;
// all share st, and nothing is allocated for one more of them. Nobody is told of an error: the sender did not write to them one by one.
func (h *Host) Multicast(ctx context.Context, st *xmpp.Stanza, to iter.Seq[xmpp.JID]) {
	c := &cast{host: h}
	if len(h.hooks.Barred) > 0 && st.From.Local() != "" && h.domains[st.From.Domain()] {
		c.sender = h.hold(st.From.Bare())
		defer h.release(c.sender)
	}
	for j := range to {
		if c.sender != nil {
			if barred, err := h.bars(ctx, c.sender, j); barred || err != nil {
				h.logCast(st, j, err)
				continue
			}
		}
		if !h.domains[j.Domain()] {
			h.castElsewhere(ctx, st, j)
			continue
		}
		a := h.Online(j.Bare())
		if a == nil {
			continue
		}
		if out := c.decide(ctx, st, a, j); out != nil {
			c.deliver(out, a, j)
		}
	}
}

// Hand gives a session presence of many senders, each decided by the Inbound hooks of its account, as Multicast does. What has no
// address gets that of the session.
func (h *Host) Hand(ctx context.Context, s *Session, sts iter.Seq[*xmpp.Stanza]) {
	c := &cast{host: h}
	for st := range sts {
		if err := h.dropBarred(ctx, st, s.JID); err != nil {
			h.logCast(st, s.JID, err)
			continue
		}
		to := st.To
		if to.IsZero() {
			to = s.JID
		}
		if out := c.decide(ctx, st, s.Account, to); out != nil {
			s.Send(stream.Packet{Stanza: out, To: to, Tail: c.passage.Tail})
		}
	}
}

// A Cast gives what the server sends in the name of something that is no account here, such as a room, to one address after the other. Each local account
// decides by its Inbound hooks. It is for one goroutine.
type Cast struct{ cast }

// NewCast makes one.
func (h *Host) NewCast() *Cast { return &Cast{cast{host: h}} }

// Give gives a packet, which has a stanza and an address, to the session with that address; without a session it goes elsewhere. Nobody is told of an error.
func (c *Cast) Give(ctx context.Context, s *Session, p stream.Packet) {
	if s == nil {
		st := p.Stanza
		if p.Tail != "" {
			st = st.Plus(xmpp.Raw(p.Tail))
		}
		c.host.castElsewhere(ctx, st, p.To)
		return
	}
	if st := c.decide(ctx, p.Stanza, s.Account, p.To); st != nil {
		p.Shared = st == p.Stanza
		p.Stanza = st
		p.Tail += c.passage.Tail
		s.Send(p)
	}
}

// A cast is what the recipients of one Multicast use one after the other.
type cast struct {
	host    *Host
	sender  *Account // held, if it may have barred somebody
	passage Passage
	stanza  xmpp.Stanza
}

// decide runs the Inbound hooks of one recipient; what it gives is to be delivered, if anything is. The passage and its stanza are used again
// for the next recipient, so a hook that keeps either keeps a copy; delivered is st itself, unless a hook has put another in its place.
func (c *cast) decide(ctx context.Context, st *xmpp.Stanza, a *Account, to xmpp.JID) *xmpp.Stanza {
	c.stanza = *st
	c.stanza.To = to
	p := &c.passage
	*p = Passage{Stanza: &c.stanza, Recipient: a}
	for _, fn := range c.host.hooks.Inbound {
		if err := fn(ctx, p); err != nil {
			c.host.logCast(st, to, err)
			return nil
		}
	}
	if len(p.writes) > 0 || len(p.then) > 0 || len(p.after) > 0 {
		c.routed(ctx)
		return nil
	}
	if p.Stanza != &c.stanza {
		return p.Stanza
	}
	return st
}

// routed sends what a hook has attached something to on the way of single stanzas.
func (c *cast) routed(ctx context.Context) {
	p, st := c.passage, *c.passage.Stanza
	p.Stanza, p.Recipient = &st, c.host.hold(p.Recipient.JID)
	f := &flow{host: c.host}
	f.run(ctx, &p)
	f.settle()
}

func (c *cast) deliver(st *xmpp.Stanza, a *Account, to xmpp.JID) {
	packet := stream.Packet{Stanza: st, To: to, Tail: c.passage.Tail}
	if !to.IsBare() {
		if s := a.Session(to.Resource()); s != nil {
			s.Send(packet)
		}
		return
	}
	for _, s := range a.Sessions() {
		if s.Presence() != nil {
			s.Send(packet)
		}
	}
}

func (h *Host) castElsewhere(ctx context.Context, st *xmpp.Stanza, to xmpp.JID) {
	if h.handler(to.Domain()) == nil {
		return
	}
	if err := h.toHandler(ctx, st.Addressed(to)); err != nil {
		h.logCast(st, to, err)
	}
}

// logCast logs what is not a decision.
func (h *Host) logCast(st *xmpp.Stanza, to xmpp.JID, err error) {
	if err == nil || isRefusal(err) {
		return
	}
	h.opts.Log.Error("presence failed", "jid", st.From.String(), "peer", to.String(), "kind", st.Kind.String(), "err", err)
}
