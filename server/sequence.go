package server

import (
	"context"
	"errors"
)

// errEvent is what the sender's stanza ends with when the module failed; the flow has logged why.
var errEvent = errors.New("the event could not be told")

// A Sequence puts what happens in one place, such as a room, into one order, whoever it comes from: it is ordered under the owner's lock,
// committed outside of it, and told in that order.
type Sequence struct{ flow flow }

// NewSequence makes one.
func (h *Host) NewSequence() *Sequence { return &Sequence{flow{host: h}} }

// Add appends an event. The owner calls it under its lock, so that the order of events is that of their commits; it queues the writes, which
// may be none, and does not block. tell is called later, without the lock, when the writes are durable or, with an error, nothing
// was written, and all events before have been told.
//
// p is the stanza that caused the event, in its first stage (see DecideDomain), or nil. Its stream goes on deciding, but counts it as dealt with, and
// tells what comes after it, only when tell has returned; an error goes back to its sender.
func (q *Sequence) Add(p *Passage, writes []Write, tell func(ctx context.Context, err error)) {
	if p != nil {
		p.flow.await(p)
	}
	q.flow.add(&Passage{flow: &q.flow, writes: writes, event: func(ctx context.Context, err error) {
		outcome := errEvent
		defer func() {
			if p != nil {
				p.flow.part(p, outcome)
			}
		}()
		tell(ctx, err)
		outcome = err
	}})
}

// Settle waits until every event that was added has been told.
func (q *Sequence) Settle() { q.flow.settle() }
