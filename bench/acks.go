package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

const (
	nsSM   = "urn:xmpp:sm:3"
	askAck = "<r xmlns='" + nsSM + "'/>"
)

// acks is a session's side of stream management (XEP-0198): what it has counted, what it asks and what it answers. The zero acks is off.
type acks struct {
	enabled chan error    // the answer to <enable/>; has room for one
	came    chan struct{} // an <a/> has come; has room for one

	mu       sync.Mutex // orders the sending, so that the count is that of the stream; tier: below a lane's, above a Queue's
	on       bool
	every    uint64 // an <r/> goes after so many stanzas
	mute     bool   // the server's <r/> stay without an answer
	sent     uint64
	handled  uint64     // how many of those the server has acknowledged
	received uint64     // stanzas of the server's that were handled here
	asked    []question // that no <a/> has covered yet
	counts   AckCounts
	observe  func(time.Duration) // told, with mu held, how long an acknowledgement took
}

// A question is an <r/> that went when so many stanzas had been sent.
type question struct {
	upto uint64
	at   time.Time
}

// AckCounts says what went to and fro for stream management.
type AckCounts struct {
	Asked    uint64 `json:"asked"`    // <r/> that were sent
	Received uint64 `json:"received"` // <a/> that came
	Answered uint64 `json:"answered"` // <r/> of the server's that were answered
}

// An AcksReport tells of stream management, over all sessions that sent.
type AcksReport struct {
	AckCounts
	Missing uint64    `json:"missing"` // stanzas that were not acknowledged in the end
	Latency Latencies `json:"latency"` // while it was measured, from a stanza that is followed by an <r/> until the <a/> that covers it
}

func (c AckCounts) add(d AckCounts) AckCounts {
	return AckCounts{c.Asked + d.Asked, c.Received + d.Received, c.Answered + d.Answered}
}

func (a *acks) figures() AckCounts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts
}

// Manage turns on stream management with resumption (XEP-0198 §3) and waits for the server to agree. From then on the server's
// questions are answered, and it is asked after so many stanzas sent.
func (s *Session) Manage(ctx context.Context, every uint64) error {
	a := &s.acks
	a.mu.Lock()
	a.on, a.every = true, every
	err := s.out.Send(stream.Packet{Raw: "<enable xmlns='" + nsSM + "' resume='true'/>"})
	a.mu.Unlock()
	if err != nil {
		return s.reason(err)
	}
	select {
	case err = <-a.enabled:
	case <-s.done:
		return s.reason(errClosed)
	case <-ctx.Done():
		return fmt.Errorf("bench: session of %s: the server does not answer: %w", s.JID.Bare(), context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("bench: session of %s: %w", s.JID.Bare(), err)
	}
	return nil
}

// Mute leaves what the server asks from now on without an answer: a client that reads, and never acknowledges.
func (s *Session) Mute() {
	s.acks.mu.Lock()
	defer s.acks.mu.Unlock()
	s.acks.mute = true
}

// watch has fn told how long acknowledgements take.
func (a *acks) watch(fn func(time.Duration)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.observe = fn
}

// send queues a stanza, and after every so many an <r/> behind it.
func (a *acks) send(out *stream.Queue, xml string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.on {
		if a.sent++; a.sent%a.every == 0 {
			xml += askAck
			a.askedLocked()
		}
	}
	return out.Send(stream.Packet{Raw: xml})
}

// ask queues an <r/>.
func (a *acks) ask(out *stream.Queue) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.askedLocked()
	return out.Send(stream.Packet{Raw: askAck})
}

func (a *acks) askedLocked() {
	a.counts.Asked++
	a.asked = append(a.asked, question{a.sent, time.Now()})
}

// took counts a stanza that came. What the server asks is answered where stanzas are handled, in their order, so that what is counted
// has been handled by then. The count starts again with <enabled/> (XEP-0198 §4).
func (a *acks) took() {
	a.mu.Lock()
	a.received++
	a.mu.Unlock()
}

// nonza takes a top-level element that is no stanza, on the session's reader.
func (s *Session) nonza(e xmpp.Element) error {
	if e.Name.Space != nsSM {
		return streamError(e)
	}
	a := &s.acks
	a.mu.Lock()
	defer a.mu.Unlock()
	switch e.Name.Local {
	case "enabled", "failed":
		return a.answeredLocked(e)
	case "r":
		if a.on && !a.mute {
			a.counts.Answered++
			s.out.Send(stream.Packet{Raw: string(a.appendLocked(nil))}) // if the session has ended, its reader finds that out next
		}
	case "a":
		return a.coveredLocked(e.Attr("h"))
	}
	return nil
}

// answeredLocked takes the answer to <enable/>, of which there is one.
func (a *acks) answeredLocked(e xmpp.Element) (err error) {
	if e.Name.Local == "failed" {
		err = errors.New("the server refuses stream management")
	}
	a.received = 0
	select {
	case a.enabled <- err:
		return nil
	default:
		return fmt.Errorf("the server sent <%s/> unasked", e.Name.Local)
	}
}

// appendLocked writes the acknowledgement of all that came.
func (a *acks) appendLocked(b []byte) []byte {
	b = append(b, "<a xmlns='"+nsSM+"' h='"...)
	b = strconv.AppendUint(b, uint64(uint32(a.received)), 10) // XEP-0198 §4: it goes round at 2^32
	return append(b, "'/>"...)
}

// farewell is the acknowledgement that goes before the end of a stream (XEP-0198 §4): without it a server keeps for later what was received.
func (a *acks) farewell() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.on {
		return nil
	}
	return a.appendLocked(nil)
}

// coveredLocked takes an acknowledgement. One of more than was sent is an error (XEP-0198 §6); so is one that goes back, which looks the same.
func (a *acks) coveredLocked(h string) error {
	n, err := strconv.ParseUint(h, 10, 32)
	if err != nil {
		return fmt.Errorf("the server acknowledges %q stanzas", h)
	}
	more := uint64(uint32(n) - uint32(a.handled))
	if more > a.sent-a.handled {
		return fmt.Errorf("the server acknowledges %d stanzas; it was sent %d and has acknowledged %d of them before", n, uint32(a.sent), uint32(a.handled))
	}
	a.handled += more
	a.counts.Received++
	i := 0
	for now := time.Now(); i < len(a.asked) && a.asked[i].upto <= a.handled; i++ {
		if a.observe != nil {
			a.observe(now.Sub(a.asked[i].at))
		}
	}
	a.asked = append(a.asked[:0], a.asked[i:]...)
	select {
	case a.came <- struct{}{}:
	default:
	}
	return nil
}

// left is how many stanzas have not been acknowledged.
func (a *acks) left() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.on {
		return 0
	}
	return a.sent - a.handled
}

// askAgain is how soon a server that has not acknowledged everything is asked once more.
const askAgain = 100 * time.Millisecond

// Settle has the server acknowledge all that was sent, and gives how many stanzas are left when that has not come about within patience.
func (s *Session) Settle(ctx context.Context, patience time.Duration) (left uint64, err error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for left = s.acks.left(); left > 0; left = s.acks.left() {
		if err := s.acks.ask(s.out); err != nil {
			return left, s.reason(err)
		}
		select {
		case <-s.acks.came:
			if s.acks.left() > 0 {
				err = pause(ctx, askAgain)
			}
		case <-limit.C:
			return left, nil
		case <-s.done:
			err = s.reason(errClosed)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return left, err
		}
	}
	return 0, nil
}
