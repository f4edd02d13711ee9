package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// ErrOver says that there is no such session any more.
var ErrOver = errors.New("the session has ended")

// partGrace is how long a connection whose session goes on with another one may take to say goodbye. Most often nobody is at its other end.
const partGrace = 100 * time.Millisecond

// A Resumer finds the session that a client wants to go on with. Module resumption is one.
type Resumer interface {
	// Resume answers a client's request (XEP-0198 §5) on a connection that user has logged in on. A session in the answer has taken the connection over: the
	// transport sends the answer to the client, then what the session has for it, and reads on for it. Without one, the answer says why not.
	Resume(ctx context.Context, user xmpp.JID, request xmpp.Element, conn Conn) (s *Session, answer xmpp.Element)
}

// UseResumer says who finds sessions.
func (h *Host) UseResumer(r Resumer) { h.resumer = r }

// Resumer is who finds sessions; nil if nobody does.
func (h *Host) Resumer() Resumer { return h.resumer }

// An Archive gives packets again that were sent with a mark.
type Archive interface {
	// Packets reads what has these marks in the archive of an account. What is not there any more is left out.
	Packets(ctx context.Context, owner xmpp.JID, marks []int64) (map[int64]stream.Packet, error)
}

// UseArchive says where packets with a mark can be read.
func (h *Host) UseArchive(a Archive) { h.archive = a }

// A connRef is a connection that can be told from another.
type connRef struct{ Conn }

// Detach tells that the session's connection is lost, or on its way to be. kept says that the session goes on without it: what the transport has not written
// it hands over by Left. Else the session ends by Closed and Parted. over tells that the client has ended its stream, or gave reason to.
func (s *Session) Detach(over bool) (kept bool) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if over || !o.kept || o.ledger == nil || s.ended.Load() || o.state != attached {
		return false
	}
	o.state, o.remote = parting, s.conn.Load().Remote()
	o.absence++
	s.conn.Store(&connRef{(*absent)(s)})
	return true
}

// Left hands over what the transport has not written. Everything that the client sent has been told when it returns; the session waits for another connection.
func (s *Session) Left(ctx context.Context, unsent []stream.Packet) {
	s.flow.settle()
	for _, fn := range s.host.hooks.SessionDetached {
		fn(s)
	}
	o := &s.out
	o.mu.Lock()
	for _, list := range [][]stream.Packet{o.backlog, unsent, o.late} {
		for _, p := range list {
			if p.IsStanza() {
				o.ledger.Keep(p)
			}
		}
	}
	o.backlog, o.behind, o.late, o.lateful, o.owes, o.state = nil, 0, nil, 0, false, away
	if o.ledger.IsFull() {
		s.ended.Store(true)
	}
	s.throughLocked()
	o.mu.Unlock()
	if s.ended.Load() {
		s.Closed(ctx)
	}
	s.host.live.Done()
}

func (s *Session) throughLocked() {
	if s.out.left != nil {
		close(s.out.left)
		s.out.left = nil
	}
}

// Parted hands over what the transport of a session that has ended has not written. It comes after Closed. Only the first call counts.
func (s *Session) Parted(ctx context.Context, unsent []stream.Packet) {
	o := &s.out
	o.mu.Lock()
	if o.state == over {
		o.mu.Unlock()
		return
	}
	var left []stream.Packet
	if o.ledger != nil {
		left = o.ledger.Empty()
	}
	for _, list := range [][]stream.Packet{o.lost, o.backlog, unsent, o.late} {
		for _, p := range list {
			if p.IsStanza() {
				left = append(left, p)
			}
		}
	}
	o.lost, o.backlog, o.late, o.lateful, o.state = nil, nil, nil, 0, over
	s.throughLocked()
	o.mu.Unlock()
	s.missed(ctx, left)
	s.host.release(s.Account)
}

// refused keeps a packet that a connection has not taken, until what it has not written is handed over. It tells whether the packet has gone its way:
// if not, there is another connection by now.
func (s *Session) refused(c *connRef, p stream.Packet) (done bool) {
	o := &s.out
	o.mu.Lock()
	if s.conn.Load() != c {
		o.mu.Unlock()
		return false
	}
	missed := o.state == over && p.IsStanza()
	if !missed {
		s.lateLocked(p)
	}
	o.mu.Unlock()
	if missed {
		s.missed(context.Background(), []stream.Packet{p})
	}
	return true
}

// lateBytes is how much may come in memory while a connection comes to its end, which can take as long as a write.
const lateBytes = 1 << 20

