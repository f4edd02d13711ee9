package stream

import (
	"errors"
	"unsafe"

	"palabre/xmpp"
)

const (
	keptWhole = 16 << 10  // bytes of memory from which on the oldest that a Ledger keeps are made small
	keptBytes = 768 << 10 // the most memory of a Ledger
	keptCount = 20_000    // the most packets that it keeps
	keptIdle  = 32        // the most room that a Ledger holds when nothing is kept
	quietMost = 20        // packets of no importance that may go unacknowledged before the peer is asked
)

// ErrTooHigh says that a peer acknowledges more than it was sent.
var ErrTooHigh = errors.New("stream: more is acknowledged than was sent")

// A Ledger counts the stanzas that a stream sends, and keeps them until the peer has acknowledged them (XEP-0198 §4). What is kept for
// long is kept small: what is in an archive by its mark alone, the rest by its bytes. Somebody else guards it.
type Ledger struct {
	acked   uint32   // how many the peer has acknowledged
	sent    uint32   // how many have been sent
	all     []Packet // from first on: those sent and not acknowledged and, without a connection, those to be sent after them
	first   int
	small   int  // up to which they are made small
	size    int  // of what is kept, in bytes of memory
	matters bool // among those not acknowledged there is more than presence
	asked   bool // an <r/> is on its way
}

// NewLedger makes one for a stream on which acked stanzas have been sent and acknowledged.
func NewLedger(acked uint32) *Ledger { return &Ledger{acked: acked, sent: acked} }

// RestoreLedger makes one that has kept this; what is not among the sent-acked first has not been sent.
func RestoreLedger(sent, acked uint32, kept []Packet) *Ledger {
	l := &Ledger{sent: sent, acked: acked}
	for _, p := range kept {
		l.Keep(p)
	}
	return l
}

// Sent notes that a stanza is on its way.
func (l *Ledger) Sent(p Packet) {
	l.sent++
	l.Keep(p)
}

// Keep has a stanza wait for a connection.
func (l *Ledger) Keep(p Packet) {
	if p.Stanza == nil || p.Stanza.Kind != xmpp.Presence {
		l.matters = true
	}
	l.all = append(l.all, p)
	l.size += weight(&p)
	for l.size > keptWhole && l.small < len(l.all) {
		l.shrink(&l.all[l.small])
		l.small++
	}
}

// shrink makes a packet small.
func (l *Ledger) shrink(p *Packet) {
	if p.Stanza == nil || p.Shared && p.Mark == 0 {
		return
	}
	l.size -= weight(p)
	if p.Mark != 0 {
		*p = Packet{Mark: p.Mark}
	} else {
		*p = Packet{Raw: string(p.AppendTo(nil)), At: p.At, Whole: true, Volatile: p.Volatile}
	}
	l.size += weight(p)
}

// weight is about how much memory a packet takes that nobody else holds.
func weight(p *Packet) int {
	n := int(unsafe.Sizeof(*p)) + len(p.Raw) + len(p.Tail)
	if s := p.Stanza; s != nil {
		n += int(unsafe.Sizeof(*s)) + cap(s.Children)*int(unsafe.Sizeof(xmpp.Child{})) + p.Size() + len(s.From.String())
	}
	return n
}

// IsFull tells whether the peer has left more unacknowledged than may be kept for it.
func (l *Ledger) IsFull() bool { return l.size > keptBytes || len(l.Kept()) > keptCount }

// Ack takes a peer's word for how many stanzas it has handled, and gives the marks of those among them that have some. The error is ErrTooHigh.
func (l *Ledger) Ack(h uint32) (marks []int64, err error) {
	n := h - l.acked // modulo 2^32 (§4)
	if n > l.sent-l.acked {
		return nil, ErrTooHigh
	}
	l.asked = false
	l.acked = h
	done := l.Kept()[:n]
	for i := range done {
		l.size -= weight(&done[i])
		if done[i].Mark != 0 {
			marks = append(marks, done[i].Mark)
		}
	}
	clear(done)
	l.first += len(done)
	l.small = max(l.small, l.first)
	l.closeUp()
	return marks, nil
}

// closeUp gives the room of what is acknowledged to what comes.
func (l *Ledger) closeUp() {
	switch {
	case l.first == len(l.all):
		l.matters = false
		if l.all = l.all[:0]; cap(l.all) > keptIdle {
			l.all = nil
		}
	case l.first < len(l.all)/2:
		return
	default:
		n := copy(l.all, l.all[l.first:])
		clear(l.all[n:])
		l.all = l.all[:n]
	}
	l.small -= l.first
	l.first = 0
}

// Ask tells whether to ask the peer for an acknowledgement now, and notes that it is asked. It is to be called when something is written anyway, or has just
// come from the peer: a phone's radio is awake then, and is never woken for this alone.
func (l *Ledger) Ask() bool {
	if l.asked || len(l.Kept()) == 0 || !l.matters && len(l.Kept()) < quietMost {
		return false
	}
	l.asked = true
	return true
}

// Counts are how many stanzas have been sent, and how many of them acknowledged.
func (l *Ledger) Counts() (sent, acked uint32) { return l.sent, l.acked }

// Kept lists what is not acknowledged.
func (l *Ledger) Kept() []Packet { return l.all[l.first:] }

// Empty takes everything out, to be sent again on another connection: the count goes back to what is acknowledged.
func (l *Ledger) Empty() []Packet {
	out := l.Kept()
	*l = Ledger{acked: l.acked, sent: l.acked}
	return out
}
