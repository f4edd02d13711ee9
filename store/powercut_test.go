package store

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	powercuts    = flag.Int("powercuts", 0, "how often the power goes in each test of power cuts, for a long run")
	powercutSeed = flag.Uint64("powercutseed", 0, "run the machine of this seed alone; what runs at the same time in it is not the same twice")
)

// Whenever the power goes, what was acknowledged is there, and is whole.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	y := machines(t, ordinaryCuts, func(*machine) {})
	for _, where := range []string{
		"opening: write the log", "opening: sync the log", "opening: write the database in a checkpoint",
		"working: write the log", "working: sync the log", "working: write the database in a checkpoint",
		"closing: ", "sync the database", "truncate the database", "truncate the log",
	} {
		n := 0
		for w, times := range y.where {
			if strings.Contains(w, where) {
				n += times
			}
		}
		if n == 0 && y.cuts >= 1000 {
			t.Errorf("the power never went here: %s", where)
		}
	}
}

// The same test finds a store that does not wait for the disk.
func TestPowerCutIsSeen(t *testing.T) {
	t.Parallel()
	y := machines(t, ordinaryCuts/10, func(m *machine) {
		m.red = true
		m.set = func(b *boot) {
			b.edit = func(dsn string) string {
				// The pragmas of readers do not say it.
				return strings.Replace(dsn, "synchronous%28FULL%29", "synchronous%28NORMAL%29", 1)
			}
		}
	})
	if y.lost == 0 {
		t.Error("nothing is lost with synchronous=NORMAL: the test would not see it")
	}
}

// A disk that fails to sync ends the process. Nothing is acknowledged after that, and what was acknowledged is there, whether the next process
// starts at once or after the power has gone.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	y := machines(t, ordinaryCuts/4, func(m *machine) {
		m.set = func(b *boot) {
			if m.made { // until then goose tries again by itself, and nothing is acknowledged
				b.flaky = 0.03
			}
		}
	})
	if y.failed == 0 {
		t.Error("no sync failed")
	}
}

// A tally is what all machines of a test saw.
type tally struct {
	mu                          sync.Mutex
	cuts, later, failed         int // power gone at work, and after it; syncs that failed
	acked, lost, halved, broken int
	where                       map[string]int
}

func (y *tally) add(fn func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	fn()
}

// enough tells whether the power has gone so often; in a red test, whether something was lost then, as it will be.
func (y *tally) enough(m *machine, cuts int) bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.cuts >= cuts && (!m.red || y.lost > 0) || y.cuts >= 20*cuts
}

func (y *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cuts at work, %d after it, %d failed syncs; %d acknowledged, %d lost, %d halved, %d other damage",
		y.cuts, y.later, y.failed, y.acked, y.lost, y.halved, y.broken)
	for _, w := range slices.Sorted(maps.Keys(y.where)) {
		fmt.Fprintf(&b, "\n%6d %s", y.where[w], w)
	}
	return b.String()
}

// livesOfMachine is how often a machine starts again, so that its database does not become large.
const livesOfMachine = 25

// machines runs two at a time until the power has gone so often at work.
func machines(t *testing.T, cuts int, set func(*machine)) *tally {
	t.Helper()
	if *powercuts > 0 {
		cuts = *powercuts
	}
	y := &tally{where: map[string]int{}}
	run := func(seed uint64) (enough bool) {
		m := newMachine(t, y, seed)
		set(m)
		for life := 0; life < livesOfMachine && !m.bad; life++ {
			m.live()
		}
		return y.enough(m, cuts)
	}
	start := time.Now()
	if *powercutSeed != 0 {
		run(*powercutSeed)
	} else {
		var all sync.WaitGroup
		for first := range uint64(2) {
			all.Go(func() {
				for seed := first + 1; !run(seed); {
					seed += 2
				}
			})
		}
		all.Wait()
	}
	t.Logf("%.1f s: %v", time.Since(start).Seconds(), y)
	return y
}

