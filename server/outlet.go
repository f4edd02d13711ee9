package server

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// askAck asks a client what it has handled (XEP-0198 §4).
const askAck = "<r xmlns='urn:xmpp:sm:3'/>"

const (
	portionCount  = 256
	portionHollow = 64 // of a portion: what is read from the archive at once
	fillPause     = time.Second
)

// An outlet is the way of a session's packets to its client: it fills in what is named by its mark only, counts, and keeps what the client
// has not acknowledged, also while there is no connection.
type outlet struct {
	mu      sync.Mutex // tier 5: a transport's own come after it
	state   outletState
	ledger  *stream.Ledger  // nil while the client does not acknowledge
	begin   string          // what the client is told last before the count begins
	kept    bool            // the session outlives its connection
	backlog []stream.Packet // taken from the queue, not yet written: what was too much for one batch
	marks   []int64         // being written to a client that does not acknowledge
	lost    []stream.Packet // could not be written to it
	late    []stream.Packet // came when the connection was lost
	remote  netip.Addr      // of the last connection

	turn sync.Mutex    // tier 0: one resumes at a time
	left chan struct{} // closed when the transport is through; made by whom waits for it
}

type outletState uint8

const (
	attached outletState = iota // there is a connection
	parting                     // it is lost, and its last packets are not ours yet
	away                        // there is none
	over                        // there will be none
)

// Outgoing is for the queue of the session's connection, which calls it with each batch before it writes it, and writes what it gives (stream.Queue.OnWrite).
func (s *Session) Outgoing(batch []stream.Packet) []stream.Packet {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.backlog) == 0 && !hasHollow(batch) {
		return s.countLocked(batch)
	}
	o.backlog = append(o.backlog, batch...)
	portion, hollow := o.portionLocked()
	if len(hollow) > 0 {
		o.mu.Unlock()
		filled, err := s.host.fill(s, portion, hollow)
		o.mu.Lock()
		if err != nil {
			time.AfterFunc(fillPause, func() { s.conn.Load().Flush() })
			return nil
		}
		o.dropLocked(len(portion))
		portion = filled
	} else {
		o.dropLocked(len(portion))
	}
	if len(o.backlog) > 0 {
		s.conn.Load().Flush()
	}
	return s.countLocked(portion)
}

func hasHollow(batch []stream.Packet) bool {
	for i := range batch {
		if batch[i].IsHollow() {
			return true
		}
	}
	return false
}

// portionLocked is a copy of what is written next, and the marks among it.
func (o *outlet) portionLocked() (portion []stream.Packet, hollow []int64) {
	n := 0
	for n < min(len(o.backlog), portionCount) && len(hollow) < portionHollow {
		if p := &o.backlog[n]; p.IsHollow() {
			hollow = append(hollow, p.Mark)
		}
		n++
	}
	return append([]stream.Packet(nil), o.backlog[:n]...), hollow
}

func (o *outlet) dropLocked(n int) {
	if o.backlog = o.backlog[n:]; len(o.backlog) == 0 {
		o.backlog = nil
	}
}

// fill reads what is hollow from the archive. What is not there any more is left out.
func (h *Host) fill(s *Session, portion []stream.Packet, hollow []int64) ([]stream.Packet, error) {
	if h.archive == nil {
		return nil, errors.New("server: no archive")
	}
	found, err := h.archive.Packets(context.Background(), s.Account.JID, hollow)
	if err != nil {
		if !errors.Is(err, ErrAway) {
			h.opts.Log.Error("archive not read", "jid", s.JID.String(), "err", err)
		}
		return nil, err
	}
	out := portion[:0]
	for _, p := range portion {
		if p.IsHollow() {
			full, ok := found[p.Mark]
			if !ok {
				continue
			}
			p = full
		}
		out = append(out, p)
	}
	return out, nil
}

// countLocked counts what is about to be written, and asks the client for its count when that costs nothing.
func (s *Session) countLocked(batch []stream.Packet) []stream.Packet {
	o := &s.out
	for i := range batch {
		p := &batch[i]
		switch {
		case o.begin != "" && p.Raw == o.begin:
			o.begin, o.ledger = "", stream.NewLedger(0)
		case o.ledger != nil && p.IsStanza():
			o.ledger.Sent(*p)
		case p.Mark != 0:
			o.marks = append(o.marks, p.Mark)
		}
	}
	if o.ledger == nil {
		return batch
	}
	if o.ledger.IsFull() {
		go s.End(&stream.Error{Condition: stream.PolicyViolation, Text: "Your client acknowledges nothing of what it is sent."})
	}
	if o.ledger.Ask() {
		batch = append(batch, stream.Packet{Raw: askAck})
	}
	return batch
}

// Written is for the same queue: how the write ended (stream.Queue.OnWritten). What has been written to a client that does not acknowledge counts as got.
func (s *Session) Written(err error) {
	o := &s.out
	o.mu.Lock()
	marks := o.marks
	o.marks = nil
	if err != nil {
		for _, m := range marks {
			o.lost = append(o.lost, stream.Packet{Mark: m})
		}
		marks = nil
	}
	o.mu.Unlock()
	s.reached(marks)
}

func (s *Session) reached(marks []int64) {
	if len(marks) == 0 {
		return
	}
	for _, fn := range s.host.hooks.Reached {
		fn(s, marks)
	}
}

// Count begins to count both ways (XEP-0198 §3): what the client sends after what has been received so far, and what it is sent after this answer, which Count sends.
// keep says that the session shall outlive its connection. It is called on the session's reader, once.
func (s *Session) Count(answer string, keep bool) {
	s.flow.settle()
	s.received = 0
	s.told.Store(0)
	o := &s.out
	o.mu.Lock()
	o.begin, o.kept = answer, keep
	o.mu.Unlock()
	s.Write(stream.Packet{Raw: answer})
}

// Told is how many of the stanzas that the client has sent since Count have been told, or refused.
func (s *Session) Told() uint32 { return s.told.Load() }

// Acknowledge takes the client's word for how many stanzas it has handled. The error is stream.ErrTooHigh.
func (s *Session) Acknowledge(h uint32) error {
	o := &s.out
	o.mu.Lock()
	if o.ledger == nil {
		o.mu.Unlock()
		if h > 0 {
			return stream.ErrTooHigh
		}
		return nil
	}
	marks, err := o.ledger.Ack(h)
	ask := err == nil && o.ledger.Ask()
	o.mu.Unlock()
	s.reached(marks)
	if ask {
		s.Write(stream.Packet{Raw: askAck})
	}
	return err
}

// Sent is how many stanzas the client has been sent since Count.
func (s *Session) Sent() uint32 {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.out.ledger == nil {
		return 0
	}
	n, _ := s.out.ledger.Counts()
	return n
}

// missed tells of what a client has not got.
func (s *Session) missed(ctx context.Context, left []stream.Packet) {
	if len(left) == 0 {
		return
	}
	for _, fn := range s.host.hooks.Missed {
		fn(ctx, s, left)
	}
	for i := range left {
		if st := left[i].Stanza; st != nil && st.IsRequest() {
			s.host.Bounce(ctx, st, xmpp.ErrServiceUnavailable) // RFC 6121 §8.5.3.2.3
		}
	}
}
