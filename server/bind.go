package server

import (
	"context"
	"runtime/debug"
	"slices"

	"palabre/stream"
	"palabre/xmpp"
)

// errStopping is why nobody gets a resource while the server is on its way down.
var errStopping = xmpp.ErrResourceConstraint.With("The server is going down for a moment. Try again in a while.")

// Bind makes a session (RFC 6120 §7). An empty resource gets a random one; a resource in use is taken over from its session,
// which ends with conflict (RFC 6120 §7.7.2.2) and is waited for, so that its last presence is told before the new one's first; one that has changed hands too
// often lately is left where it is, and the newcomer gets a random one.
// The error is an *xmpp.Error, jid-malformed for a resource that is none, or the context's. The session may have been ended
// already when it is returned: by a hook, or by one that took its resource; the transport goes on to its Closed as with any other.
func (h *Host) Bind(ctx context.Context, user xmpp.JID, resource string, conn Conn) (*Session, error) {
	if resource == "" {
		resource = h.NewID()
	}
	full, err := user.WithResource(resource)
	if err != nil {
		return nil, xmpp.ErrJIDMalformed.With("This is not a resource.")
	}
	now := h.Now()
	s := &Session{JID: full, ID: h.NewID(), Since: now, host: h, gone: make(chan struct{})}
	s.alone[0], s.flow.host = s, h
	s.conn.Store(&connRef{conn})
	s.active.Store(now.Unix())
	out, before, err := h.enter(s)
	if err != nil {
		return nil, err
	}
	for _, old := range out {
		e := &stream.Error{Condition: stream.Conflict, Text: "This resource has logged in again elsewhere."}
		if old.JID != s.JID {
			e = &stream.Error{Condition: stream.PolicyViolation, Text: "Too many sessions of this account; this one was idle the longest."}
		}
		old.End(e)
	}
	for _, old := range before {
		select {
		case <-old.gone:
		case <-ctx.Done():
			s.Closed(ctx)
			s.Parted(ctx, nil)
			return nil, ctx.Err()
		}
	}
	for _, fn := range h.hooks.SessionOpened {
		fn(ctx, s)
	}
	return s, nil
}

// enter puts a session in its place, unless the server is stopping: Shutdown ends every session that has come in before it, and none comes in after.
func (h *Host) enter(s *Session) (out, before []*Session, err error) {
	h.gate.RLock()
	defer h.gate.RUnlock()
	if h.stopping {
		return nil, nil, errStopping
	}
	s.Account = h.hold(s.JID.Bare())
	h.live.Add(1)
	h.Stats.sessions.Add(1)
	out, before, err = s.Account.add(s, h.opts.MaxSessions)
	if err != nil {
		h.Stats.sessions.Add(-1)
		h.live.Done()
		h.release(s.Account)
	}
	return out, before, err
}

// add puts a session in its place. out are those that must go: the one of the same resource, and the one that is idle the longest. before are
// those of the same resource whose end has not been told.
func (a *Account) add(s *Session, most int) (out, before []*Session, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.contestedLocked(s.JID.Resource(), s.Since) {
		if s.JID, err = s.JID.WithResource(a.host.NewID()); err != nil {
			return nil, nil, err
		}
	}
	next := make([]*Session, 0, len(a.Sessions())+1)
	for _, old := range a.Sessions() {
		if old.JID == s.JID {
			out = append(out, old)
			a.takenLocked(s.JID.Resource(), s.Since)
		} else {
			next = append(next, old)
		}
	}
	for len(next) >= most {
		i := longestIdle(next)
		out = append(out, next[i])
		next = slices.Delete(next, i, i+1)
	}
	a.setLocked(append(next, s))
	a.going = append(a.going, out...)
	for _, old := range a.going {
		if old.JID == s.JID {
			before = append(before, old)
		}
	}
	return out, before, nil
}

func longestIdle(list []*Session) int {
	at := 0
	for i, s := range list {
		if s.active.Load() < list[at].active.Load() {
			at = i
		}
	}
	return at
}

// remove takes a session out of its place. Until its end has been told, whoever takes its resource waits for it.
func (a *Account) remove(s *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.Sessions(), s); i >= 0 {
		a.setLocked(slices.Delete(slices.Clone(a.Sessions()), i, i+1))
		a.going = append(a.going, s)
	}
}

// gone forgets a session whose end has been told.
func (a *Account) gone(s *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.going, s); i >= 0 {
		a.going = slices.Delete(a.going, i, i+1)
	}
	if len(a.going) == 0 {
		a.going = nil
	}
}

// End ends the stream of the session, and so the session: with an error, or plainly for nil. It may be called from anywhere, any number of times,
// and does not wait. From now on the session is sent nothing, and what its client sends is not heard.
func (s *Session) End(e *stream.Error) {
	s.ended.Store(true)
	s.leave(e)
}

// leave is End for one whose client is heard out.
func (s *Session) leave(e *stream.Error) {
	s.Account.remove(s)
	for c := s.conn.Load(); ; { // it may be getting another one at this moment
		c.Close(e)
		next := s.conn.Load()
		if next == c {
			return
		}
		c = next
	}
}

// Closed ends the session. The transport calls it, once its reader is through and nothing more can come; what came before is told first.
// Only the first call counts. The session keeps its Account until Parted: what has reached its client is known there.
func (s *Session) Closed(ctx context.Context) {
	if !s.closed.CompareAndSwap(false, true) {
		return
	}
	h := s.host
	s.Account.remove(s) // what comes for it from now on goes where it can be read
	s.flow.settle()
	s.asks.forget()
	for _, fn := range h.hooks.SessionClosed {
		s.tellClosed(ctx, fn)
	}
	s.SetPresence(nil, 0)
	s.Account.gone(s)
	h.Stats.sessions.Add(-1)
	if s.IsAway() {
		s.Parted(ctx, nil)
	} else {
		h.live.Done()
	}
	close(s.gone)
}

// tellClosed calls a hook. Whatever goes wrong in one, the others are told, and whoever waits for the end of the session sees it.
func (s *Session) tellClosed(ctx context.Context, fn func(context.Context, *Session)) {
	defer func() {
		if v := recover(); v != nil {
			s.host.opts.Log.Error("a module failed at the end of a session", "jid", s.JID.String(), "err", v, "stack", string(debug.Stack()))
		}
	}()
	fn(ctx, s)
}