// A machine has a disk, and a store on it that starts again and again.
type machine struct {
	*tally
	*traffic
	*gathering
	t     *testing.T
	red   bool // what is wrong is counted only
	bad   bool // something was wrong, and it was not red
	seed  uint64
	rand  *rand.Rand
	dir   string
	disk  *disk
	set   func(*boot)
	lives int64
	made  bool // the store has been opened
	steps int  // of the last whole life, while it worked
}

func newMachine(t *testing.T, y *tally, seed uint64) *machine {
	return &machine{
		tally: y, traffic: &traffic{}, gathering: &gathering{}, t: t, seed: seed, set: func(*boot) {},
		rand: rand.New(rand.NewPCG(seed, 1)), disk: newDisk(rand.New(rand.NewPCG(seed, 2))), dir: t.TempDir(), steps: 200,
	}
}

// wrong counts what is wrong, and tells the first of it.
func (m *machine) wrong(count *int, format string, args ...any) {
	var first bool
	m.add(func() {
		*count++
		first = !m.red && !m.bad
		m.bad = m.bad || first
	})
	if first {
		m.t.Errorf("seed %d, life %d: %s", m.seed, m.lives, fmt.Sprintf(format, args...))
	}
}

// A plan says after how many steps of a part of a life the power goes; below 0: not there.
type plan struct{ opening, working, closing int }

func (m *machine) plan() plan {
	p := plan{-1, -1, -1}
	switch m.rand.IntN(8) {
	case 0:
		p.opening = m.rand.IntN(25)
	case 1:
		p.closing = m.rand.IntN(25)
	default:
		p.working = m.rand.IntN(m.steps + m.steps/8)
	}
	return p
}

// live runs the store once, until it is closed, the power goes or a sync fails. Sometimes the power stays, and only the process ends.
func (m *machine) live() {
	m.lives++
	b := m.disk.boot(m.dir)
	m.set(b)
	part := m.run(b, m.plan())
	b.end()
	v := b.view()
	powercut := m.rand.IntN(4) > 0
	if powercut {
		m.disk.mu.Lock()
		m.disk.cut()
		m.disk.mu.Unlock()
	}
	m.add(func() {
		m.failed += v.failed
		switch {
		case !powercut:
		case v.last == "":
			m.later++
		default:
			m.cuts++
			m.where[part+": "+v.last]++
		}
	})
}

// run tells which part of the life was its last.
func (m *machine) run(b *boot, p plan) (part string) {
	fatal := make(chan error, 1)
	// A child of another test's may hold a lock for a moment, so each life has its own.
	o := Options{DataDir: filepath.Join(m.dir, fmt.Sprint(m.lives)), logFull: 16 * pageSize, driver: b.driver(), Fatal: func(err error) {
		b.halt()
		fatal <- err
	}}
	b.arm(p.opening)
	s, err := Open(context.Background(), o)
	if err == nil {
		m.made = true
		defer s.Close()
		err = m.verify(s, b)
	}
	if err != nil {
		m.expect(b, fatal, err)
		return "opening"
	}
	b.arm(p.working)
	before := b.view().steps
	m.work(s, b)
	if v := b.view(); v.over {
		m.expect(b, fatal, nil)
		return "working"
	} else if p.working < 0 || v.steps-before < p.working {
		m.steps = max(50, v.steps-before)
	}
	b.arm(p.closing)
	m.expect(b, fatal, s.Close())
	return "closing"
}

// expect compares how a life ended with what was done to it.
func (m *machine) expect(b *boot, fatal <-chan error, err error) {
	v := b.view()
	select {
	case err = <-fatal:
	default:
	}
	switch {
	case err == nil && v.failed > 0:
		m.wrong(&m.broken, "a sync failed, and the process went on")
	case err != nil && v.last == "" && v.failed == 0:
		m.wrong(&m.broken, "%v", err)
	}
}
