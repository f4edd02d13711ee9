package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"palabre/bench"
)

// password is everybody's.
const password = "arbre à palabres"

// Users are the accounts of a run.
func Users(count int) ([]bench.User, error) {
	return bench.NumberedUsers("u", domain, password, count)
}

// Options say what a Run is.
type Options struct {
	Seed   uint64
	Server *Server
	Users  []bench.User
	Habit  func(account int, rng *rand.Rand) Habit
	// To says whom the next message of an account is for; false: it has nothing to send now. It is called by one goroutine for each account.
	To func(account int, rng *rand.Rand) (to int, ok bool)
	// Rooms is how many rooms there are; 0: clients write to each other.
	Rooms int
	// Form is what a room's owner fills in beside the preset: XML.
	Form string
	// Filler is how many bytes there are in each message to a room beside its text.
	Filler int
	// Trace, if not nil, is where all that a client sends and gets is written. Each is called by one goroutine at a time.
	Trace func(account int) io.Writer
}

// A Run is a number of clients, one for each account, that send each other messages whatever happens, until it is settled.
type Run struct {
	Options
	domain  string
	tag     tag
	dialer  *bench.Dialer
	server  *Server
	board   *board
	devices []*Device
	start   time.Time
	sending atomic.Bool
	cancel  context.CancelFunc
	loops   sync.WaitGroup
	filler  string
	gate    chan struct{} // who logs in
	over    chan struct{} // nobody asks a device any more
	stop    sync.Once     // closes over

	mu       sync.Mutex // guards what follows; a leaf
	breaches []string
	invited  map[guest]time.Duration // when somebody was last invited
}

// NewRun makes a run whose clients connect, and send nothing yet. What the clients do, though not when, depends on the seed alone.
func NewRun(ctx context.Context, o Options) *Run {
	r := &Run{
		Options: o, domain: domain, tag: tag(fmt.Sprintf("s%d", o.Seed)), server: o.Server,
		dialer: &bench.Dialer{Address: o.Server.Address, Direct: true},
		board:  newBoard(len(o.Users)), start: time.Now(), over: make(chan struct{}),
		invited: map[guest]time.Duration{}, gate: make(chan struct{}, 64),
	}
	if o.Filler > 0 {
		r.filler = "<filler xmlns='urn:chaos:filler'>" + strings.Repeat("x", o.Filler) + "</filler>"
	}
	ctx, r.cancel = context.WithCancel(ctx)
	for account, u := range o.Users {
		rng := rand.New(rand.NewPCG(o.Seed, uint64(account)))
		d := &Device{run: r, account: account, user: u, rng: rng, orders: make(chan func()), fences: map[string]chan<- struct{}{}}
		d.Habit = o.Habit(account, rng)
		if o.Trace != nil {
			d.trace = o.Trace(account)
		}
		d.in = inbox{account: account, run: r.tag, came: map[string]Way{}}
		d.target = func() (int, bool) {
			if !r.sending.Load() {
				return 0, false
			}
			return o.To(account, rng)
		}
		if o.Rooms > 0 {
			d.hall = newHall(d, o.Rooms)
			d.target, d.out.ready = d.hall.target, d.hall.ready
		}
		r.devices = append(r.devices, d)
		r.loops.Go(func() { d.loop(ctx) })
	}
	return r
}

// now is the time since the run began.
func (r *Run) now() time.Duration { return time.Since(r.start) }

func (r *Run) breach(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaches = append(r.breaches, text)
}

// firstBreach tells of the first one, which may be why the run goes no further; empty if there is none.
func (r *Run) firstBreach() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.breaches) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d breaches, the first is %s", len(r.breaches), r.breaches[0])
}

// invites notes an invitation.
func (r *Run) invites(g guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.invited[g] = r.now()
}

// Send has the clients begin to send.
func (r *Run) Send() {
	r.sending.Store(true)
	for _, d := range r.devices {
		d.do(func() {}) // those who wait look again
	}
}

// Hush has them begin nothing new.
func (r *Run) Hush() { r.sending.Store(false) }

