package resumption

import (
	"context"
	"strings"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A tally is what is known for good of a stream's count. Once the store remembers the stream, after a crash it tells the client how far the count has got
// (<failed h='…'/>): so no <a h='…'/> may ever have said more.
type tally struct {
	kept    bool   // the store remembers the stream, or will with the next commit
	durable uint32 // what it remembers; 0 until it does
	said    uint32 // what the client has been told last
	busy    bool   // the count is being committed for its own sake
	again   bool   // and is to be once more

	// One of the client's stanzas was refused because the store was away. Nobody knows when the client has got the error, and after a crash a count that covers that
	// stanza would say that it is handled. So the store forgets the stream: a client that is told no count sends everything again that it has no <a/> for, and what is stored
	// is known as sent again.
	refused   bool
	forgotten bool // it has
}

// later tells whether a count is ahead of another one (XEP-0198 §4: modulo 2^32).
func later(a, b uint32) bool { return int32(a-b) > 0 }

func latest(a, b uint32) uint32 {
	if later(a, b) {
		return a
	}
	return b
}

// committing has the count of a client's stanza committed together with what it writes.
func (m *Module) committing(p *server.Passage) {
	st := m.streams.Peek(p.Session)
	if st == nil || st.wait == 0 {
		return
	}
	st.mu.Lock()
	refused, forgotten := st.refused, st.forgotten
	st.kept = st.kept || !refused
	st.mu.Unlock()
	if refused {
		if !forgotten {
			p.Write(&Forgotten{Account: p.Session.Account.JID, ID: p.Session.ID, of: st})
		}
		return
	}
	p.Write(&Counted{Account: p.Session.Account.JID, ID: p.Session.ID, Handled: p.Number, of: st})
}

// sending looks for the errors that say that the store is away. They are sent before anything is counted that they are about.
func (m *Module) sending(s *server.Session, p stream.Packet) (taken bool) {
	if p.Stanza == nil || p.Stanza.Type != xmpp.TypeError || p.Stanza.Kind == xmpp.Presence {
		return false
	}
	st := m.streams.Peek(s)
	if st == nil || st.wait == 0 || !strings.Contains(p.Stanza.Inner, "<resource-constraint") {
		return false
	}
	st.mu.Lock()
	stands := st.kept && !st.refused
	st.refused = true
	st.mu.Unlock()
	if stands { // what came behind that stanza may be stored before anything else is heard of the client
		m.note(&Forgotten{Account: s.Account.JID, ID: s.ID, of: st}, func() {})
	}
	return false
}

// erased is called on the store's writer.
func (st *managed) erased() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.forgotten, st.kept = true, false
}

// committed is called on the store's writer.
func (st *managed) committed(h uint32) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.durable = latest(h, st.durable)
}

// answer tells the client what is handled. What the store would not tell it after a crash is committed first.
func (m *Module) answer(s *server.Session, st *managed) {
	told := s.Told()
	st.mu.Lock()
	behind := st.kept && later(told, st.durable)
	if behind && st.busy {
		st.again = true
		st.mu.Unlock()
		return
	}
	if behind {
		st.busy = true
	} else {
		st.said = latest(told, st.said)
	}
	st.mu.Unlock()
	if !behind {
		s.Handled(told)
		return
	}
	m.commit(s, st, told, func() { m.answered(s, st) })
}

// commit has the store remember a count, or forget the stream. done is called on the store's writer.
func (m *Module) commit(s *server.Session, st *managed, h uint32, done func()) {
	st.mu.Lock()
	refused := st.refused
	st.mu.Unlock()
	var w server.Noted = &Counted{Account: s.Account.JID, ID: s.ID, Handled: h, of: st}
	if refused {
		w = &Forgotten{Account: s.Account.JID, ID: s.ID, of: st}
	}
	m.note(w, done)
}

func (m *Module) note(w server.Noted, done func()) {
	m.store.Commit([]server.Write{w}, func(err error) {
		if err == nil {
			w.Committed()
		}
		done()
	})
}

// answered goes on where answer has stopped. A store that is away holds nothing up: the client is told what is known for good.
func (m *Module) answered(s *server.Session, st *managed) {
	told := s.Told()
	st.mu.Lock()
	h := st.durable
	if later(h, told) || st.forgotten {
		h = told // the stanza is committed, and not told yet
	}
	st.said = latest(h, st.said)
	h = st.said
	again := st.again
	st.busy, st.again = false, false
	st.mu.Unlock()
	s.Handled(h)
	if again && later(told, h) {
		m.answer(s, st)
	}
}

// settled has the store remember what the client is about to be told, and gives it.
func (m *Module) settled(ctx context.Context, s *server.Session, st *managed) uint32 {
	told := s.Told()
	st.mu.Lock()
	behind := st.kept && later(told, st.durable)
	st.said = latest(told, st.said)
	st.mu.Unlock()
	if behind {
		done := make(chan struct{})
		m.commit(s, st, told, func() { close(done) })
		select {
		case <-done: // or the store is away: then a crash would forget what can be sent again without harm
		case <-ctx.Done():
		}
	}
	return told
}
