package xep

import (
	"context"
	"slices"
	"sync/atomic"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// Namespaces of XEP-0280 and of what it looks at.
const (
	nsCarbons    = "urn:xmpp:carbons:2"
	nsForward    = "urn:xmpp:forward:0"
	nsHints      = "urn:xmpp:hints"
	nsChatStates = "http://jabber.org/protocol/chatstates"
	nsReceipts   = "urn:xmpp:receipts"
	nsMarkers    = "urn:xmpp:chat-markers:0"
	nsMUCUser    = "http://jabber.org/protocol/muc#user"
	nsInvitation = "jabber:x:conference"
	nsArchive    = "urn:xmpp:mam:2"
	nsStanzaID   = "urn:xmpp:sid:0"
)

// Carbons gives each of a user's clients a copy of what the others send and receive (XEP-0280). A copy is made once for an account,
// whatever the number of its clients, goes straight to their sessions and so can't bounce (§10.3).
type Carbons struct {
	enabled server.SessionSlot[atomic.Bool]
}

// Info is part of server.Module.
func (c *Carbons) Info() server.Info {
	return server.Info{Name: "carbons", Specs: []server.Spec{{Name: "XEP-0280", Version: "1.0.1", Note: "errors are not copied"}}}
}

// Register is part of server.Module.
func (c *Carbons) Register(h *server.Host) {
	c.enabled = server.NewSessionSlot[atomic.Bool](h)
	h.Feature(server.ToDomain, nsCarbons)
	h.HandleIQ(server.ToAccount, nsCarbons, "enable", c.answer(true))
	h.HandleIQ(server.ToAccount, nsCarbons, "disable", c.answer(false))
	h.HandleInline(nsCarbons, "enable", func(_ context.Context, s *server.Session, _ xmpp.Element) (xmpp.Element, error) {
		c.enabled.Get(s).Store(true)
		return xmpp.Element{}, nil
	})
	hooks := h.Hooks()
	hooks.Outbound = append(hooks.Outbound, withoutForged)
	hooks.Inbound = append(hooks.Inbound, withoutForged)
	hooks.Sent = append(hooks.Sent, c.sent)
	hooks.Delivered = append(hooks.Delivered, c.received)
	hooks.Undelivered = append(hooks.Undelivered, c.received)
	hooks.SessionSaved = append(hooks.SessionSaved, c.save)
	hooks.SessionRestored = append(hooks.SessionRestored, c.restore)
}

func (c *Carbons) answer(enable bool) server.IQHandler {
	return server.OwnOnly(func(_ context.Context, r *server.Request) (xmpp.Element, error) {
		switch {
		case !r.IsSet():
			return xmpp.Element{}, xmpp.ErrBadRequest
		case r.Session == nil:
			return xmpp.Element{}, xmpp.ErrNotAllowed // §4.1
		}
		c.enabled.Get(r.Session).Store(enable)
		return xmpp.Element{}, nil
	})
}

// withoutForged cuts out what only a user's own server may say, and says past all hooks: that this is a copy of the user's
// own traffic, or a page of the user's own archive. Clients have believed such things from anybody (§11).
func withoutForged(_ context.Context, p *server.Passage) error {
	if p.Stanza.Kind != xmpp.Message {
		return nil
	}
	fromClient := p.Session != nil
	p.Stanza = p.Stanza.Without(func(c xmpp.Child) bool {
		switch c.Name.Space {
		case nsCarbons:
			return c.Name.Local == "sent" || c.Name.Local == "received"
		case nsArchive:
			return c.Name.Local == "result" && fromClient // rooms elsewhere have archives too
		}
		return false
	})
	return nil
}

// sent copies a message to the sender's other clients (§8).
func (c *Carbons) sent(_ context.Context, p *server.Passage, reached []*server.Session) {
	others := p.Session.Account.Sessions() // of which the sender is one, unless it has left since
	if len(others) == 1 && others[0] == p.Session || !eligible(p.Stanza, outgoing) {
		return
	}
	c.copy(p, others, "sent", func(s *server.Session) bool { return s == p.Session || slices.Contains(reached, s) })
}

// received copies a message to the recipient's clients that did not get it (§7). Copies of what one sends to oneself come from sent. What nobody got and waits is
// brought to a client as soon as it is available (XEP-0160), and so is not copied to it before.
func (c *Carbons) received(_ context.Context, p *server.Passage, reached []*server.Session) {
	others := p.Recipient.Sessions()
	if len(others) == len(reached) || p.Session != nil && p.Session.Account == p.Recipient || !eligible(p.Stanza, incoming) {
		return
	}
	waits := len(reached) == 0 && p.Mark != 0
	c.copy(p, others, "received", func(s *server.Session) bool {
		return slices.Contains(reached, s) || waits && s.Presence() == nil
	})
}

func (c *Carbons) copy(p *server.Passage, to []*server.Session, kind string, not func(*server.Session) bool) {
	var wrapped *xmpp.Stanza
	for _, s := range to {
		if on := c.enabled.Peek(s); on == nil || !on.Load() || not(s) {
			continue
		}
		if wrapped == nil {
			wrapped = wrap(p, kind, s.JID.Bare())
		}
		s.Send(stream.Packet{Stanza: wrapped, To: s.JID})
	}
}

// wrap makes the copy. What the server adds for one side is for that side's clients alone.
func wrap(p *server.Passage, kind string, owner xmpp.JID) *xmpp.Stanza {
	inside, tail := *p.Stanza, p.SenderTail
	inside.Extra = " xmlns='" + xmpp.NSClient + "'" + inside.Extra
	if kind == "received" {
		tail = p.Tail
	}
	b := make([]byte, 0, len(inside.Inner)+len(inside.Extra)+len(tail)+512)
	b = append(b, "<"+kind+" xmlns='"+nsCarbons+"'><forwarded xmlns='"+nsForward+"'>"...)
	b = inside.AppendXML(b, inside.To, tail)
	b = append(b, "</forwarded></"+kind+">"...)
	return &xmpp.Stanza{
		Kind: xmpp.Message, Type: inside.Type, From: owner, Inner: string(b),
		Children: []xmpp.Child{{Name: xmpp.Name{Space: nsCarbons, Local: kind}, End: len(b)}},
	}
}

type direction bool

const (
	incoming direction = false
	outgoing direction = true
)

// eligible is §6.1. Either mark of §9 is enough, since older clients send one of them; both reach the recipient's server.
func eligible(st *xmpp.Stanza, d direction) bool {
	if st.Type == xmpp.TypeGroupchat || st.Has(nsCarbons, "private") || st.Has(nsHints, "no-copy") {
		return false
	}
	if st.Has(nsMUCUser, "x") {
		return roomEligible(st, d)
	}
	switch st.Type {
	case xmpp.TypeChat:
		return true
	case "", xmpp.TypeNormal:
		return st.Has(xmpp.NSClient, "body") || st.Has(nsInvitation, "x") || hasPayload(st)
	}
	return false
}

// roomEligible: invitations are copied; private messages out of a room are not, since the room sends them to every client that is in it.
func roomEligible(st *xmpp.Stanza, d direction) bool {
	x, _ := st.Child(nsMUCUser, "x")
	if _, ok := x.Child(nsMUCUser, "invite"); ok {
		return true
	}
	return d == outgoing && st.Type == xmpp.TypeChat
}

// hasPayload tells whether a message without a text belongs to a conversation: receipts, chat states, markers.
func hasPayload(st *xmpp.Stanza) bool {
	for _, c := range st.Children {
		switch c.Name.Space {
		case nsReceipts, nsChatStates, nsMarkers:
			return true
		}
	}
	return false
}

func (c *Carbons) save(s *server.Session, put func(module string, state []byte)) {
	if on := c.enabled.Peek(s); on != nil && on.Load() {
		put("carbons", []byte("1"))
	}
}

func (c *Carbons) restore(s *server.Session, get func(module string) []byte) {
	if len(get("carbons")) > 0 {
		c.enabled.Get(s).Store(true)
	}
}
