package server

import (
	"context"
	"errors"

	"palabre/xmpp"
)

// A Passage is one stanza on its way: decided, committed, told.
type Passage struct {
	Stanza    *xmpp.Stanza // as the hooks left it; From is always what the kernel knows
	Session   *Session     // the local session that sent it; nil for what comes from elsewhere or from a module
	Recipient *Account     // the local account that it goes to, if it exists; held until the passage is told

	// Tail is XML of the server's own that the recipient's clients get after the content, such as a stanza-id of the recipient's archive. SenderTail is
	// the same for the sender's other clients. What is known only after the commit is set by Then.
	Tail, SenderTail string
	// Mark names the stanza in the recipient's archive, like the stanza-id in Tail; 0 where it is in none. Then sets it, too.
	Mark int64
	// Number is the stanza's place among those that its session's client has sent, if that counts them (XEP-0198 §4).
	Number uint32

	writes []Write
	then   []func(context.Context, *Passage) error
	after  []func(context.Context)
	err    error                                // why it goes no further
	shut   error                                // ErrDrop, or the *xmpp.Error that the recipient has for it
	event  func(ctx context.Context, err error) // tells it, if it is no stanza but of a Sequence

	flow   *flow
	cost   int   // in bytes, of the flow's window
	queued bool  // it is among those that wait: this and what follows is guarded by the flow's lock
	open   int   // how many things it waits for before it can be told: its commit, events that it has caused
	failed error // what went wrong with them
	turns  [2]*turns
}

// Write attaches a change of the store that shall be durable before the stanza is told.
func (p *Passage) Write(w Write) { p.writes = append(p.writes, w) }

// Writes are those attached so far, for a module to look at its own.
func (p *Passage) Writes() []Write { return p.writes }

// Then attaches what to do after the commit and before delivery; what it returns has the meaning that a Hook's has.
func (p *Passage) Then(fn func(context.Context, *Passage) error) { p.then = append(p.then, fn) }

// After attaches what to do at the very end, whether the stanza has been told or given up, be it that its commit has failed.
func (p *Passage) After(fn func(context.Context)) { p.after = append(p.after, fn) }

// Sender is the bare JID that the stanza comes from.
func (p *Passage) Sender() xmpp.JID { return p.Stanza.From.Bare() }

// decide runs the first stage. An error says that the stanza goes no further.
func (h *Host) decide(ctx context.Context, p *Passage) error {
	if p.Session != nil {
		for _, fn := range h.hooks.Outbound {
			if err := fn(ctx, p); err != nil {
				return err
			}
		}
	} else if err := h.dropBarred(ctx, p.Stanza, p.Stanza.To); err != nil {
		return err
	}
	to := p.Stanza.To
	if !h.domains[to.Domain()] {
		if fn := h.deciders[to.Domain()]; fn != nil {
			return fn(ctx, p)
		}
		return nil
	}
	if to.Local() == "" {
		return nil
	}
	writes, then := len(p.writes), len(p.then)
	err := h.decideInbound(ctx, p)
	if !isRefusal(err) {
		return err
	}
	p.shut = err
	p.writes, p.then = p.writes[:writes], p.then[:then]
	h.letGo(p)
	return nil
}

// isRefusal tells whether an error is a decision, and not that something has gone wrong.
func isRefusal(err error) bool {
	if err == nil || errors.Is(err, ErrDrop) {
		return err != nil
	}
	var e *xmpp.Error // on the heap: not for each stanza that passes
	return errors.As(err, &e)
}

