package muc

import (
	"context"
	"errors"
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
	coming    chan struct{}  // takes as many as may come in at the same time
	digs      map[*dig]bool  // of those who are about to come in
	asks      map[string]ask // between occupants, by the ids that they were handed on with
	pending   int            // events that have not been told
	ordered   int            // events since it is awake
	unsure    []*occupant    // may have been seen as what they are not: a change was not written
	doubted   *Config        // what those inside know it to be, if a change of that was not written: with another one it may have been
	life      int            // how many rooms have been here and are no more since then
	invited   server.Bucket  // of invitations
	letters   server.Bucket  // of recipients of mail
	pictured  pictured       // the hashes of the avatar
	wardrobe  wardrobe       // see wardrobeLocked
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
	after  func(ctx context.Context) // what is done when it has been told, by who has asked for it: it may wait for this room, for others, and for the store
	undo   func()                    // takes back what was done when it was ordered, if it could not be written; called with the lock
	amiss  func(ctx context.Context) // what is done then, without the lock: those inside have to learn of what can't be taken back
}

// orderLocked gives an event its place. outcome, which may be nil, hears what became of it.
func (r *Room) orderLocked(e event, outcome func(error)) {
	r.pending++
	r.ordered++
	r.seq.Add(e.by, e.writes, func(ctx context.Context, err error) {
		became := errMistake // whatever goes wrong, the room goes on
		defer func() { r.told(became, outcome) }()
		r.committed(err, &e)
		switch {
		case err == nil:
			e.tell(ctx)
		case e.amiss != nil:
			e.amiss(ctx)
		}
		became = err
	})
}

// errMistake is what an event ends with that could not be told; the kernel has logged why.
var errMistake = errors.New("muc: a mistake")

// committed takes over what became of an event's writes.
func (r *Room) committed(err error, e *event) {
	if err != nil {
		r.stale.Store(true)
		r.service.log.Warn("a room could not be written", "jid", r.JID.String(), "err", err)
		r.service.keeper.retry(r, e.writes)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.placedLocked(e.writes)
	case e.undo != nil:
		e.undo()
	}
}

// told ends an event.
func (r *Room) told(err error, outcome func(error)) {
	if err != nil {
		r.stale.Store(true)
	}
	r.hold()
	r.mu.Lock()
	r.pending--
	r.mu.Unlock()
	r.close()
	if outcome != nil {
		outcome(err)
	}
}

// hold keeps a room that is awake from being let go until it is closed.
func (r *Room) hold() {
	r.place.mu.Lock()
	defer r.place.mu.Unlock()
	r.place.users++
}

// change orders what a request asks for, and waits until it has been told. decide is called with the lock; its error refuses, a nil event changes nothing.
func (r *Room) change(ctx context.Context, decide func() (*event, error)) error {
	done := make(chan error, 1)
	e, err := r.decided(decide, func(err error) { done <- err })
	switch {
	case e == nil || err != nil:
		return err
	case e.after != nil: // it is not left out if who asks gives up
		if err = <-done; err == nil {
			e.after(context.WithoutCancel(ctx))
		}
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// decided orders what is decided.
func (r *Room) decided(decide func() (*event, error), outcome func(error)) (*event, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := decide()
	if e != nil && err == nil {
		r.orderLocked(*e, outcome)
	}
	return e, err
}

// orderForLocked orders what a stanza causes.
func (r *Room) orderForLocked(p *server.Passage, e event) {
	e.by = p
	if e.after != nil {
		p.Then(func(ctx context.Context, _ *server.Passage) error {
			e.after(ctx)
			return nil
		})
	}
	r.orderLocked(e, nil)
}

// routing sends stanzas, each of which is decided and told by who gets it.
func (s *Service) routing(sts []*xmpp.Stanza) func(context.Context) {
	return func(ctx context.Context) {
		for _, st := range sts {
			s.host.Route(ctx, st)
		}
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
