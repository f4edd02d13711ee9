package resumption

import (
	"context"

	"palabre/server"
)

// A tally is what is known for good of a stream's count. Once the store remembers the stream, after a crash it tells the client how far the count has got
// (<failed h='…'/>): so no <a h='…'/> may ever have said more.
type tally struct {
	kept    bool   // the store remembers the stream, or will with the next commit
	durable uint32 // what it remembers; 0 until it does
	said    uint32 // what the client has been told last
	busy    bool   // the count is being committed for its own sake
	again   bool   // and is to be once more
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
	st.kept = true
	st.mu.Unlock()
	p.Write(&Counted{Account: p.Session.Account.JID, ID: p.Session.ID, Handled: p.Number, of: st})
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

// commit has the store remember a count. done is called on the store's writer.
func (m *Module) commit(s *server.Session, st *managed, h uint32, done func()) {
	c := &Counted{Account: s.Account.JID, ID: s.ID, Handled: h, of: st}
	m.store.Commit([]server.Write{c}, func(err error) {
		if err == nil {
			c.Committed()
		}
		done()
	})
}

// answered goes on where answer has stopped. A store that is away holds nothing up: the client is told what is known for good.
func (m *Module) answered(s *server.Session, st *managed) {
	told := s.Told()
	st.mu.Lock()
	h := st.durable
	if later(h, told) {
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
