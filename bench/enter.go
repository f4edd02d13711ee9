package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// enter is people who come into a large room (XEP-0045 §7.2). It is filled first; what the last of the users cost who enter is measured:
// each is told of all who are inside, and all are told of each.
type enter struct{}

func (enter) Name() string  { return "enter" }
func (enter) About() string { return "users enter one large room, one after the other" }
func (enter) Unit() string  { return "join" }

const enterOccupants = 1000

func (enter) Users(c *Config, given int) (int, error) {
	if n := occupantsOr(c, enterOccupants); given <= n {
		return 0, fmt.Errorf("with %d in the room before, it takes more users; there are %d", n, given)
	}
	return given, nil
}

// ErrJoin says that somebody did not get in, or not all was told.
var ErrJoin = errors.New("bench: a join did not come to its end")

func (enter) Run(ctx context.Context, r *Run) (err error) {
	room, err := r.room(0)
	if err != nil {
		return err
	}
	before := occupantsOr(&r.Config, enterOccupants)
	window := max(1, r.Window)
	r.Report.Window, r.Report.Rooms = window, &RoomsReport{Rooms: 1, Occupants: before}
	h := newHall(r, room)
	r.Progress("logging in %d users", len(r.Users))
	sessions, err := r.loginAll(ctx, func(i int) Handler { return h.guests[i].handle })
	defer func() { err = errors.Join(err, r.closeAll(ctx, sessions)) }()
	if err != nil {
		return err
	}
	for i, s := range sessions {
		h.guests[i].session = s
	}
	if err := r.appearAll(ctx, sessions); err != nil {
		return err
	}
	if err := h.open(ctx, before); err != nil {
		return err
	}
	if err := h.measure(ctx, window); err != nil {
		return err
	}
	// What the server had sent twice has come when all have passed a fence.
	if err := r.each(len(sessions), func(i int) error { return sessions[i].Fence(ctx) }); err != nil {
		return err
	}
	r.Report.Faults = h.check()
	return sessions[0].destroy(ctx, room)
}

// open has the first user make the room, and so many in all enter it.
func (h *hall) open(ctx context.Context, guests int) error {
	h.run.Progress("a room is made, and filled with %d", guests)
	if err := h.admit(ctx, 1, func(i int) bool { return i < 1 }); err != nil {
		return err
	}
	if err := h.guests[0].session.configure(ctx, h.room); err != nil {
		return err
	}
	return h.admit(ctx, h.run.Parallel, func(i int) bool { return i < guests })
}

// measure has the others enter, so many at once, until all have or the time is over.
func (h *hall) measure(ctx context.Context, window int) error {
	r := h.run
	m, err := startMeter(&r.Config)
	if err != nil {
		return err
	}
	defer m.abort()
	before := h.next
	h.took = new(Histogram)
	end := time.Now().Add(r.Duration)
	r.Progress("measuring for %v, or until %d more have entered", r.Duration, len(h.guests)-before)
	if err := h.admit(ctx, window, func(i int) bool {
		return i < len(h.guests) && (r.Units == 0 || i < before+int(r.Units)) && time.Now().Before(end)
	}); err != nil {
		return err
	}
	if err := m.end(&r.Report, uint64(h.next-before)); err != nil {
		return err
	}
	r.Report.latencies(h.took)
	return nil
}

// admit has the next guests enter, so many at once, as long as more says so, and waits until all is told of them.
func (h *hall) admit(ctx context.Context, window int, more func(i int) bool) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed []error
	)
	take := func() (i int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(failed) > 0 || !more(h.next) {
			return 0, false
		}
		h.next++
		return h.next - 1, true
	}
	for range window {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if err := h.enter(ctx, i); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return summary(failed)
}

// joinSettles is for how many of the usual times nothing may come to anybody before what lacks of a join is lost: a server that has one
// thread, on a machine that is busy, makes many presences before it sends the first.
const joinSettles = 8

// enter has a guest enter, and waits until all that is due has come to it, and to those who were inside before.
func (h *hall) enter(ctx context.Context, i int) error {
	g := h.guests[i]
	start := time.Now()
	h.begin(g)
	if err := g.session.join(h.room, nick(i)); err != nil {
		return g.session.reason(err)
	}
	timer := time.NewTicker(joinSettles * h.run.settle)
	defer timer.Stop()
	for before := h.arrived.Load(); ; {
		select {
		case <-g.done:
			if h.took != nil {
				h.took.Add(time.Since(start))
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			now := h.arrived.Load()
			if now == before {
				h.run.Report.Faults = h.check()
				return fmt.Errorf("%w: of %s's, %s; %v", ErrJoin, g.session.JID.Bare(), h.lacks(g), h.run.Report.Faults)
			}
			before = now
		}
	}
}
