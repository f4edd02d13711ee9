package resumption

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

const (
	saveMost  = 200 // sessions in a transaction
	staleTime = 24 * time.Hour
)

// Save stores every session that waits for its client. Nobody is served any more.
func (m *Module) Save(ctx context.Context) error {
	rows := make([]Row, 0, saveMost)
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		if err := m.store.SaveSessions(ctx, rows); err != nil {
			return fmt.Errorf("resumption: save: %w", err)
		}
		m.Stats.saved.Add(int64(len(rows)))
		rows = rows[:0]
		return nil
	}
	for _, s := range m.host.Sessions() { // before any is saved: others are told that these are gone
		if s.IsAway() && s.IsVolatile() {
			s.Abandon(ctx)
		}
	}
	for _, s := range m.host.Sessions() {
		in, ok := s.Saved()
		if !ok {
			continue
		}
		state, err := json.Marshal(in)
		if err != nil {
			m.host.Log().Error("a session can't be saved", "jid", s.JID.String(), "err", err)
			continue
		}
		rows = append(rows, Row{Account: s.Account.JID, ID: s.ID, Handled: in.Told, At: m.host.Now(), Session: state})
		if len(rows) == saveMost {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if n := m.Stats.Saved(); n > 0 {
		m.host.Log().Info("sessions saved", "sessions", n)
	}
	return nil
}

// Restore brings back the sessions that Save has stored, before anybody is served. Each is restored once: they are forgotten before anything is acknowledged to
// any of them, or a second start after a crash would take them back to where they were. What is left of a session is then the count of its stream.
func (m *Module) Restore(ctx context.Context) error {
	var stale []*server.Session
	err := m.store.SavedSessions(ctx, func(r Row) error {
		s, err := m.restore(r)
		if err != nil {
			m.host.Log().Error("a session can't be restored", "jid", r.Account.String(), "err", err)
			return nil
		}
		m.Stats.restored.Add(1)
		if m.opts.Time == 0 || m.host.Now().Sub(r.At) > staleTime {
			stale = append(stale, s)
		}
		return nil
	})
	if err == nil {
		err = m.store.DropSessions(ctx)
	}
	if err != nil {
		return fmt.Errorf("resumption: restore: %w", err)
	}
	for _, s := range stale { // nobody comes back for these, but what they have missed is to reach its reader
		s.Lapse(s.Absence())
	}
	if n := m.Stats.Restored(); n > 0 {
		m.host.Log().Info("sessions restored", "sessions", n)
	}
	return nil
}

func (m *Module) restore(r Row) (*server.Session, error) {
	var in server.Saved
	if err := json.Unmarshal(r.Session, &in); err != nil {
		return nil, err
	}
	if jid, err := xmpp.ParseJID(in.JID); err != nil || in.ID != r.ID || jid.Bare() != r.Account {
		return nil, errors.New("it is another one's")
	}
	return m.host.Revive(in)
}

const part = "resumption"

// put keeps how long the session waits.
func (m *Module) put(s *server.Session, put func(string, []byte)) {
	if st := m.streams.Peek(s); st != nil && st.wait > 0 {
		put(part, []byte(strconv.Itoa(int(st.wait/time.Second))))
	}
}

func (m *Module) get(s *server.Session, get func(string) []byte) {
	st := m.streams.Get(s)
	st.enabled, st.wait = true, m.patience(string(get(part)))
	st.mu.Lock()
	defer st.mu.Unlock()
	st.kept, st.durable, st.said = true, s.Told(), s.Told()
}

// Tidy forgets streams that nobody asks for any more.
func (m *Module) Tidy(ctx context.Context) {
	if err := m.store.ForgetStreams(ctx, m.host.Now().Add(-staleTime)); err != nil && ctx.Err() == nil {
		m.host.Log().Warn("old streams can't be forgotten; there is another try in an hour", "err", err)
	}
}
