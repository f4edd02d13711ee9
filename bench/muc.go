package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"palabre/xmpp"
)

// muc is conversation in rooms (XEP-0045): some of the occupants write, and each message goes to all, its sender included.
type muc struct{}

func (muc) Name() string  { return "muc" }
func (muc) About() string { return "occupants of rooms write; each message goes to all in the room" }
func (muc) Unit() string  { return "message delivered" }

const (
	mucOccupants = 50
	mucSenders   = 5
	mucWindow    = 2
)

func (muc) Users(c *Config, given int) (int, error) {
	n := c.Rooms * occupantsOr(c, mucOccupants)
	if given < n {
		return 0, fmt.Errorf("%d rooms of %d take %d users; there are %d", c.Rooms, n/c.Rooms, n, given)
	}
	return n, nil
}

func occupantsOr(c *Config, usual int) int {
	if c.Occupants > 0 {
		return c.Occupants
	}
	return usual
}

// A RoomsReport is what is peculiar to rooms.
type RoomsReport struct {
	Rooms     int `json:"rooms"`
	Occupants int `json:"occupants"` // of each; enter: of whom the last who entered found so many
	// Of muc: how many were sent to the rooms, how many of that their archives hold, and who was sent it in another order than most in their room.
	Sent     uint64 `json:"sent,omitempty"`
	Archived int    `json:"archived,omitempty"`
	Apart    int    `json:"apart,omitempty"`
}

// ErrOrder says that occupants of one room have not received the same in the same order.
var ErrOrder = errors.New("bench: not all in a room received the same in the same order")

func (muc) Run(ctx context.Context, r *Run) (err error) {
	t := newTraffic(r, mucWindow)
	size := len(r.Users) / r.Rooms
	senders := min(mucSenders, size)
	if r.Senders > 0 {
		senders = min(r.Senders, size)
	}
	r.Report.Body, r.Report.Senders = r.Body, senders*r.Rooms
	r.Report.Rooms = &RoomsReport{Rooms: r.Rooms, Occupants: size}
	people := make([]*occupant, len(r.Users))
	for i := range people {
		room, err := r.room(i / size)
		if err != nil {
			return err
		}
		people[i] = &occupant{traffic: t, receiver: t.receiver(), room: room, nick: nick(i), entered: make(chan struct{})}
	}
	r.Progress("logging in %d users", len(r.Users))
	sessions, err := r.loginAll(ctx, func(i int) Handler { return people[i].handle })
	defer func() { err = errors.Join(err, r.closeAll(ctx, sessions)) }()
	if err != nil {
		return err
	}
	for i, p := range people {
		p.session = sessions[i]
	}
	if err := r.appearAll(ctx, sessions); err != nil {
		return err
	}
	if err := r.gather(ctx, people, size); err != nil {
		return err
	}
	for i := range people {
		if i%size < senders {
			room := i / size * size
			t.lane(sessions[i], t.receivers[room:room+size], r.compose(xmpp.TypeGroupchat, people[i].room))
		}
	}
	if err := t.load(ctx); err != nil {
		return err
	}
	return t.adjourn(ctx, people, size)
}

// gather has the first of each size people make a room, and the others enter it.
func (r *Run) gather(ctx context.Context, people []*occupant, size int) error {
	r.Progress("%d rooms are made, of %d", r.Rooms, size)
	if err := r.each(r.Rooms, func(i int) error {
		owner := people[i*size]
		if err := owner.enter(ctx); err != nil {
			return err
		}
		return owner.session.configure(ctx, owner.room)
	}); err != nil {
		return err
	}
	if err := r.each(len(people), func(i int) error {
		if i%size == 0 {
			return nil
		}
		return people[i].enter(ctx)
	}); err != nil {
		return err
	}
	return r.each(len(people), func(i int) error { return people[i].session.Fence(ctx) })
}

// adjourn compares what the occupants of each room were sent, counts what the archives hold, and ends the rooms.
func (t *traffic) adjourn(ctx context.Context, people []*occupant, size int) error {
	report := t.run.Report.Rooms
	for _, l := range t.lanes {
		report.Sent += l.sent.Load()
	}
	for i := 0; i < len(people); i += size {
		report.Apart += apart(t.receivers[i : i+size])
	}
	var mu sync.Mutex
	if err := t.run.each(t.run.Rooms, func(i int) error {
		owner := people[i*size]
		n, err := owner.session.archived(ctx, owner.room)
		if err != nil {
			return err
		}
		mu.Lock()
		report.Archived += n
		mu.Unlock()
		return owner.session.destroy(ctx, owner.room)
	}); err != nil {
		return err
	}
	if report.Apart > 0 {
		err := fmt.Errorf("%w: %d occupants differ from most", ErrOrder, report.Apart)
		if t.run.Report.Faults.Any() {
			err = fmt.Errorf("%w; %w: %v", err, ErrFaults, t.run.Report.Faults)
		}
		return err
	}
	return nil
}

// apart counts the receivers that were sent another sequence than most.
func apart(all []*receiver) int {
	count := make(map[uint64]int)
	most := 0
	for _, rc := range all {
		rc.mu.Lock()
		count[rc.order]++
		most = max(most, count[rc.order])
		rc.mu.Unlock()
	}
	return len(all) - most
}

// An occupant is a user in a room.
type occupant struct {
	traffic  *traffic
	receiver *receiver
	session  *Session
	room     xmpp.JID
	nick     string

	present bool          // the reader's own, as inside is: its own presence has come
	inside  bool          // the subject has come behind it
	entered chan struct{} // closed then
}

// enter waits until it is inside.
func (o *occupant) enter(ctx context.Context) error {
	if err := o.session.join(o.room, o.nick); err != nil {
		return err
	}
	select {
	case <-o.entered:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %s has not entered %s: it lacks its own presence or the subject", context.Cause(ctx), o.session.JID.Bare(), o.room)
	}
}

// handle takes the stanzas of an occupant's session.
func (o *occupant) handle(_ *Session, st *xmpp.Stanza) {
	switch {
	case st.From.Bare() != o.room || st.Kind == xmpp.IQ:
	case st.Type == xmpp.TypeError:
		o.traffic.run.fail(refusal(st))
	case st.Kind == xmpp.Presence:
		o.present = o.present || st.Type == "" && st.From.Resource() == o.nick && isOwn(st)
	case isSubject(st):
		if o.present && !o.inside {
			o.inside = true
			close(o.entered)
		}
	case st.Type == xmpp.TypeGroupchat:
		o.traffic.arrive(o.receiver, textOf(st, "body"))
	}
}