// Fence waits until the server has answered each client, and each has caught up with what it missed.
func (r *Run) Fence(ctx context.Context) error {
	var pending []chan struct{}
	for _, d := range r.devices {
		if d.absent {
			continue
		}
		done := make(chan struct{})
		d.do(func() { d.fence(done) })
		pending = append(pending, done)
	}
	for account, done := range pending {
		select {
		case <-done:
		case <-ctx.Done():
			return fmt.Errorf("chaos: the server does not answer %s: %w", Name(account), context.Cause(ctx))
		}
	}
	return nil
}

const (
	outcomeTime = 2 * time.Minute       // for what became of each message
	eachTime    = 50 * time.Millisecond // beside that, for each client, where all of them do something at once
	arrivalTime = 15 * time.Second      // for the next thing to arrive
)

// Conclude has nothing new sent, and waits until the outcome of every message is known.
func (r *Run) Conclude(ctx context.Context) error {
	r.Hush()
	ctx, cancel := context.WithTimeout(ctx, outcomeTime)
	defer cancel()
	for _, d := range r.devices {
		for pending := 1; pending > 0; {
			if d.do(func() { pending = d.out.pending() }); pending > 0 && pause(ctx, 5*time.Millisecond) != nil {
				return fmt.Errorf("chaos: %s does not hear what became of %d messages: %w", Name(d.account), pending, context.Cause(ctx))
			}
		}
	}
	return nil
}

// Settle concludes, and waits until what was acknowledged has arrived. What has not arrived in time is no error here: the verdict will say so.
func (r *Run) Settle(ctx context.Context) error {
	if err := r.Conclude(ctx); err != nil {
		return err
	}
	r.arrive(ctx)
	ctx, cancel := context.WithTimeout(ctx, outcomeTime)
	defer cancel()
	return r.Fence(ctx)
}

// arrive waits until every client has what it must have, or nothing more comes.
func (r *Run) arrive(ctx context.Context) {
	due := r.due()
	last := time.Now() // when something came
	for _, d := range r.devices {
		if d.absent {
			continue
		}
		for rest := due[d.account]; ; {
			before := len(rest)
			if d.do(func() { rest = d.missing(rest) }); len(rest) < before {
				last = time.Now()
			}
			if len(rest) == 0 || time.Since(last) > arrivalTime || pause(ctx, 20*time.Millisecond) != nil {
				break
			}
		}
	}
}

// due is, for each account, what was acknowledged and is to reach it.
func (r *Run) due() [][]Key {
	due := make([][]Key, len(r.devices))
	for _, d := range r.devices {
		d.do(func() {
			for number, s := range d.out.sends {
				if s.Outcome == Acknowledged {
					due[s.To] = append(due[s.To], Key{d.account, number})
				}
			}
		})
	}
	return due
}

// pause waits a little, for a poll.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop has the clients end their sessions, and waits for them. Nobody may speak to them after that. A second time it does nothing.
func (r *Run) Stop() {
	r.cancel()
	r.stop.Do(func() { close(r.over) })
	r.loops.Wait()
}

// Figures are the counts so far.
func (r *Run) Figures() Figures { return r.board.read() }

// Leave stops the clients, and gives what they have noted.
func (r *Run) Leave() *History {
	r.Stop()
	h := &History{Sends: make([][]Send, len(r.devices)), Archives: make([][]Sighting, len(r.devices)), Breaches: r.breaches}
	for account, d := range r.devices {
		h.Sends[account] = d.out.sends
		h.Readings = append(h.Readings, Reading{Account: account, Log: d.in.log, Whole: !d.absent})
	}
	return h
}

// Stats adds up how the clients' sessions went, once they have left.
func (r *Run) Stats() (s DeviceStats) {
	for _, d := range r.devices {
		s.Logins += d.stats.Logins
		s.Resumed += d.stats.Resumed
		s.NotResumed += d.stats.NotResumed
		s.Lost += d.stats.Lost
	}
	return s
}

// Audit reads every archive into a history.
func (r *Run) Audit(ctx context.Context, h *History) error {
	var errs []error
	var mu sync.Mutex
	var readers sync.WaitGroup
	gate := make(chan struct{}, 8)
	for account, u := range r.Users {
		readers.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			rows, err := r.readArchive(ctx, u)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("chaos: the archive of %s: %w", Name(account), err))
			}
			h.Archives[account] = rows
		})
	}
	readers.Wait()
	return errors.Join(errs...)
}
