package presence

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// probe answers for a local account (RFC 6121 §4.3.2). Who may not see it gets no answer, as for an account that does not exist (§8.5.1):
// "unsubscribed" in one case alone would tell them apart.
func (m *Module) probe(ctx context.Context, p *server.Passage) error {
	from, to := p.Stanza.From, p.Stanza.To
	sees, err := m.host.Sees(ctx, from, to)
	if err != nil {
		return err
	}
	var answer *xmpp.Stanza
	switch s := p.Recipient.Session(to.Resource()); {
	case !to.IsBare():
		answer = m.ofResource(s, p.Stanza, sees)
	case !sees:
	case len(p.Recipient.Available()) > 0:
		m.show(ctx, p.Recipient, one(from))
	default:
		answer, err = m.absent(ctx, p.Stanza)
	}
	if answer != nil {
		m.host.Multicast(ctx, answer, one(from))
	}
	return err
}

// ofResource answers about one resource, and says no more than whether it is there (§4.3.2, §4.6.6).
func (m *Module) ofResource(s *server.Session, probe *xmpp.Stanza, sees bool) *xmpp.Stanza {
	switch {
	case m.knows(probe.From, s), sees && s != nil && s.Presence() != nil:
		return mere("", probe.To)
	case sees:
		st := mere(xmpp.TypeUnavailable, probe.To)
		st.ID = probe.ID // §4.3.2.1
		return st
	}
	return nil
}

// patience is how long the store may take to answer.
const patience = 5 * time.Second

// absent is the answer for an account without available resources: when it went, and with which words (XEP-0203).
func (m *Module) absent(ctx context.Context, probe *xmpp.Stanza) (*xmpp.Stanza, error) {
	var els []xmpp.Element
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at, status, err := m.last.LastSeen(ctx, probe.To.Bare())
	if err != nil {
		return nil, err
	}
	if status != "" {
		els = append(els, xmpp.New(xmpp.NSClient, "status", xmpp.Text(status)))
	}
	if !at.IsZero() {
		els = append(els, xmpp.New("urn:xmpp:delay", "delay").With("stamp", at.UTC().Format(time.RFC3339)))
	}
	st := xmpp.NewStanza(xmpp.Presence, xmpp.TypeUnavailable, els...)
	st.ID, st.From = probe.ID, probe.To.Bare() // RFC 6121 §4.3.2.1
	return st, nil
}
