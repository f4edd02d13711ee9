package server

import (
	"cmp"
	"context"
	"errors"
	"time"

	"palabre/stream"
)

const (
	portionCount  = 256
	portionHollow = 64 // of a portion, at most: what is read from the archive at once
	portionBytes  = 256 << 10
	fillPause     = time.Second
	backlogBytes  = 1 << 20 // the most that may wait for the archive, or for a client that reads slowly
	backlogEach   = 64      // what a packet costs beside its content
)

// fillLocked gives what is to be written of what has come so far, with what is named by its mark filled in. The rest waits in the backlog for its turn.
// It lets go of the lock while it reads.
func (s *Session) fillLocked(batch []stream.Packet) []stream.Packet {
	o := &s.out
	o.backlog = append(o.backlog, batch...)
	for i := range batch {
		o.behind += backlogEach + batch[i].Size()
	}
	if o.behind > backlogBytes {
		s.conn.Load().Close(&stream.Error{Condition: stream.ResourceConstraint, Text: "Your client does not read what it is sent."})
	}
	if o.pausing {
		return nil
	}
	portion, hollow := o.portionLocked()
	if len(hollow) > 0 {
		o.mu.Unlock()
		filled, taken, err := s.host.fill(s, portion, hollow)
		o.mu.Lock()
		if err != nil {
			o.pausing = true
			time.AfterFunc(fillPause, s.fillAgain)
			return nil
		}
		if o.bite = min(2*max(len(hollow), 1), portionHollow); taken < len(portion) { // they are long ones
			o.bite = max(taken, 1)
		}
		o.dropLocked(taken)
		portion = filled
	} else {
		o.dropLocked(len(portion))
	}
	if len(o.backlog) > 0 {
		s.conn.Load().Flush()
	}
	return portion
}

func (s *Session) fillAgain() {
	s.out.mu.Lock()
	s.out.pausing = false
	s.out.mu.Unlock()
	s.conn.Load().Flush()
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
	n, bite := 0, cmp.Or(o.bite, portionHollow)
	for n < min(len(o.backlog), portionCount) && len(hollow) < bite {
		if p := &o.backlog[n]; p.IsHollow() {
			hollow = append(hollow, p.Mark)
		}
		n++
	}
	return append([]stream.Packet(nil), o.backlog[:n]...), hollow
}

func (o *outlet) dropLocked(n int) {
	for i := range o.backlog[:n] {
		o.behind -= backlogEach + o.backlog[i].Size()
	}
	if o.backlog = o.backlog[n:]; len(o.backlog) == 0 {
		o.backlog = nil
	}
}

// fill reads what is hollow from the archive, and gives as much of the portion as may be in memory for a client that may not read it soon: so many of the packets are
// taken. What is not there any more is left out; nobody waits for it.
func (h *Host) fill(s *Session, portion []stream.Packet, hollow []int64) (out []stream.Packet, taken int, err error) {
	if h.archive == nil {
		return nil, 0, errors.New("server: no archive")
	}
	found, err := h.archive.Packets(context.Background(), s.Account.JID, hollow)
	if err != nil {
		if !errors.Is(err, ErrAway) {
			h.opts.Log.Error("archive not read", "jid", s.JID.String(), "err", err)
		}
		return nil, 0, err
	}
	var gone []int64
	size := 0
	for ; taken < len(portion) && (size < portionBytes || taken == 0); taken++ {
		p := portion[taken]
		if p.IsHollow() {
			full, ok := found[p.Mark]
			if !ok {
				gone = append(gone, p.Mark)
				continue
			}
			p = full
		}
		size += p.Size()
		out = append(out, p)
	}
	s.reached(gone)
	return out, taken, nil
}