// lateLocked keeps a packet that a connection does not take any more; what is archived, by its mark.
func (s *Session) lateLocked(p stream.Packet) {
	if !p.IsStanza() {
		return // the client asks anew for what it needs
	}
	if p.Mark != 0 {
		p = stream.Packet{Mark: p.Mark}
	}
	o := &s.out
	o.late = append(o.late, p)
	o.lateful += backlogEach + p.Size()
	s.boundLocked(o.lateful > lateBytes)
}

// IsAway tells whether the session is without a connection.
func (s *Session) IsAway() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.state == away
}

// Absence numbers the times that the session has been without a connection; the last one may be over.
func (s *Session) Absence() int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.absence
}

// Stream names the stream that the session's client sends on: another one after each loss of the connection. Clients that go on with a session send again what they believe
// unheard, some of them more than that.
func (s *Session) Stream() string {
	if n := s.Absence(); n > 0 {
		return s.ID + "/" + strconv.Itoa(n)
	}
	return s.ID
}

// Lapse ends the session if it has been without a connection ever since this absence began.
func (s *Session) Lapse(absence int) {
	s.host.gate.RLock()
	defer s.host.gate.RUnlock()
	if s.host.stopping {
		return // it is saved, and its time begins anew
	}
	o := &s.out
	o.mu.Lock()
	lapsed := o.absence == absence && (o.state == parting || o.state == away)
	if lapsed {
		s.ended.Store(true)
	}
	o.mu.Unlock()
	if lapsed {
		s.leave(nil)
	}
}

// interrupt drops the connection of a session that outlives it, and tells whether it does. The stream is left unfinished: to clients such as Gajim and those on
// libstrophe a stream that the server has closed is one whose session nobody can go on with (XEP-0198 §5 tells the two apart), whatever the error said.
func (s *Session) interrupt() (lives bool) {
	s.out.mu.Lock()
	lives = s.out.kept && s.out.ledger != nil && !s.ended.Load()
	there := s.out.state == attached
	s.out.mu.Unlock()
	if lives && there {
		s.conn.Load().Drop() // if it is lost meanwhile, this does nothing
	}
	return lives
}

// Attach gives the session another connection, whose client has handled h stanzas. A former one, if it is still there, is told of the conflict (XEP-0198 §5), and dropped.
// What the client has not handled is sent before anything else. The error is ErrOver, stream.ErrTooHigh, or the context's; the session is left as it was, but
// for its connection.
func (s *Session) Attach(ctx context.Context, conn Conn, h uint32) error {
	o := &s.out
	o.turn.Lock()
	defer o.turn.Unlock()
	if err := s.checkCount(h); err != nil {
		return err
	}
	if err := s.part(ctx); err != nil {
		return err
	}
	if err := s.checkCount(h); err != nil { // the former connection may have had something to say
		return err
	}
	if !s.IsAway() {
		return ErrOver
	}
	for _, fn := range s.host.hooks.SessionResumed {
		fn(s)
	}
	marks, err := s.connect(conn, h)
	s.reached(marks)
	return err
}

// checkCount tells whether the client may have handled h stanzas. A connection that is there is not dropped for one who makes numbers up.
func (s *Session) checkCount(h uint32) error {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.kept || o.ledger == nil || s.ended.Load() {
		return ErrOver
	}
	if sent, acked := o.ledger.Counts(); h-acked > sent-acked {
		return stream.ErrTooHigh
	}
	return nil
}

// part waits until the former connection has nothing of the session's any more.
func (s *Session) part(ctx context.Context) error {
	o := &s.out
	o.mu.Lock()
	state := o.state
	var left chan struct{}
	if state == attached || state == parting {
		if o.left == nil {
			o.left = make(chan struct{})
		}
		left = o.left
	}
	o.mu.Unlock()
	if left == nil {
		return nil
	}
	old := s.conn.Load()
	old.Close(&stream.Error{Condition: stream.Conflict, Text: "Your client goes on with another connection."})
	grace := time.NewTimer(partGrace)
	defer grace.Stop()
	for {
		select {
		case <-left:
			return nil
		case <-grace.C:
			old.Drop()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connect is where the session gets the connection, unless it has ended meanwhile, or the server is on its way down.
func (s *Session) connect(conn Conn, h uint32) (marks []int64, err error) {
	s.host.gate.RLock()
	defer s.host.gate.RUnlock()
	if s.host.stopping {
		return nil, errStopping
	}
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != away || s.ended.Load() {
		return nil, ErrOver
	}
	if marks, err = o.ledger.Ack(h); err != nil {
		return nil, err
	}
	for _, p := range o.ledger.Empty() {
		if !conn.Send(p) {
			s.lateLocked(p)
		}
	}
	o.state = attached
	s.host.live.Add(1)
	s.conn.Store(&connRef{conn})
	return marks, nil
}
