package history

import (
	"context"
	"sync"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// missed brings to the other clients what an ended session has not got, or leaves it for the next one (XEP-0198 §4).
func (o *offline) missed(_ context.Context, s *server.Session, left []stream.Packet) {
	t := o.moving.Get(s.Account)
	for i := range left {
		p := &left[i]
		switch {
		case p.Mark == 0:
			o.keep(s, p)
		case t.missed(p.Mark):
			o.pass(s.Account, stream.Packet{Mark: p.Mark})
		}
	}
	o.store(s.Account)
}

// pass gives a packet to the clients that are there.
func (o *offline) pass(a *server.Account, p stream.Packet) {
	t := o.moving.Get(a)
	for _, s := range a.Sessions() {
		if willing(s) {
			if p.Mark != 0 {
				t.sent(p.Mark)
			}
			s.Write(p)
		}
	}
}

// keep brings a message that is in no archive to the clients that have not had it, for they have come since; if there are no clients, it is stored.
func (o *offline) keep(s *server.Session, p *stream.Packet) {
	st := p.Stanza
	if st == nil {
		var err error
		if st, err = xmpp.ParseStanza(p.Raw); err != nil {
			return
		}
		p.To = st.To
	}
	if st.Kind != xmpp.Message || !worthOf(st).waits || o.erased.holds(s) {
		return
	}
	a, release := o.m.host.Account(s.Account.JID) // whoever has come since the session ended
	defer release()
	others := false
	for _, other := range a.Sessions() {
		if !willing(other) {
			continue
		}
		others = true
		if !p.To.IsBare() || o.clients.Get(other).cameAfter(p.At) {
			other.Write(*p)
		}
	}
	if !others {
		o.leave(a.JID, st.Addressed(p.To))
	}
}

// cameAfter tells whether the client did not take messages yet at a time.
func (c *client) cameAfter(at int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.since > at
}

// leave stores a message that is in no archive for the next client. It does not wait.
func (o *offline) leave(owner xmpp.JID, st *xmpp.Stanza) {
	account, release := o.m.host.Account(owner)
	a := &Append{Entries: []Entry{{Owner: owner, Peer: st.From.Bare(), Kind: Waits | Hidden}}, moving: o.moving.Get(account)}
	a.Stanza, a.Inner = render(st)
	o.m.store.Commit([]server.Write{a}, func(err error) {
		defer release()
		if err != nil {
			o.m.host.Log().Error("a message that waits is lost", "jid", owner.String(), "id", st.ID, "module", "history", "err", err)
			return
		}
		a.Committed()
	})
}

// undelivered keeps a message whose recipient has gone between the decision, when it seemed to need no keeping, and now.
func (o *offline) undelivered(_ context.Context, p *server.Passage, _ []*server.Session) {
	if p.Mark == 0 && worthOf(p.Stanza).waits {
		o.leave(p.Recipient.JID, p.Stanza)
	}
}

// buried is how long an account that was deleted is known as such: longer than its connections may take to their end.
const buried = 10 * time.Minute

// A graveyard knows the accounts that were deleted lately: nothing that their sessions have missed is for who has the address next.
type graveyard struct {
	mu sync.Mutex // leaf
	m  map[xmpp.JID]time.Time
}

func (g *graveyard) add(account xmpp.JID, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.m == nil {
		g.m = map[xmpp.JID]time.Time{}
	}
	for other, at := range g.m {
		if now.Sub(at) > buried {
			delete(g.m, other)
		}
	}
	g.m[account] = now
}

// holds tells whether a session is one of an account that was deleted.
func (g *graveyard) holds(s *server.Session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, dead := g.m[s.Account.JID]
	return dead && !s.Since.After(at)
}
