package server

import (
	"context"
	"net/netip"
	"strconv"
	"sync"

	"palabre/stream"
	"palabre/xmpp"
)

// askAck asks a client what it has handled (XEP-0198 §4).
const askAck = "<r xmlns='urn:xmpp:sm:3'/>"

// An outlet is the way of a session's packets to its client: it fills in what is named by its mark only, counts, and keeps what the client
// has not acknowledged, also while there is no connection.
type outlet struct {
	mu      sync.Mutex // tier 5: a transport's own come after it
	state   outletState
	counts  bool            // the client acknowledges, and is told what is handled
	kept    bool            // the session outlives its connection
	full    bool            // more is kept than may be, and the session is about to end
	owes    bool            // an answer is on its way to the client, in its place among what it is sent: an error stands before the count that covers it
	owed    uint32          // what that answer says
	handled uint32          // what the client is to be told
	absence int             // how often the connection has been lost
	ledger  *stream.Ledger  // nil until something is sent that counts
	backlog []stream.Packet // taken from the queue, not yet written: what was too much for one batch
	behind  int             // its size in bytes
	pausing bool            // the archive was away a moment ago
	bite    int             // how many packets to read from the archive next; 0: as many as may be
	marks   []int64         // being written to a client that does not acknowledge
	lost    []stream.Packet // could not be written to it
	late    []stream.Packet // came when the connection was lost
	lateful int             // of late, in bytes of memory
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
	if len(o.backlog) > 0 || hasHollow(batch) {
		batch = s.fillLocked(batch)
	}
	batch, answered := s.countLocked(batch)
	var answer stream.Packet
	due := false
	if answered {
		o.owes = o.owed != o.handled
		if due = o.owes && o.state == attached; due {
			answer = o.answerLocked()
		}
	}
	o.mu.Unlock()
	if due {
		s.Write(answer)
	}
	return batch
}

// answerLocked is what the client is told next.
func (o *outlet) answerLocked() stream.Packet {
	o.owed = o.handled
	return stream.Packet{Raw: "<a xmlns='urn:xmpp:sm:3' h='" + strconv.FormatUint(uint64(o.owed), 10) + "'/>", Answers: true}
}

// countLocked counts what is about to be written, tells whether an answer to the client is among it, and asks for the client's count when that costs nothing.
func (s *Session) countLocked(batch []stream.Packet) (_ []stream.Packet, answered bool) {
	o := &s.out
	for i := range batch {
		p := &batch[i]
		switch {
		case p.Begins && o.counts && o.ledger == nil:
			o.ledger = stream.NewLedger(0)
		case o.ledger != nil && p.IsStanza():
			o.ledger.Sent(*p)
		case p.Mark != 0:
			o.marks = append(o.marks, p.Mark)
		case p.Answers:
			answered = true
		}
	}
	if o.ledger == nil {
		return batch, answered
	}
	s.boundLocked(o.ledger.IsFull())
	if o.ledger.Ask() {
		batch = append(batch, stream.Packet{Raw: askAck})
	}
	return batch, answered
}

// boundLocked ends a session for which too much is kept. What it has not acknowledged goes the way of what it has missed.
func (s *Session) boundLocked(full bool) {
	if !full || s.out.full {
		return
	}
	s.out.full = s.host.beside(func() {
		s.End(&stream.Error{Condition: stream.PolicyViolation, Text: "Your client acknowledges nothing of what it is sent."})
	})
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

// Count begins to count both ways (XEP-0198 §4): what the client sends after what has been received so far, and what it is sent after the answer to it, a
// packet that Begins. keep says that the session shall outlive its connection. It is called on the session's reader, once.
func (s *Session) Count(keep bool) {
	s.flow.settle()
	s.received = 0
	s.told.Store(0)
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.out.counts, s.out.kept, s.out.handled = true, keep, 0
}

// Counts tells whether Count has been called.
func (s *Session) Counts() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.counts
}

// Received is how many stanzas the client has sent since Count; Told how many of them have been told, or refused. Received is for the session's reader.
func (s *Session) Received() uint32 { return s.received }

// Told is how many of the stanzas that the client has sent since Count have been told, or refused.
func (s *Session) Told() uint32 { return s.told.Load() }

// Handled tells the client that so many of its stanzas are handled, behind all that it has been sent before. Calls that come while an answer is on its way
// are answered as one, and none takes back what another has said.
func (s *Session) Handled(h uint32) {
	o := &s.out
	o.mu.Lock()
	if int32(h-o.handled) > 0 {
		o.handled = h
	}
	var answer stream.Packet
	due := !o.owes && o.state == attached // else <resumed/> tells
	if due {
		o.owes, answer = true, o.answerLocked()
	}
	o.mu.Unlock()
	if due {
		s.Write(answer)
	}
}

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
	_, before := o.ledger.Counts()
	marks, err := o.ledger.Ack(h)
	ask := err == nil && h != before && o.ledger.Ask() // who says nothing new is asked with what it is sent next
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
		if st := stanzaOf(&left[i]); st != nil && st.IsRequest() {
			s.host.Bounce(ctx, st, xmpp.ErrServiceUnavailable) // RFC 6121 §8.5.3.2.3
		}
	}
}

// stanzaOf is the IQ in a packet, or another stanza that is at hand; nil if there is none.
func stanzaOf(p *stream.Packet) *xmpp.Stanza {
	if p.Stanza != nil || !p.Whole || len(p.Raw) < 3 || p.Raw[:3] != "<iq" {
		return p.Stanza
	}
	st, err := xmpp.ParseStanza(p.Raw)
	if err != nil {
		return nil
	}
	return st
}
