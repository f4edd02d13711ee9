package server

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// A Saved is a session that waits for a connection, as it is kept over a restart of the server.
type Saved struct {
	JID, ID     string
	Since       time.Time
	Remote      netip.Addr
	Told        uint32 // see Session.Told
	Sent, Acked uint32
	Absence     int               `json:",omitempty"` // see Session.Absence
	Left        []SavedPacket     // what the client has not acknowledged; the last of them may not have been sent
	Modules     map[string][]byte // what each module keeps of it
}

// A SavedPacket is a stanza that is named by its mark or, where it has none, written out.
type SavedPacket struct {
	Mark int64  `json:",omitempty"`
	XML  string `json:",omitempty"`
	At   int64  `json:",omitempty"` // see stream.Packet
}

// Saved is for a session that waits for a connection, when the server is on its way down; ok is false if it is no such session.
func (s *Session) Saved() (out Saved, ok bool) {
	if !s.IsAway() || s.ended.Load() {
		return Saved{}, false
	}
	out = Saved{JID: s.JID.String(), ID: s.ID, Since: s.Since, Told: s.Told(), Modules: s.Save()}
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.volatileLocked() {
		return Saved{}, false
	}
	out.Remote, out.Absence = o.remote, o.absence
	out.Sent, out.Acked = o.ledger.Counts()
	for _, p := range o.ledger.Kept() {
		if p.Mark != 0 {
			out.Left = append(out.Left, SavedPacket{Mark: p.Mark})
		} else {
			out.Left = append(out.Left, SavedPacket{XML: string(p.AppendTo(nil)), At: p.At})
		}
	}
	return out, true
}

// IsVolatile tells whether the session holds something of which no copy may outlive the process: it can't be saved.
func (s *Session) IsVolatile() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.volatileLocked()
}

func (o *outlet) volatileLocked() bool {
	return o.ledger != nil && slices.ContainsFunc(o.ledger.Kept(), func(p stream.Packet) bool { return p.Volatile })
}

// Abandon ends a session that waits for a connection while the server is on its way down: what it has missed goes the way of what nobody took.
func (s *Session) Abandon(ctx context.Context) {
	s.ended.Store(true)
	s.Closed(ctx)
}

// Marks are those of what the client has not acknowledged.
func (s *Session) Marks() (out []int64) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ledger == nil {
		return nil
	}
	for _, p := range o.ledger.Kept() {
		if p.Mark != 0 {
			out = append(out, p.Mark)
		}
	}
	return out
}

// Revive makes the session that Saved gave, before anybody is served: it waits for a connection. The caller has seen to it that its account is still there.
func (h *Host) Revive(in Saved) (s *Session, err error) {
	jid, err := xmpp.ParseJID(in.JID)
	if err != nil || jid.IsBare() || in.Sent-in.Acked > uint32(len(in.Left)) {
		return nil, fmt.Errorf("server: %q is not a saved session", in.ID)
	}
	s = &Session{JID: jid, ID: in.ID, Since: in.Since, host: h, gone: make(chan struct{})}
	s.alone[0], s.flow.host = s, h
	s.active.Store(in.Since.Unix())
	s.received = in.Told
	s.told.Store(in.Told)
	s.conn.Store(&connRef{(*absent)(s)})
	s.out.state, s.out.counts, s.out.kept, s.out.remote, s.out.handled = away, true, true, in.Remote, in.Told
	s.out.absence = in.Absence
	left := make([]stream.Packet, len(in.Left))
	for i, p := range in.Left {
		left[i] = stream.Packet{Mark: p.Mark, Raw: p.XML, At: p.At, Whole: p.XML != ""}
	}
	s.out.ledger = stream.RestoreLedger(in.Sent, in.Acked, left)
	s.Account = h.hold(jid.Bare())
	h.Stats.sessions.Add(1)
	s.Account.mu.Lock()
	s.Account.setLocked(append(s.Account.Sessions(), s))
	s.Account.mu.Unlock()
	defer func() { // a module that can't make anything of what it has kept must not keep the server down
		if v := recover(); v != nil {
			s.ended.Store(true)
			s.Closed(context.Background())
			s, err = nil, fmt.Errorf("server: %q is not restored: %v", in.ID, v)
		}
	}()
	s.Restore(in.Modules)
	for _, fn := range h.hooks.SessionDetached {
		fn(s)
	}
	return s, nil
}
