package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"palabre/store/storetest"
)

// A Scene is where the steps of a plan are carried out.
type Scene struct {
	Run      *Run
	Server   *Server
	Database *storetest.Cluster // for the mishaps of the database
	Disk     *Disk              // for FillDisk
	Patience time.Duration      // how long the server may take until it acknowledges again, before the scene fails
	Log      func(format string, args ...any)

	First []time.Duration // from each start of the server to its first acknowledgement
}

// Play carries out the steps, one after the other. Each ends when the server acknowledges again.
func (s *Scene) Play(ctx context.Context, steps []Step) error {
	rng := rand.New(rand.NewPCG(s.Run.Seed, 2<<32))
	for i, step := range steps {
		before := s.Run.board.read()
		if err := s.acks(ctx, before.Acknowledged+step.After); err != nil {
			return fmt.Errorf("chaos: before step %d: %w\n%s", i+1, err, s.Server.tail())
		}
		if err := pause(ctx, step.Delay); err != nil {
			return err
		}
		s.Log("step %d of %d, %v: %v", i+1, len(steps), s.Run.now().Round(time.Millisecond), step)
		if err := s.step(ctx, step, rng); err != nil {
			return fmt.Errorf("chaos: step %d, %v: %w", i+1, step, err)
		}
	}
	return nil
}

func (s *Scene) acks(ctx context.Context, n int) error {
	limited, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	return s.Run.board.acks(limited, n)
}

func (s *Scene) step(ctx context.Context, step Step, rng *rand.Rand) error {
	switch step.Mishap {
	case KillServer:
		return errors.Join(s.Server.Kill(), s.start(ctx))
	case StopServer:
		return errors.Join(s.Server.Terminate(), s.start(ctx))
	case FreezeServer:
		return s.last(ctx, step.For,
			func() error { return s.Server.Signal(syscall.SIGSTOP, false) },
			func() error { return s.Server.Signal(syscall.SIGCONT, false) })
	case CutClients:
		s.cut(step.Share, rng)
		return nil
	case KillDatabase:
		return s.last(ctx, step.For, s.Database.Kill, s.Database.Start)
	case StopDatabase:
		return s.last(ctx, step.For, s.Database.Stop, s.Database.Start)
	case FillDisk:
		return s.last(ctx, step.For, s.Disk.Fill, s.Disk.Free)
	}
	return fmt.Errorf("chaos: there is no mishap %d", step.Mishap)
}

// start starts the server, and waits for its first acknowledgement.
func (s *Scene) start(ctx context.Context) error {
	begin := time.Now()
	if err := s.Server.Start(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	first, err := s.Run.board.firstAck(limited, s.Server.Incarnation())
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.Server.tail())
	}
	s.First = append(s.First, first.Sub(begin))
	return nil
}

// last begins a mishap that lasts, and ends it.
func (s *Scene) last(ctx context.Context, how time.Duration, begin, end func() error) error {
	if err := begin(); err != nil {
		return err
	}
	return errors.Join(pause(ctx, how), end())
}

// cut ends the connections of some clients.
func (s *Scene) cut(share float64, rng *rand.Rand) {
	for _, d := range s.Run.devices {
		if rng.Float64() < share {
			how := []parting{silently, abruptly}[rng.IntN(2)]
			d.do(func() { d.drop(how) })
		}
	}
}
