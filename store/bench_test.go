package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"palabre/server"
)

// BenchmarkCommit appends rows of 430 bytes, each acknowledged when it is durable, by so many who each wait for theirs.
// cpu-us/op is the process's own; PostgreSQL's comes on top.
func BenchmarkCommit(b *testing.B) {
	for _, producers := range []int{1, 64, 512} {
		for name, at := range map[string]func(testing.TB) place{"sqlite": sqlitePlace, "postgres": postgresPlace} {
			b.Run(fmt.Sprintf("%s/%d", name, producers), func(b *testing.B) {
				s := at(b).open(b)
				allowEntries(b, s)
				text := fmt.Sprintf("%0430d", 1)
				var next atomic.Int64
				var all sync.WaitGroup
				cpu := cpuTime()
				b.ResetTimer()
				for range producers {
					all.Go(func() {
						done := make(chan error, 1)
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							s.Commit([]server.Write{&entry{n, text}}, func(err error) { done <- err })
							if err := <-done; err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
			})
		}
	}
}

// BenchmarkImport makes accounts in the batches that an import makes them in.
func BenchmarkImport(b *testing.B) {
	for name, at := range map[string]func(testing.TB) place{"sqlite": sqlitePlace, "postgres": postgresPlace} {
		b.Run(name, func(b *testing.B) {
			s := at(b).open(b)
			b.ResetTimer()
			for i := 0; i < b.N; i += 256 {
				if _, err := s.CreateMany(b.Context(), manyAccounts(i, min(256, b.N-i))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
