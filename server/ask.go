package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// ErrNoAnswer says that a client did not answer a request of the server's: it took too long, has gone, or has too many to answer already.
var ErrNoAnswer = errors.New("no answer")

const (
	mostAsked   = 8
	askPatience = 2 * time.Minute
)

// asks are the requests of the server's own that a session has not answered.
type asks struct {
	mu sync.Mutex // tier 4
	m  map[string]*ask
}

type ask struct {
	done    func(ctx context.Context, answer *xmpp.Stanza, err error)
	timeout *time.Timer
}

// Ask sends a session a request (an IQ of type get or set) from its domain. It does not wait: done is called once, maybe at once, on the stream's reader with the answer, a
// result or an error, or with ErrNoAnswer from somewhere else. Only what comes from that very session is taken for the answer.
func (h *Host) Ask(s *Session, typ string, payload xmpp.Element, done func(ctx context.Context, answer *xmpp.Stanza, err error)) {
	st := xmpp.NewStanza(xmpp.IQ, typ, payload)
	st.ID, st.From, st.To = h.NewID(), s.JID.DomainJID(), s.JID
	if !s.asks.add(st.ID, done) {
		done(context.Background(), nil, ErrNoAnswer)
		return
	}
	s.Send(stream.Packet{Stanza: st, To: st.To})
	if s.IsClosed() { // it may have been closed before the request was added
		s.asks.forget()
	}
}

func (a *asks) add(id string, done func(context.Context, *xmpp.Stanza, error)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.m) >= mostAsked {
		return false
	}
	if a.m == nil {
		a.m = map[string]*ask{}
	}
	a.m[id] = &ask{done: done, timeout: time.AfterFunc(askPatience, func() {
		if q := a.take(id); q != nil {
			q.done(context.Background(), nil, ErrNoAnswer)
		}
	})}
	return true
}

// take gives what was asked under an id, once.
func (a *asks) take(id string) *ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.m[id]
	if q != nil {
		q.timeout.Stop()
		delete(a.m, id)
	}
	return q
}

// forget ends what waits for an answer.
func (a *asks) forget() {
	a.mu.Lock()
	waiting := a.m
	a.m = nil
	a.mu.Unlock()
	for _, q := range waiting {
		q.timeout.Stop()
		q.done(context.Background(), nil, ErrNoAnswer)
	}
}

// answered takes an answer to a request of the server's own. Others are not its business.
func (s *Session) answered(ctx context.Context, st *xmpp.Stanza) bool {
	if st.Kind != xmpp.IQ || st.Type != xmpp.TypeResult && st.Type != xmpp.TypeError || st.To != s.JID.DomainJID() {
		return false
	}
	q := s.asks.take(st.ID)
	if q == nil {
		return false
	}
	q.done(ctx, st, nil)
	return true
}
