package server

import (
	"sync"

	"palabre/xmpp"
)

// turns are the order in which an account's clients are told of what is stored for it: the order of commits, which is that of its archive. Who has been told
// of a message has been told of all that is before it there, so that a client may ask the archive to go on behind the last one that it has seen
// (XEP-0313 §4.3.2), wherever its connection or the server broke. Streams are told beside each other; this is where they wait for each other.
//
// Nobody waits in a circle: a stream's own order is that of its commits, too. What a module sends while it is telling takes no turn, because it is waited for.
type turns struct {
	mu      sync.Mutex // tier 2, before a flow's
	waiting []*Passage // committed and not told yet; it is the first one's turn
}

// queueUp has a message that a client sent wait for its turns. It is called at the commit, on the store's writer, before the flow hears of it.
func (p *Passage) queueUp() {
	if p.Session == nil || p.Stanza == nil || p.Stanza.Kind != xmpp.Message {
		return
	}
	p.turns[0] = &p.Session.Account.turns
	if r := p.Recipient; r != nil && r != p.Session.Account {
		p.turns[1] = &r.turns
	}
	for _, t := range p.turns {
		if t != nil {
			t.add(p)
		}
	}
}

func (t *turns) add(p *Passage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) > 0 {
		p.flow.await(p)
	}
	t.waiting = append(t.waiting, p)
}

// passOn ends the turns of a passage that has been told.
func (p *Passage) passOn() {
	for _, t := range p.turns {
		if t == nil {
			continue
		}
		if next := t.next(); next != nil {
			next.flow.part(next, nil)
		}
	}
}

func (t *turns) next() *Passage {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[0] = nil
	if t.waiting = t.waiting[1:]; len(t.waiting) == 0 {
		t.waiting = nil
		return nil
	}
	return t.waiting[0]
}
