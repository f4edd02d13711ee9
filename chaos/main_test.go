package chaos

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"palabre/store/storetest"
)

// What "make chaos" sets; the defaults are for "make test".
var (
	long      = flag.Bool("long", false, "hold the server to the times that are promised: the machine does nothing else")
	seed      = flag.Uint64("seed", 0, "of the plan and of what clients do; 0: one is drawn")
	only      = flag.String("engine", "", "sqlite or postgres; empty: both")
	steps     = flag.Int("steps", 7, "mishaps in TestMixed")
	kills     = flag.Int("kills", 5, "kills in TestKills and TestMail, on each engine")
	mean      = flag.Int("acks", 300, "acknowledgements from one mishap to the next, on average")
	senders   = flag.Int("senders", 16, "clients that send")
	outage    = flag.Duration("outage", 4*time.Second, "how long PostgreSQL is stopped in TestOutage")
	sessions  = flag.Int("sessions", 40, "sessions with unread messages in TestRestart")
	wire      = flag.String("wire", "", "an empty folder, for all that each client sends and gets, the server's log and its data")
	occupants = flag.Int("occupants", 60, "of the room of TestRoomsDeaf")
	messages  = flag.Int("messages", 2000, "messages that the reader of TestPaging must see")
)

// A command is built when the first test needs it.
type command struct {
	pkg  string
	race bool // with the race detector
	once sync.Once
	name string
	err  error
}

var (
	programs string // the folder of what was built
	palabre  = &command{pkg: "palabre/cmd/palabre", race: raceDetector}
	lying    = &command{pkg: "palabre/chaos/lying"} // what it does is a race
)

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if programs, err = os.MkdirTemp("", "palabre-chaos-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	_ = os.RemoveAll(programs)
	os.Exit(status)
}

func (b *command) built(t *testing.T) string {
	t.Helper()
	b.once.Do(func() { b.name, b.err = Build(context.WithoutCancel(t.Context()), b.pkg, programs, b.race) })
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.name
}

// drawn is the seed of a test. It is in the log, so that a run can be made again.
func drawn(t *testing.T) uint64 {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(rand.Uint32())
	}
	t.Logf("seed %d; to run it again: go test ./chaos -count=1 -run '^%s$' -seed=%d", s, t.Name(), s)
	return s
}

// eachEngine runs a test with the database on SQLite and on a PostgreSQL of its own.
func eachEngine(t *testing.T, test func(t *testing.T, db *storetest.Cluster)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) *storetest.Cluster{
		"sqlite":   func(*testing.T) *storetest.Cluster { return nil },
		"postgres": func(t *testing.T) *storetest.Cluster { return storetest.NewCluster(t) },
	} {
		if *only != "" && *only != name {
			continue
		}
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// A stage is what a test plays on.
type stage struct {
	program  *command // palabre if nil
	args     []string // of the program
	seed     uint64
	database *storetest.Cluster
	disk     *Disk
	accounts int
	rooms    int // 0: clients write to each other
	form     string
	filler   int
	habit    func(account int, rng *rand.Rand) Habit
	to       func(account int, rng *rand.Rand) (int, bool)
}

// set makes a server and its clients. They are logged in when it returns, and send nothing yet.
func (g stage) set(t *testing.T) *Scene {
	t.Helper()
	users, err := Users(g.accounts)
	must(t, err)
	place := Place{Dir: t.TempDir()}
	if *wire != "" {
		place.Dir = filepath.Join(*wire, strings.ReplaceAll(t.Name(), "/", "-"))
		must(t, os.MkdirAll(place.Dir, 0o700))
	}
	if g.database != nil {
		place.Database = g.database.URL()
	}
	if g.disk != nil {
		place.Data = g.disk.Dir + "/data"
	}
	server, err := NewServer(t.Context(), palabre.built(t), place, users)
	must(t, err)
	if g.program != nil {
		server.Program = append([]string{g.program.built(t)}, g.args...)
	}
	must(t, server.Start())
	t.Cleanup(func() { _ = server.Kill() })
	if g.habit == nil {
		g.habit = various
	}
	if g.to == nil {
		g.to = anybody(g.accounts)
	}
	options := Options{Seed: g.seed, Server: server, Users: users, Habit: g.habit, To: g.to, Rooms: g.rooms, Form: g.form, Filler: g.filler}
	if *wire != "" {
		options.Trace = traces(t, place.Dir)
	}
	run := NewRun(context.WithoutCancel(t.Context()), options)
	t.Cleanup(run.Stop)
	must(t, run.Fence(limit(t, time.Minute+time.Duration(g.accounts)*eachTime)))
	return &Scene{Run: run, Server: server, Database: g.database, Disk: g.disk, Patience: time.Minute, Log: t.Logf}
}

// traces makes a file for each client.
func traces(t *testing.T, dir string) func(account int) io.Writer {
	t.Helper()
	return func(account int) io.Writer {
		f, err := os.Create(filepath.Join(dir, Name(account)))
		must(t, err)
		t.Cleanup(func() { must(t, f.Close()) })
		return f
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// limit is the test's context, for so long.
func limit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// within checks a time that is promised. In the short run, on a machine that does much else, it may be longer.
func within(t *testing.T, what string, got, promised time.Duration) {
	t.Helper()
	if !*long {
		promised *= 10
	}
	if got > promised {
		t.Errorf("%s took %v, and not %v at most", what, got, promised)
	}
}

// various are all kinds of clients, in turn.
func various(account int, rng *rand.Rand) Habit {
	return Habit{
		Resume: account%2 == 0, Archive: account/2%2 == 0, SameID: account/4%2 == 0,
		Ahead: account/8%2 == 0, Window: 1 + rng.IntN(8), AskEvery: 1 + rng.IntN(8),
		Patience: 3*time.Second + time.Duration(rng.Int64N(int64(10*time.Second))),
		Resource: "chaos",
	}
}

// anybody sends to anybody else, without end.
func anybody(accounts int) func(int, *rand.Rand) (int, bool) {
	return func(account int, rng *rand.Rand) (int, bool) {
		return (account + 1 + rng.IntN(accounts-1)) % accounts, true
	}
}

// settle ends the load: every outcome becomes known.
func settle(t *testing.T, s *Scene) {
	t.Helper()
	must(t, s.Run.Settle(t.Context()))
	t.Logf("%v", s.Run.Figures())
}

// judge kills the server, so that only what is stored counts, starts it again, reads every archive and gives the verdict.
func judge(t *testing.T, s *Scene, more ...Reading) *Verdict {
	t.Helper()
	h := s.Run.Leave()
	t.Logf("sessions: %+v", s.Run.Stats())
	must(t, s.Server.Kill())
	must(t, s.Server.Start())
	must(t, s.Run.Audit(limit(t, 20*time.Minute), h))
	must(t, s.Server.Terminate())
	h.Readings = append(h.Readings, more...)
	v := Check(h)
	t.Log(v)
	if err := s.Server.Trouble(); err != nil {
		t.Error(err)
	}
	return v
}

// green is judge for a server that keeps its word.
func green(t *testing.T, s *Scene, more ...Reading) *Verdict {
	t.Helper()
	v := judge(t, s, more...)
	if !v.OK() {
		t.Errorf("%s: a promise was broken; see above", t.Name())
	}
	return v
}
