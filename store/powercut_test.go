package store

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/server"
)

var (
	powercuts    = flag.Int("powercuts", 0, "how often the power goes in TestPowerCut; 0: 1,000 times")
	powercutSeed = flag.Uint64("powercutseed", 0, "run the machine of this seed alone")
)

// A tally is what all machines of a test saw.
type tally struct {
	mu                        sync.Mutex
	cuts, ends, faults        int // power gone at work, and after it; syncs that failed
	acked, lost, half, broken int
	where                     map[string]int
}

func (y *tally) add(fn func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	fn()
}

func (y *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cuts at work, %d after it, %d failed syncs; %d passages acknowledged, %d lost, %d halved, %d times damaged",
		y.cuts, y.ends, y.faults, y.acked, y.lost, y.half, y.broken)
	for _, w := range slices.Sorted(maps.Keys(y.where)) {
		fmt.Fprintf(&b, "\n%6d %s", y.where[w], w)
	}
	return b.String()
}

// A machine has a disk, and a store on it that starts again and again.
type machine struct {
	*tally
	t     *testing.T
	red   bool // what it finds is what the test wants: it is counted only
	seed  uint64
	rand  *rand.Rand
	dir   string
	disk  *disk
	place func(b *boot) // what is different
	steps int           // of a whole life after its start

	mu   sync.Mutex
	next int64
	sent map[int64]bool // passages, and whether they were acknowledged
}

func newMachine(t *testing.T, y *tally, seed uint64) *machine {
	return &machine{
		tally: y, t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), disk: newDisk(rand.New(rand.NewPCG(seed, 2))),
		steps: 200, sent: map[int64]bool{},
	}
}

func (m *machine) fault(count *int, format string, args ...any) {
	m.add(func() { *count++ })
	if !m.red {
		m.t.Errorf("seed %d: "+format, append([]any{m.seed}, args...)...)
	}
}

// A plan is when the power goes in a life.
type plan struct{ opening, working, closing int }

func (m *machine) plan() plan {
	p := plan{-1, -1, -1}
	switch m.rand.IntN(8) {
	case 0:
		p.opening = m.rand.IntN(12)
	case 1:
		p.closing = m.rand.IntN(12)
	default:
		p.working = m.rand.IntN(m.steps + m.steps/8)
	}
	return p
}

// live runs the store once, until the power goes, a sync fails or it is closed.
func (m *machine) live() {
	b := m.disk.boot(m.dir)
	defer b.end()
	if m.place != nil {
		m.place(b)
	}
	p := m.plan()
	stage, whole := m.run(b, p)
	b.end()

	b.mu.Lock()
	last, failed, powercut := b.last, b.failed, m.rand.IntN(4) > 0
	if powercut {
		m.disk.cut()
	}
	b.mu.Unlock()
	m.add(func() {
		m.faults += failed
		switch {
		case !powercut:
		case last == "":
			m.ends++
		default:
			m.cuts++
			m.where[stage+": "+last]++
		}
	})
	if whole && last == "" && failed == 0 {
		m.steps = b.steps
	}
}

func (m *machine) run(b *boot, p plan) (stage string, whole bool) {
	fatal := make(chan error, 1)
	b.arm(p.opening)
	s, err := Open(context.Background(), Options{DataDir: m.dir, logFull: 16 * pageSize, driver: b.driver(), Fatal: func(err error) {
		fatal <- err
		b.halt()
	}})
	if err == nil {
		defer s.Close()
		err = teachEntries(s)
	}
	if err == nil {
		err = m.verify(s)
	}
	if err != nil {
		if !b.excused() {
			m.fault(&m.broken, "open: %v", err)
		}
		return "opening", false
	}
	b.arm(p.working)
	m.work(s, b)
	if b.gone() {
		return "working", false
	}
	if p.closing >= 0 {
		b.arm(p.closing)
	}
	err = s.Close()
	select {
	case err = <-fatal:
	default:
	}
	if err != nil && !b.excused() {
		m.fault(&m.broken, "close: %v", err)
	}
	return "closing", err == nil
}

func (b *boot) gone() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// excused tells whether errors are to be expected.
func (b *boot) excused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last != "" || b.failed > 0
}

