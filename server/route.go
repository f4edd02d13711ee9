package server

import (
	"context"

	"palabre/stream"
	"palabre/xmpp"
)

// dispatch hands a stanza to whom it is for (RFC 6120 §10, RFC 6121 §8).
func (h *Host) dispatch(ctx context.Context, p *Passage) error {
	to := p.Stanza.To
	switch {
	case p.shut != nil:
		return h.toNobody(ctx, p)
	case to.IsZero():
		return h.handlePresence(ctx, Broadcast, p)
	case !h.domains[to.Domain()]:
		return h.toOtherDomain(ctx, p)
	case to.Local() == "":
		return h.toDomain(ctx, p)
	}
	switch p.Stanza.Kind {
	case xmpp.Message:
		return h.messageToAccount(ctx, p)
	case xmpp.Presence:
		return h.presenceToAccount(ctx, p)
	default:
		return h.iqToAccount(ctx, p)
	}
}

// toNobody is for what a recipient refuses. To the sender, on all devices, it is as if the recipient were not there.
func (h *Host) toNobody(ctx context.Context, p *Passage) error {
	if p.Session != nil && p.Stanza.Kind == xmpp.Message {
		h.sent(ctx, p, nil)
	}
	return p.shut
}

// toOtherDomain: RFC 6121 §8.3.
func (h *Host) toOtherDomain(ctx context.Context, p *Passage) error {
	fn := h.handler(p.Stanza.To.Domain())
	if fn == nil {
		return xmpp.ErrRemoteServerNotFound.With("This server has no way to that domain.")
	}
	if p.Session != nil && p.Stanza.Kind == xmpp.Message {
		h.sent(ctx, p, nil)
	}
	return fn(ctx, p)
}

// toDomain: RFC 6121 §8.4.
func (h *Host) toDomain(ctx context.Context, p *Passage) error {
	switch p.Stanza.Kind {
	case xmpp.IQ:
		if p.Stanza.IsRequest() {
			return h.ServeIQ(ctx, ToDomain, p)
		}
	case xmpp.Message:
		if p.Session != nil {
			h.sent(ctx, p, nil)
		}
		return xmpp.ErrServiceUnavailable.With("Nobody reads messages to the server itself.")
	}
	return nil
}

func (h *Host) handlePresence(ctx context.Context, typ string, p *Passage) error {
	if fn := h.presence[typ]; fn != nil {
		return fn(ctx, p)
	}
	return nil
}

// presenceToAccount: RFC 6121 §8.5.1, §8.5.2.1.2, §8.5.2.2.2, §8.5.3.1, §8.5.3.2.2.
func (h *Host) presenceToAccount(ctx context.Context, p *Passage) error {
	if p.Recipient == nil {
		return nil
	}
	if fn := h.presence[p.Stanza.Type]; fn != nil {
		return fn(ctx, p)
	}
	switch p.Stanza.Type {
	case "", xmpp.TypeUnavailable, xmpp.TypeError:
		p.Deliver()
	}
	return nil
}

// Deliver gives presence to the resource that it is addressed to or, addressed to the bare JID, to every available one.
func (p *Passage) Deliver() (reached []*Session) {
	to := p.Stanza.To
	if !to.IsBare() {
		if s := p.Recipient.Session(to.Resource()); s != nil {
			s.Send(stream.Packet{Stanza: p.Stanza, To: to, Tail: p.Tail})
			return s.alone[:]
		}
		return nil
	}
	if p.Stanza.Type == xmpp.TypeError {
		return nil
	}
	reached = p.Recipient.Available()
	for _, s := range reached {
		s.Send(stream.Packet{Stanza: p.Stanza, To: to, Tail: p.Tail})
	}
	return reached
}

// iqToAccount: RFC 6121 §8.5.2.1.3, §8.5.2.2.3, §8.5.3.1, §8.5.3.2.3.
func (h *Host) iqToAccount(ctx context.Context, p *Passage) error {
	to := p.Stanza.To
	if p.Recipient == nil {
		return xmpp.ErrServiceUnavailable // RFC 6121 §8.5.1
	}
	if to.IsBare() {
		if p.Stanza.IsRequest() {
			return h.ServeIQ(ctx, ToAccount, p)
		}
		return nil
	}
	s := p.Recipient.Session(to.Resource())
	if s == nil {
		return xmpp.ErrServiceUnavailable
	}
	s.Send(stream.Packet{Stanza: p.Stanza, To: to, Tail: p.Tail})
	return nil
}

func (h *Host) sent(ctx context.Context, p *Passage, reached []*Session) {
	for _, fn := range h.hooks.Sent {
		fn(ctx, p, reached)
	}
}
