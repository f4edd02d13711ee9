package server

import (
	"context"
	"fmt"
	"runtime/debug"

	"palabre/xmpp"
)

// Later makes a handler's error that stands for "the answer comes from fn", which runs beside the stream's reader. Its context ends when
// the server can't wait for it any longer; the request's Account stays what it is until fn returns.
func Later(fn func(ctx context.Context) (xmpp.Element, error)) error { return &later{fn} }

type later struct {
	fn func(ctx context.Context) (xmpp.Element, error)
}

func (*later) Error() string { return "answered later" }

// Go runs fn beside all streams. Shutdown waits for it, and its context ends when the server can't wait any longer; once the server is stopping, it is not run.
func (h *Host) Go(fn func(ctx context.Context)) {
	h.gate.RLock()
	defer h.gate.RUnlock()
	if !h.stopping {
		h.later.Go(func() { fn(h.until) })
	}
}

// laterMost bounds the requests of one stream that are answered beside its reader.
const laterMost = 16

// runLater answers a request by a goroutine, for which Shutdown waits.
func (h *Host) runLater(p *Passage, l *later) error {
	h.gate.RLock()
	defer h.gate.RUnlock()
	if h.stopping {
		return errStopping
	}
	f := p.flow
	if f.later.Add(1) > laterMost {
		f.later.Add(-1)
		return xmpp.ErrResourceConstraint.With("Too many requests at once. Wait for the answers to earlier ones.")
	}
	st, a := p.Stanza, p.Recipient
	if a != nil {
		a = h.hold(a.JID)
	}
	h.later.Add(1)
	go func() {
		defer h.later.Done()
		h.answerLater(st, l)
		f.later.Add(-1)
		if a != nil {
			h.release(a)
		}
	}()
	return nil
}

func (h *Host) answerLater(st *xmpp.Stanza, l *later) {
	result, err := l.run(h.until)
	switch {
	case err == ErrAnswered:
	case err != nil:
		h.Bounce(h.until, st, h.stanzaError(st, err))
	default:
		h.Answer(h.until, st.Result(result))
	}
}

// run calls the handler. One that panics takes no more down than its own answer.
func (l *later) run(ctx context.Context) (result xmpp.Element, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return l.fn(ctx)
}
