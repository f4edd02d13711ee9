package resumption

import (
	"context"
	"time"

	"palabre/server"
)

// detached has a session that has lost its connection wait for another one.
func (m *Module) detached(s *server.Session) {
	st := m.streams.Get(s)
	absence := s.Absence()
	m.Stats.waiting.Add(1)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.timer = time.AfterFunc(st.wait, func() { s.Lapse(absence) })
}

// resumed is called when it is about to get one.
func (m *Module) resumed(s *server.Session) { m.found(m.streams.Get(s)) }

// closed is called at the end of any session.
func (m *Module) closed(_ context.Context, s *server.Session) {
	st := m.streams.Peek(s)
	if st == nil {
		return
	}
	m.found(st)
	st.mu.Lock()
	kept, behind := st.kept, later(s.Told(), st.durable)
	st.mu.Unlock()
	switch {
	case !kept:
	case !s.IsAway():
		m.store.Commit([]server.Write{&Forgotten{Account: s.Account.JID, ID: s.ID}}, func(error) {}) // what is left after an error goes in a day
	case behind: // its client may ask for a while
		m.commit(s, st, s.Told(), func() {})
	}
}

// found ends the waiting, if the session waits.
func (m *Module) found(st *managed) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.timer == nil {
		return
	}
	st.timer.Stop()
	st.timer = nil
	m.Stats.waiting.Add(-1)
}
