package muc

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A Room is a room that is awake.
type Room struct {
	JID     xmpp.JID
	service *Service
	place   *place
	seq     *server.Sequence
	release func()      // lets go of the account that it hangs on
	stale   atomic.Bool // what the store has kept may be something else

	mu      sync.Mutex // tier 3: held while something is decided and ordered, never over I/O
	stored  bool       // the store knows it
	locked  bool       // its owner has not said yet what it shall be (XEP-0045 §10.1.1)
	config  Config
	created time.Time
	subject Subject
	avatar  string
	people  map[xmpp.JID]*Person // with an affiliation, or intervals, by account
	nicks   map[string]xmpp.JID  // who has which nick reserved, by what nicks are compared by; nil: to be made anew

	occupants map[string]*occupant // by what their nicks are compared by
	seats     map[xmpp.JID]*seat   // by full address
	audience  []listener           // the seats; shared with what is under way, made anew after a change
	recent    recent
	digs      map[*dig]bool  // of those who are about to come in
	asks      map[string]ask // between occupants, by the ids that they were handed on with
	pending   int            // events that have not been told
	invited   bucket         // of invitations
	pictured  pictured       // the hashes of the avatar
}

// A listener is a seat as what is under way sees it.
type listener struct {
	*seat
	sees bool // is told who occupants are
}

// An event is something that happens in a room.
type event struct {
	by     *server.Passage // the stanza that causes it; nil if it is a request, or the server's own doing
	writes []server.Write
	tell   func(ctx context.Context) // what is done once it is durable
	undo   func()                    // takes back what was done when it was ordered; called with the lock
}

// orderLocked gives an event its place. outcome, which may be nil, hears what became of it.
func (r *Room) orderLocked(e event, outcome func(error)) {
	r.pending++
	r.seq.Add(e.by, e.writes, func(ctx context.Context, err error) {
		defer r.told(err, &e, outcome)
		if err == nil {
			e.tell(ctx)
		}
	})
}

// told ends an event.
func (r *Room) told(err error, e *event, outcome func(error)) {
	r.place.mu.Lock() // so that it is closed like a room that was opened
	r.place.users++
	r.place.mu.Unlock()
	r.mu.Lock()
	r.pending--
	switch {
	case err == nil:
		r.partedLocked(e.writes)
	case e.undo != nil:
		e.undo()
	}
	r.mu.Unlock()
	r.reload(err)
	r.close()
	if outcome != nil {
		outcome(err)
	}
}

// change orders what a request asks for, and waits until it has been told. decide is called with the lock; its error refuses, a nil event changes nothing.
func (r *Room) change(ctx context.Context, decide func() (*event, error)) error {
	done := make(chan error, 1)
	ordered, err := func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		e, err := decide()
		if e == nil || err != nil {
			return false, err
		}
		r.orderLocked(*e, func(err error) { done <- err })
		return true, nil
	}()
	if !ordered {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// audienceLocked is who is inside just now. The slice is shared.
func (r *Room) audienceLocked() []listener {
	if r.audience == nil && len(r.seats) > 0 {
		r.audience = make([]listener, 0, len(r.seats))
		for _, o := range r.occupants {
			for _, s := range o.seats {
				r.audience = append(r.audience, listener{s, !r.config.Policy.Anonymous || o.role == Moderator})
			}
		}
	}
	return r.audience
}

// volatile tells whether nothing that is said here may be kept.
func (r *Room) volatileLocked() bool {
	return r.config.Policy.volatile()
}

// archivesLocked tells whether what is said goes into an archive.
func (r *Room) archivesLocked() bool {
	return r.config.Policy.Archive && r.service.opts.Archive.Keeps(r.JID.Domain())
}

// isPublicRecordLocked tells whether what is said can be read later by anybody who comes in: those who enter are warned (XEP-0045 §7.2.12).
func (r *Room) isPublicRecordLocked() bool {
	return r.archivesLocked() && r.config.Policy.isPublicRecord()
}

// give sends a stanza to all who listen.
func (r *Room) give(ctx context.Context, to []listener, p stream.Packet) {
	c := r.service.host.NewCast()
	for _, l := range to {
		if !l.out.Load() {
			p.To = l.jid
			c.Give(ctx, l.session, p)
		}
	}
}

// from is the room's address with a nick.
func (r *Room) from(nick string) xmpp.JID {
	j, err := r.JID.WithResource(nick)
	if err != nil {
		return r.JID
	}
	return j
}

// stanzaID is what names a message in the room's archive (XEP-0359 §3).
func (r *Room) stanzaID(id int64) string {
	b := make([]byte, 0, 128)
	b = append(b, "<stanza-id xmlns='"+nsStanzaID+"'"...)
	b = xmpp.AppendAttr(b, "by", r.JID.String())
	b = xmpp.AppendAttr(b, "id", r.service.opts.Archive.Name(r.JID, id))
	return string(append(b, "/>"...))
}

// timeOf is when an id of the archive was given.
func timeOf(id int64) time.Time { return time.UnixMilli(id >> 20) }

// kept copies what is kept for longer than the stanza that it came in.
func keptStanza(st *xmpp.Stanza) *xmpp.Stanza {
	c := *st
	c.Type, c.ID, c.Lang = strings.Clone(st.Type), strings.Clone(st.ID), strings.Clone(st.Lang)
	c.Inner, c.Extra = strings.Clone(st.Inner), strings.Clone(st.Extra)
	c.Children = nil
	return &c
}
