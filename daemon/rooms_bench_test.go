package daemon_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"palabre/muc"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// BenchmarkStartWithRooms is a restart, from the signal to the moment at which clients are served again, with rooms that sleep; bytes/room is what the process holds
// for one.
func BenchmarkStartWithRooms(b *testing.B) {
	for _, rooms := range []int{0, 100_000} {
		b.Run(fmt.Sprint(rooms), func(b *testing.B) {
			s := servertest.Start(b)
			s.Restart(b)
			before := held()
			fill(b, s, rooms)
			for b.Loop() {
				s.Restart(b)
			}
			if rooms > 0 {
				b.ReportMetric(float64(held()-before)/float64(rooms), "bytes/room")
			}
		})
	}
}

// fill stores rooms of three members each.
func fill(b *testing.B, s *servertest.Server, rooms int) {
	b.Helper()
	config, _ := muc.NewConfig("group")
	const portion = 1000
	for first := 0; first < rooms; first += portion {
		var writes []server.Write
		for i := first; i < first+portion; i++ {
			room := xmpp.MustParseJID(fmt.Sprintf("r%06d@conference.%s", i, servertest.Domain))
			writes = append(writes, &muc.Save{Room: room, New: true, Config: config, Created: time.Now()})
			for n := range 3 {
				writes = append(writes, &muc.Affiliate{Room: room, Account: xmpp.MustParseJID(fmt.Sprintf("u%d@%s", (i+n)%5000, servertest.Domain)), Affiliation: muc.Member})
			}
		}
		if err := s.Host.Append(context.Background(), writes...); err != nil {
			b.Fatal(err)
		}
	}
}

func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
