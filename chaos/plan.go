package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Mishap is what befalls the server, or what is around it.
type Mishap uint8

// Mishaps.
const (
	KillServer   Mishap = iota // SIGKILL, and a new start
	StopServer                 // SIGTERM, and a new start
	FreezeServer               // SIGSTOP, and SIGCONT after a while
	CutClients                 // some clients' connections end, by a reset or by closing
	KillDatabase               // every process of PostgreSQL gets SIGKILL, and it starts again after a while
	StopDatabase               // PostgreSQL's immediate shutdown, and a new start after a while
	FillDisk                   // there is no space left, for a while
)

func (m Mishap) String() string {
	return [...]string{
		"kill the server", "restart the server", "freeze the server", "cut connections", "kill the database", "stop the database", "fill the disk",
	}[m]
}

// A Step is one mishap of a run, and when it comes.
type Step struct {
	Mishap Mishap
	After  int           // so many acknowledgements after the step before was over
	Delay  time.Duration // and then so long, so that it comes at any point of what the server does
	For    time.Duration // how long it lasts, where it lasts
	Share  float64       // which part of the clients it befalls, where it is not all
}

func (s Step) String() string {
	text := fmt.Sprintf("after %d acknowledgements and %v: %v", s.After, s.Delay, s.Mishap)
	switch s.Mishap {
	case FreezeServer, KillDatabase, StopDatabase, FillDisk:
		text += fmt.Sprintf(" for %v", s.For)
	case CutClients:
		text += fmt.Sprintf(" of %.0f %%", 100*s.Share)
	}
	return text
}

// A Menu is what a plan is made of.
type Menu struct {
	Mishaps []Mishap
	Steps   int
	Mean    int           // acknowledgements from one step to the next, on average
	Longest time.Duration // of what lasts; at least half a second
	Rest    time.Duration // before every tenth step, so that the server gets to what it does not do at once; may be 0
}

// Plan is a row of steps that follows from the seed. Each mishap of the menu comes once in each round.
func Plan(seed uint64, m Menu) []Step {
	rng := rand.New(rand.NewPCG(seed, 1<<32)) // not a client's
	var steps []Step
	var round []int
	for len(steps) < m.Steps {
		if len(round) == 0 {
			round = rng.Perm(len(m.Mishaps))
		}
		steps = append(steps, Step{
			Mishap: m.Mishaps[round[0]],
			After:  1 + rng.IntN(2*m.Mean),
			Delay:  time.Duration(rng.Int64N(int64(10 * time.Millisecond))),
			For:    500*time.Millisecond + time.Duration(rng.Int64N(int64(max(m.Longest-500*time.Millisecond, 1)))),
			Share:  0.25 + 0.75*rng.Float64(),
		})
		if round = round[1:]; len(steps)%10 == 0 {
			steps[len(steps)-1].Delay += m.Rest
		}
	}
	return steps
}
