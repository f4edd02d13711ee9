package history

import (
	"context"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// outbound puts what an account sends into its archive.
func (m *Module) outbound(ctx context.Context, p *server.Passage) error {
	if p.Stanza.Kind != xmpp.Message {
		return nil
	}
	p.Stanza = withoutForged(m.host, p.Stanza)
	if !worthOf(p.Stanza).sent {
		return nil
	}
	owner, to := p.Session.Account, p.Stanza.To
	if ok, err := m.archives(ctx, owner, to); !ok || err != nil {
		return err
	}
	a := m.write(p, Entry{Owner: owner.JID, Peer: to.Bare(), Kind: Sent})
	p.Then(func(_ context.Context, p *server.Passage) error {
		if a.Resent {
			return server.ErrDrop
		}
		p.SenderTail += m.tail(&a.Entries[0])
		return nil
	})
	return nil
}

// inbound puts what comes for an account into its archive. Whoever may refuse a message has been asked by now: what an account does not get is
// not in its archive (XEP-0313 §6.1).
func (m *Module) inbound(ctx context.Context, p *server.Passage) error {
	if p.Stanza.Kind != xmpp.Message {
		return nil
	}
	p.Stanza = withoutForged(m.host, p.Stanza)
	w := worthOf(p.Stanza)
	if !w.received && !w.waits {
		return nil
	}
	owner, from := p.Recipient, p.Stanza.From
	archived := false
	if w.received {
		var err error
		if archived, err = m.archives(ctx, owner, from); err != nil {
			return err
		}
	}
	e := Entry{Owner: owner.JID, Peer: from.Bare()}
	if w.waits {
		e.Kind |= Waits
	}
	if !archived {
		if !w.waits || m.isTaken(p) {
			return nil
		}
		e.Kind |= Hidden
	}
	m.receive(p, e)
	return nil
}

// receive adds the recipient's entry to the message's append. What somebody sends to themselves is in the archive once (XEP-0313 §6.1.1).
func (m *Module) receive(p *server.Passage, e Entry) {
	a, at := appendOf(p), 0
	switch {
	case a == nil:
		a = m.write(p, e)
	case a.Entries[0].Owner == e.Owner:
		a.Entries[0].Kind |= e.Kind & Waits
	default:
		at = len(a.Entries)
		a.Entries = append(a.Entries, e)
	}
	if e.Kind&Waits != 0 {
		a.moving = m.offline.moving.Get(p.Recipient)
	}
	p.Then(func(_ context.Context, p *server.Passage) error {
		if a.Resent {
			return server.ErrDrop
		}
		if e := &a.Entries[at]; e.Kind&Waits != 0 {
			p.Mark = e.ID
		}
		p.Tail += m.tail(&a.Entries[at])
		return nil
	})
}

// isTaken tells whether a client is there that the message will go to (RFC 6121 §8.5), at once.
func (m *Module) isTaken(p *server.Passage) bool {
	to, all := p.Stanza.To, p.Recipient.Sessions()
	if s := p.Recipient.Session(to.Resource()); !to.IsBare() && s != nil {
		return !m.offline.isBehind(s)
	}
	return slices.ContainsFunc(all, willing) && !slices.ContainsFunc(all, m.offline.isBehind)
}

// appendOf is what is to be written of a message, or nil.
func appendOf(p *server.Passage) *Append {
	for _, w := range p.Writes() {
		if a, ok := w.(*Append); ok {
			return a
		}
	}
	return nil
}

// write attaches a message's append, with its first entry.
func (m *Module) write(p *server.Passage, e Entry) *Append {
	st := p.Stanza
	a := &Append{Entries: append(make([]Entry, 0, 2), e)}
	a.Stanza, a.Inner = render(st)
	if p.Session != nil && st.ID != "" {
		a.Digest, a.Stream = digest(p.Sender(), st), streamOf(p.Session.Stream())
	}
	p.Write(a)
	m.retract(p, a)
	return a
}

// render writes a message as it is stored: never in the short form of an empty element, so that its content has a place.
func render(st *xmpp.Stanza) (raw []byte, inner int) {
	const end = "</message>"
	raw = make([]byte, 0, len(st.Inner)+len(st.Extra)+len(st.ID)+len(st.From.String())+len(st.To.String())+96)
	raw = append(st.AppendStart(raw, st.To), '>')
	inner = len(raw)
	return append(append(raw, st.Inner...), end...), inner
}

// tail is the stanza-id that the owner's clients are told (XEP-0313 §3.5); nothing for what their archive does not show.
func (m *Module) tail(e *Entry) string {
	if e.Kind&Hidden != 0 {
		return ""
	}
	b := make([]byte, 0, 128)
	b = append(b, "<stanza-id xmlns='"+nsStanzaID+"'"...)
	b = xmpp.AppendAttr(b, "by", e.Owner.String())
	b = append(b, " id='"...)
	b = m.names.appendName(b, e.ID)
	return string(append(b, "'/>"...))
}
