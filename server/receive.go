package server

import (
	"context"

	"palabre/stream"
	"palabre/xmpp"
)

// Receive takes a stanza that the session's client sent. It is called by the stream's reader, one stanza after the other, and holds
// it up while a barrier waits or the window is full. The stanza is the kernel's from now on.
func (s *Session) Receive(ctx context.Context, ev stream.Event) {
	h, st := s.host, ev.Stanza
	if s.ended.Load() {
		return
	}
	h.Stats.in[st.Kind].Add(1)
	s.active.Store(h.opts.Now().Unix())
	st.From = s.JID // RFC 6120 §8.1.2.1
	s.received++
	p := &Passage{Stanza: st, Session: s, Number: s.received}
	if ev.BadTo {
		p.err = xmpp.ErrJIDMalformed.With("The address in 'to' is not one. Check how it is written: it may be too long, or hold a character that can't be in one.")
	} else if st.To.IsZero() && st.Kind != xmpp.Presence {
		st.To = s.JID.Bare() // RFC 6120 §10.3.1, §10.3.3
	}
	if s.answered(ctx, st) {
		p.err = ErrDrop // it is counted in its turn
	}
	h.receive(ctx, &s.flow, p)
}

// Done counts a stanza that the transport has dealt with by itself.
func (s *Session) Done(ctx context.Context, st *xmpp.Stanza) {
	s.received++
	s.flow.run(ctx, &Passage{Stanza: st, Session: s, Number: s.received, flow: &s.flow, err: ErrDrop})
}

// InOrder has fn run when everything that the client has sent so far has been told; at once if it has. It is called on the session's reader, and never holds it
// up: at most once between two stanzas.
func (s *Session) InOrder(ctx context.Context, fn func(context.Context)) {
	if s.flow.isIdle() {
		fn(ctx)
		return
	}
	s.flow.add(&Passage{flow: &s.flow, event: func(ctx context.Context, _ error) { fn(ctx) }})
}

// receive takes a stanza from a stream of any kind.
func (h *Host) receive(ctx context.Context, f *flow, p *Passage) {
	p.flow = f
	barrier := isBarrier(p.Stanza)
	if barrier {
		f.settle()
	}
	if p.err == nil {
		p.err = wellFormed(p.Stanza)
	}
	if p.err == nil {
		h.decideOn(ctx, p)
	}
	if p.Session != nil && len(p.writes) > 0 {
		for _, fn := range h.hooks.Committing {
			fn(p)
		}
	}
	f.run(ctx, p)
	if barrier {
		f.settle()
	}
}

// decideOn runs the first stage and leaves its outcome in the passage.
func (h *Host) decideOn(ctx context.Context, p *Passage) {
	decided := false
	defer func() {
		if !decided { // a module has failed, and the stream ends
			h.letGo(p)
		}
	}()
	if p.err = h.decide(ctx, p); p.err != nil {
		p.writes, p.then = nil, nil
	}
	decided = true
}

// isBarrier tells whether a stanza changes what is decided about later ones.
func isBarrier(st *xmpp.Stanza) bool {
	return st.Kind == xmpp.Presence || st.Kind == xmpp.IQ && st.Type == xmpp.TypeSet
}

// wellFormed checks what RFC 6120 §8.2.3 asks of an IQ, and the types of RFC 6121 §4.7.1 and §5.2.2.
func wellFormed(st *xmpp.Stanza) error {
	switch st.Kind {
	case xmpp.IQ:
		return wellFormedIQ(st)
	case xmpp.Presence:
		if !presenceTypes[st.Type] {
			return xmpp.ErrBadRequest.With("There is no such type of presence.")
		}
	}
	return nil
}

func wellFormedIQ(st *xmpp.Stanza) error {
	switch st.Type {
	case xmpp.TypeGet, xmpp.TypeSet:
		if st.ID == "" {
			return xmpp.ErrBadRequest.With("An IQ needs an id.")
		}
		if len(st.Children) != 1 {
			return xmpp.ErrBadRequest.With("An IQ request holds one element.")
		}
	case xmpp.TypeResult, xmpp.TypeError:
		if st.ID == "" {
			return ErrDrop
		}
	default:
		return xmpp.ErrBadRequest.With("The type of an IQ is get, set, result or error.")
	}
	return nil
}

var presenceTypes = map[string]bool{
	"": true, xmpp.TypeUnavailable: true, xmpp.TypeSubscribe: true, xmpp.TypeSubscribed: true, xmpp.TypeUnsubscribe: true,
	xmpp.TypeUnsubscribed: true, xmpp.TypeProbe: true, xmpp.TypeError: true,
}

// Nonza takes a top-level element that is no stanza, at once: what was sent before may still be under way (see InOrder). ok tells whether anybody knows it.
func (s *Session) Nonza(ctx context.Context, e xmpp.Element) (ok bool) {
	fn := s.host.nonzas[e.Name]
	if fn == nil {
		return false
	}
	if s.ended.Load() {
		return true
	}
	if err := fn(ctx, s, e); err != nil {
		s.host.opts.Log.Error("element failed", "jid", s.JID.String(), "kind", e.Name.Local, "err", err)
	}
	return true
}

// InlineFeatures are the namespaces that a client may ask for while it binds (XEP-0386 §3.1).
func (h *Host) InlineFeatures() []xmpp.Name {
	out := make([]xmpp.Name, 0, len(h.inline))
	for n := range h.inline {
		out = append(out, n)
	}
	return out
}

// Inline carries out what a client asks for while it binds, and gives what stands in the answer.
func (s *Session) Inline(ctx context.Context, asked []xmpp.Element) []xmpp.Element {
	var out []xmpp.Element
	add := func(kind string, answer xmpp.Element, err error) {
		switch {
		case err != nil:
			s.host.opts.Log.Error("inline request failed", "jid", s.JID.String(), "kind", kind, "err", err)
		case !answer.IsZero():
			out = append(out, answer)
		}
	}
	for _, e := range asked {
		if fn := s.host.inline[e.Name]; fn != nil {
			answer, err := fn(ctx, s, e)
			add(e.Name.Space, answer, err)
		}
	}
	for _, fn := range s.host.bound {
		answer, err := fn(ctx, s)
		add(answer.Name.Space, answer, err)
	}
	return out
}
