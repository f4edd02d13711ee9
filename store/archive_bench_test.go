package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"palabre/history"
	"palabre/server"
	"palabre/xmpp"
)

// engines are the databases that benchmarks run on.
var engines = map[string]func(testing.TB) place{"sqlite": sqlitePlace, "postgres": postgresPlace}

// BenchmarkAppend puts messages of about 430 bytes into both archives of 10,000 accounts, 400 in flight.
func BenchmarkAppend(b *testing.B) {
	for name, at := range engines {
		b.Run(name, func(b *testing.B) {
			s := at(b).open(b)
			crowd := newCrowd(10_000)
			crowd.append(b, s, 10_000) // everybody has a number
			before := usage(b, s)
			b.ResetTimer()
			crowd.append(b, s, b.N)
			b.StopTimer()
			usage(b, s).since(before).report(b)
		})
	}
}

// BenchmarkLast50 reads the last 50 of 10,000, as a client does that has been away.
func BenchmarkLast50(b *testing.B) {
	for name, at := range engines {
		b.Run(name, func(b *testing.B) {
			s := at(b).open(b)
			crowd := newCrowd(10)
			crowd.append(b, s, 50_000)
			before := usage(b, s)
			b.ResetTimer()
			for i := range b.N {
				rows, err := s.Rows(b.Context(), history.Query{Owner: crowd.jids[i%10], Limit: 50, Backwards: true})
				if err != nil || len(rows) != 50 {
					b.Fatal(len(rows), err)
				}
			}
			b.StopTimer()
			usage(b, s).since(before).report(b)
		})
	}
}

// A crowd chats.
type crowd struct {
	jids   []xmpp.JID
	random *rand.Rand
	digest int64
}

func newCrowd(n int) *crowd {
	c := &crowd{jids: make([]xmpp.JID, n), random: rand.New(rand.NewPCG(1, 2))}
	for i := range c.jids {
		c.jids[i] = xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", i))
	}
	return c
}

const benchText = "The quick brown fox jumps over the lazy dog, and then it does it again and again, until the dog has had enough of it and goes away. "

func (c *crowd) message() *history.Append {
	c.digest++
	a := line(c.jids[c.random.IntN(len(c.jids))], c.jids[c.random.IntN(len(c.jids))], benchText+benchText)
	a.Digest, a.Stream = c.digest*0x9E3779B97F4A7C1, c.digest%400+1
	return a
}

// append has n messages appended, 400 in flight.
func (c *crowd) append(b testing.TB, s *Store, n int) {
	const inFlight = 400
	errs := make(chan error, inFlight)
	for range inFlight {
		errs <- nil
	}
	done := func(err error) { errs <- err }
	for range n {
		must(b, <-errs)
		s.Commit([]server.Write{c.message()}, done)
	}
	for range inFlight {
		must(b, <-errs)
	}
}

// A used is the time of processors that has been used: ours, and that of the database's processes.
type used struct{ own, theirs time.Duration }

func (u used) since(v used) used { return used{u.own - v.own, u.theirs - v.theirs} }

func (u used) report(b *testing.B) {
	b.ReportMetric(float64(u.own.Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(u.theirs.Microseconds())/float64(b.N), "db-cpu-us/op")
}

func usage(b testing.TB, s *Store) used {
	b.Helper()
	u := used{own: cpuTime()}
	if _, is := s.engine.(*postgresDB); !is {
		return u
	}
	var pid int
	must(b, s.db.QueryRow(context.Background(), []any{&pid}, `SELECT pg_backend_pid()`))
	stat, ok := readStat(fmt.Sprint("/proc/", pid))
	if !ok {
		return u // it is on another machine
	}
	postmaster := stat.parent
	all, err := filepath.Glob("/proc/[0-9]*")
	must(b, err)
	for _, dir := range all {
		switch stat, ok := readStat(dir); {
		case !ok:
		case stat.parent == postmaster:
			u.theirs += stat.used
		case dir == fmt.Sprint("/proc/", postmaster):
			u.theirs += stat.used + stat.children
		}
	}
	return u
}

type procStat struct {
	parent         int
	used, children time.Duration
}

// readStat reads what proc(5) tells of a process.
func readStat(dir string) (s procStat, ok bool) {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return s, false
	}
	_, after, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(after)
	if len(f) < 15 {
		return s, false
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(f[i])
		return n
	}
	const tick = 10 * time.Millisecond
	return procStat{number(1), time.Duration(number(11)+number(12)) * tick, time.Duration(number(13)+number(14)) * tick}, true
}
