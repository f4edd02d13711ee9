package server

import (
	"context"

	"palabre/stream"
	"palabre/xmpp"
)

// messageToAccount delivers a message to a local account (RFC 6121 §8.5), or says that it could not.
func (h *Host) messageToAccount(ctx context.Context, p *Passage) error {
	recipient := p.Recipient
	if recipient == nil {
		recipient = &Account{} // who does not exist is as one who is not there (§8.5.1)
	}
	reached, outcome := recipients(recipient, p.Stanza)
	for _, s := range reached {
		s.Send(stream.Packet{Stanza: p.Stanza, To: p.Stanza.To, Tail: p.Tail, Mark: p.Mark})
	}
	if p.Session != nil {
		h.sent(ctx, p, reached)
	}
	if len(reached) > 0 {
		for _, fn := range h.hooks.Delivered {
			fn(ctx, p, reached)
		}
		return nil
	}
	if p.Recipient != nil && outcome == stored {
		for _, fn := range h.hooks.Undelivered {
			fn(ctx, p, nil)
		}
		return nil // whether or not it is kept: an error would tell that nobody is there
	}
	if outcome == ignored || p.Recipient == nil && !h.domains[p.Stanza.From.Domain()] {
		return nil // §8.5.1: whether there is such an account is nobody's business elsewhere
	}
	return xmpp.ErrServiceUnavailable
}

// An outcome says what becomes of a message that no session takes.
type outcome uint8

const (
	stored  outcome = iota // somebody may keep it: "O" in the table of RFC 6121 §8.5.4
	refused                // service-unavailable: "E", and those "S" that may be errors
	ignored                // silence: "S"
)

// recipients is the table of RFC 6121 §8.5.4. Where it leaves a choice: a message to the bare JID goes to every available resource with a
// priority that is not negative, and what is refused is refused as for an account that does not exist (§8.5.1). This goes for chat, too, without
// the opting in that the note under the table asks for: all of one's devices show what comes, also those that do not know of carbons. And a message of type
// normal to a resource that is not there goes the way of chat: §8.5.3.2.1 has it ignored, which would lose it, or refused, which would tell that the resource has gone.
func recipients(a *Account, st *xmpp.Stanza) ([]*Session, outcome) {
	if !st.To.IsBare() {
		if s := a.Session(st.To.Resource()); s != nil {
			return s.alone[:], ignored // §8.5.3.1
		}
		switch st.Type { // §8.5.3.2.1
		case xmpp.TypeGroupchat:
			return nil, refused
		case xmpp.TypeError, xmpp.TypeHeadline:
			return nil, ignored
		}
		return willing(a), stored
	}
	switch st.Type { // §8.5.2.1.1, §8.5.2.2.1
	case xmpp.TypeGroupchat:
		return nil, refused
	case xmpp.TypeError:
		return nil, ignored
	case xmpp.TypeHeadline:
		return willing(a), ignored
	}
	return willing(a), stored
}

// willing lists the sessions that take messages to the bare JID: available, with a priority of zero or more.
func willing(a *Account) []*Session {
	all := a.Sessions()
	for i, s := range all {
		if takes(s) {
			continue
		}
		out := append([]*Session(nil), all[:i]...)
		for _, s := range all[i+1:] {
			if takes(s) {
				out = append(out, s)
			}
		}
		return out
	}
	return all
}

func takes(s *Session) bool { return s.Presence() != nil && s.Priority() >= 0 }