// verify compares what is stored with what was acknowledged.
func (m *machine) verify(s *Store) error {
	ctx := context.Background()
	stored := map[int64]bool{}
	err := s.db.Query(ctx, func(scan scanner) error {
		var n int64
		var body string
		err := scan(&n, &body)
		if stored[n] = true; err == nil && body != text(n) {
			m.fault(&m.broken, "%d has another's text", n)
		}
		return err
	}, `SELECT n, text FROM entry`)
	if err != nil {
		return err
	}
	var verdict string
	if err := s.db.QueryRow(ctx, []any{&verdict}, `PRAGMA integrity_check(1)`); err != nil {
		return err
	}
	if verdict != "ok" {
		m.fault(&m.broken, "%s", verdict)
	}
	for n, acked := range m.sent {
		if acked && !stored[2*n] {
			m.fault(&m.lost, "passage %d was acknowledged and is lost", n)
		}
		if stored[2*n] != stored[2*n+1] {
			m.fault(&m.half, "half of passage %d is there", n)
		}
		if !stored[2*n] {
			delete(m.sent, n) // it is not counted twice
		}
		delete(stored, 2*n)
		delete(stored, 2*n+1)
	}
	for n := range stored {
		m.fault(&m.broken, "%d was never sent", n)
	}
	return nil
}

// text is what an entry says.
func text(n int64) string {
	r := rand.New(rand.NewPCG(uint64(n), 3))
	return strings.Repeat(fmt.Sprintf("%d ", r.Uint64()), r.IntN(100))
}

const senders = 4

// work sends for a while.
func (m *machine) work(s *Store, b *boot) {
	var all sync.WaitGroup
	for range senders {
		count, rest := 4+m.rand.IntN(10), m.rand.IntN(20)
		all.Go(func() {
			for i := range count {
				if i == rest {
					m.idle(s)
				}
				if m.send(s, b) != nil {
					return
				}
			}
		})
	}
	all.Wait()
}

// send commits a passage of two.
func (m *machine) send(s *Store, b *boot) error {
	m.mu.Lock()
	m.next++
	n := m.next
	m.sent[n] = false
	m.mu.Unlock()
	done := make(chan error, 1)
	s.Commit([]server.Write{&entry{n: 2 * n, text: text(2 * n)}, &entry{n: 2*n + 1, text: text(2*n + 1)}}, func(err error) {
		if err == nil {
			m.ack(n, b)
		}
		done <- err
	})
	return <-done
}

func (m *machine) ack(n int64, b *boot) {
	m.mu.Lock()
	m.sent[n] = true
	m.mu.Unlock()
	m.add(func() { m.acked++ })
	b.mu.Lock()
	failed := b.failed
	b.mu.Unlock()
	if failed > 0 {
		m.fault(&m.broken, "passage %d was acknowledged after a sync had failed", n)
	}
}

// idle has the writer do what it does when nothing came for a while.
func (m *machine) idle(s *Store) {
	done := make(chan struct{})
	s.Commit(nil, func(err error) {
		if err == nil {
			s.writer.tend(true)
		}
		close(done)
	})
	<-done
}

const livesOfMachine = 30

// machines runs some until the power has gone so often at work.
func machines(t *testing.T, seed uint64, cuts int, set func(*machine)) *tally {
	t.Helper()
	y := &tally{where: map[string]int{}}
	start := time.Now()
	done := func() bool {
		y.mu.Lock()
		defer y.mu.Unlock()
		return y.cuts >= cuts
	}
	var all sync.WaitGroup
	for i := range uint64(2) {
		all.Go(func() {
			for at := seed + i; !done(); at += 2 {
				m := newMachine(t, y, at)
				set(m)
				for range livesOfMachine {
					m.live()
				}
			}
		})
	}
	all.Wait()
	t.Logf("%.1f s: %v", time.Since(start).Seconds(), y)
	return y
}

// Whenever the power goes, what was acknowledged is there.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	machines(t, 1, 1000, func(*machine) {})
}

// The same test finds a store that does not wait for the disk.
func TestPowerCutRed(t *testing.T) {
	t.Parallel()
	machines(t, 1, 200, func(m *machine) {
		m.red = true
		m.place = func(b *boot) { b.edited = func(dsn string) string { return strings.Replace(dsn, "FULL", "NORMAL", 1) } }
	})
}
