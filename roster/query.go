package roster

import (
	"context"
	"slices"
	"strconv"

	"palabre/server"
	"palabre/xmpp"
)

// serve answers roster gets and sets (RFC 6121 §2.1.3, §2.1.5).
func (m *Module) serve(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	switch {
	case !r.Own:
		return xmpp.Element{}, m.refuse(ctx, r)
	case r.IsSet():
		return xmpp.Element{}, m.set(ctx, r)
	}
	return xmpp.Element{}, m.get(ctx, r)
}

// refuse: §2.1.5 asks for forbidden. To those who may not know that there is such an account, it is as if there were none.
func (m *Module) refuse(ctx context.Context, r *server.Request) error {
	ok, err := m.host.Sees(ctx, r.From, r.Account.JID)
	switch {
	case err != nil:
		return err
	case ok && r.IsSet():
		return xmpp.ErrForbidden
	}
	return xmpp.ErrServiceUnavailable
}

// get answers with the whole roster, or with nothing if the client has it (§2.6.3). A roster that has changed is sent whole: of an item that
// was removed nothing is kept, so pushes could not say what has gone.
func (m *Module) get(ctx context.Context, r *server.Request) error {
	has := r.Payload.Attr("ver")
	if err := m.follow(ctx, r.Account); err != nil {
		return err
	}
	s := m.shared(r.Account.JID)
	if l := m.books.Get(r.Account).loaded(); l != nil && has == version(l.ver, s) && m.answer(r, xmpp.Element{}, l.ver, s) {
		return server.ErrAnswered
	}
	for {
		if err := m.follow(ctx, r.Account); err != nil {
			return err
		}
		s := m.shared(r.Account.JID)
		items, ver, err := m.read(ctx, r.Account)
		if err == nil {
			_, err = m.contacts(ctx, r.Account) // if it was another who loads them
		}
		if err != nil {
			return err
		}
		result := xmpp.Element{}
		if now := version(ver, s); has != now {
			result = query(now, s.elements(r.Account.JID, items)...)
		}
		if m.answer(r, result, ver, s) {
			return server.ErrAnswered
		}
	}
}

// version is that of the account's own roster, and of what is shared.
func version(ver int64, s *shared) string {
	v := strconv.FormatInt(ver, 10)
	if s != nil {
		v += "-" + s.tag
	}
	return v
}

// answer sends a result that holds the roster at this version, and makes the session an interested resource (§2.2). It does nothing
// if the roster has moved on: pushes for what has changed since would not reach the session.
func (m *Module) answer(r *server.Request, payload xmpp.Element, ver int64, s *shared) bool {
	b := m.books.Get(r.Account)
	b.mu.Lock()
	if b.list == nil || b.list.ver > ver || b.shared != s {
		b.mu.Unlock()
		return false
	}
	if r.Session != nil {
		b.interestLocked(r.Session)
		w := b.busyLocked()
		w.outbox = append(w.outbox, outgoing{stanza: r.Stanza.Result(payload), to: r.Session, ready: true})
	}
	b.mu.Unlock()
	m.send(b)
	return true
}

func (m *Module) isInterested(s *server.Session) bool {
	b := m.books.Peek(s.Account)
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.interested, s)
}