func (h *Host) decideInbound(ctx context.Context, p *Passage) error {
	bare := p.Stanza.To.Bare()
	a := h.hold(bare)
	if len(a.Sessions()) == 0 {
		ok, err := h.opts.Users.Exists(ctx, bare)
		if err != nil || !ok {
			h.release(a)
			return err
		}
	}
	p.Recipient = a
	for _, fn := range h.hooks.Inbound {
		if err := fn(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// tell runs the last stage, answers a stanza that went no further, and ends the passage.
func (h *Host) tell(ctx context.Context, p *Passage) {
	if p.event != nil {
		p.event(ctx, p.failed)
		return
	}
	defer h.end(ctx, p)
	err := firstError(p.err, p.failed)
	for i := 0; err == nil && i < len(p.then); i++ {
		err = p.then[i](ctx, p)
	}
	if err == nil {
		err = h.dispatch(ctx, p)
	}
	if err != nil && !errors.Is(err, ErrDrop) {
		h.Bounce(ctx, p.origin(), h.stanzaError(p.Stanza, err))
	}
}

// end lets the recipient go, and does what is to be done at the very end.
func (h *Host) end(ctx context.Context, p *Passage) {
	h.letGo(p)
	p.passOn() // other streams do not wait for what takes long
	for _, fn := range p.after {
		fn(ctx)
	}
	if p.Session != nil {
		p.Session.told.Add(1)
	}
}

func (h *Host) letGo(p *Passage) {
	if p.Recipient != nil {
		h.release(p.Recipient)
		p.Recipient = nil
	}
}

// address is who the stanza comes from, for the log.
func (p *Passage) address() string {
	if p.Stanza == nil {
		return ""
	}
	return p.origin().From.String()
}

// origin is the stanza as it came from its sender, to whom errors go: a module may have hidden the resource that sent it (RFC 6121 §3).
func (p *Passage) origin() *xmpp.Stanza {
	if p.Session == nil || p.Stanza.From == p.Session.JID {
		return p.Stanza
	}
	st := *p.Stanza
	st.From = p.Session.JID
	return &st
}

// stanzaError turns any error into one that may reach a peer; those that are not meant for peers are logged here, once.
func (h *Host) stanzaError(st *xmpp.Stanza, err error) *xmpp.Error {
	var e *xmpp.Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrAway) {
		return xmpp.ErrResourceConstraint.With("The server can't store this just now. Try again in a while.")
	}
	h.opts.Log.Error("stanza failed", "jid", st.From.String(), "peer", st.To.String(), "kind", st.Kind.String(), "id", st.ID, "err", err)
	return xmpp.ErrInternal
}

// ErrAway is what a store's error wraps while it can't be reached or has no room: the sender may try again.
var ErrAway = errors.New("the database is away")

// Bounce sends an error back for a stanza, unless it is itself an answer (RFC 6120 §8.3.1).
func (h *Host) Bounce(ctx context.Context, st *xmpp.Stanza, e *xmpp.Error) {
	if st.Type == xmpp.TypeError || st.Kind == xmpp.IQ && st.Type == xmpp.TypeResult {
		return
	}
	reply := st.ErrorReply(e)
	if reply.From.IsZero() {
		reply.From = st.From.Bare()
	}
	h.Answer(ctx, reply)
}

// Answer sends a stanza that answers a local session or a peer elsewhere. It meets no hooks: it was caused by the one it goes to.
func (h *Host) Answer(ctx context.Context, st *xmpp.Stanza) {
	if h.domains[st.To.Domain()] {
		if a := h.Online(st.To.Bare()); a != nil {
			if s := a.Session(st.To.Resource()); s != nil {
				s.SendStanza(st)
			}
		}
		return
	}
	if err := h.toHandler(ctx, st); err != nil && !errors.Is(err, ErrDrop) {
		h.opts.Log.Warn("answer failed", "peer", st.To.String(), "kind", st.Kind.String(), "id", st.ID, "err", err)
	}
}

// toHandler gives a stanza that is never bounced to the handler of its domain, if there is one.
func (h *Host) toHandler(ctx context.Context, st *xmpp.Stanza) error {
	if h.deciders[st.To.Domain()] != nil {
		h.Route(ctx, st)
		return nil
	}
	if fn := h.handler(st.To.Domain()); fn != nil {
		return fn(ctx, &Passage{Stanza: st, flow: &flow{host: h}})
	}
	return nil
}
