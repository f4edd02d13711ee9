package bench

import (
	"errors"
	"fmt"
	"time"
)

// A Config says what a run does. Fields that a scenario does not use are ignored; zero ones have the values of Defaults.
type Config struct {
	Scenario string
	Dialer   *Dialer
	Users    []User // those beyond what the scenario needs are left alone

	// How the load is made and when it ends.

	Window   int           // closed loop: how many of a sender's are under way at once
	Rate     float64       // open loop: how many are sent a second, all senders together; 0: closed loop
	Units    uint64        // end after so many, if Duration is not over before; 0: no such end
	Duration time.Duration // how long is measured
	Warmup   time.Duration // load before that
	Timeout  time.Duration // for the run as a whole; it fails when that is over
	Body     int           // characters in a message
	Contacts int           // presence: contacts of each user
	Rounds   int           // churn: how often all log in
	Parallel int           // how many log in at once, in all but churn
	Hold     time.Duration // connect, unacked: how long sessions stay idle before their memory is read
	Senders  int           // chat: only so many of the users write; 0: all. muc: so many in each room; 0: 5, or all if they are fewer
	Fill     int           // archive: how many messages an archive holds at least
	Unacked  int           // unacked: how many messages each session leaves without an acknowledgement

	Rooms     int    // muc: rooms, of each of which different users are the occupants
	Occupants int    // muc: of each room; enter: those who are inside when measuring begins; 0: 50, in enter 1000
	Service   string // muc, enter: the domain of the rooms; empty: conference. before that of the users

	StreamManagement bool // each session turns it on (XEP-0198), asks and answers

	Connections int    // hold: how many never log in
	Metrics     string // churn, hold: URL of the server's own metrics, which must come back to where they were

	// What is measured, and where progress is told.

	Server   []int // process ids; their descendants count with them
	Database []int
	Proc     Proc
	Progress func(format string, args ...any)

	settle time.Duration // after the load: how long nothing may arrive before what is missing counts as lost
}

// Defaults are the values of what a Config leaves out.
var Defaults = Config{
	Duration: 10 * time.Second,
	Warmup:   2 * time.Second,
	Timeout:  5 * time.Minute,
	Body:     100,
	Contacts: 50,
	Rooms:    1,
	Rounds:   3,
	Parallel: 8,
	Hold:     5 * time.Second,
	Fill:     10_000,
	Unacked:  100,

	Connections: 10_000,

	Proc:   Proc{Dir: "/proc"},
	settle: 5 * time.Second,
}

// withDefaults fills in what is zero, and refuses what makes no sense. Window is left to the scenario.
func (c Config) withDefaults() (Config, error) {
	fill(&c.Duration, Defaults.Duration)
	fill(&c.Warmup, Defaults.Warmup)
	fill(&c.Timeout, Defaults.Timeout)
	fill(&c.Body, Defaults.Body)
	fill(&c.Contacts, Defaults.Contacts)
	fill(&c.Rounds, Defaults.Rounds)
	fill(&c.Rooms, Defaults.Rooms)
	fill(&c.Parallel, Defaults.Parallel)
	fill(&c.Hold, Defaults.Hold)
	fill(&c.Fill, Defaults.Fill)
	fill(&c.Unacked, Defaults.Unacked)
	fill(&c.Connections, Defaults.Connections)
	fill(&c.Proc, Defaults.Proc)
	fill(&c.settle, Defaults.settle)
	if c.Progress == nil {
		c.Progress = func(string, ...any) {}
	}
	switch {
	case c.Dialer == nil || c.Dialer.Address == "":
		return c, errors.New("bench: no server to connect to")
	case c.Duration < 0 || c.Warmup < 0 || c.Timeout < 0 || c.Hold < 0:
		return c, errors.New("bench: a time is negative")
	case c.Window < 0 || c.Rate < 0 || c.Contacts < 1 || c.Rounds < 1 || c.Parallel < 1 || c.Connections < 1,
		c.Senders < 0 || c.Rooms < 1 || c.Occupants < 0 || c.Fill < 1 || c.Unacked < 1:
		return c, errors.New("bench: a number is negative")
	case c.Body < 0 || c.Body > MaxBody:
		return c, fmt.Errorf("bench: a body has 1 to %d characters, not %d", MaxBody, c.Body)
	}
	return c, nil
}

// MaxBody is the longest body, in characters; it leaves room for the tags in what servers take by default.
const MaxBody = 200_000

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
