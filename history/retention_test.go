package history

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"palabre/server"
)

// rows are those of one domain that a database would hold: how many there are of each age.
type rows struct {
	mu    sync.Mutex
	left  []time.Time
	calls []string
	err   error
}

func (x *rows) Expire(_ context.Context, domain string, before int64, limit int) (n int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return 0, x.err
	}
	for len(x.left) > 0 && n < limit && FirstAt(x.left[0]) < before {
		x.left = x.left[1:]
		n++
	}
	x.calls = append(x.calls, fmt.Sprint(domain, " ", n))
	return n, nil
}

func TestRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		x := &rows{}
		for range 3*sweepBite - 1 {
			x.left = append(x.left, start.Add(-25*time.Hour))
		}
		x.left = append(x.left, start.Add(-24*time.Hour), start.Add(-22*time.Hour-30*time.Minute))
		var log strings.Builder
		r := Retention{
			Store: x, Keep: map[string]time.Duration{"example.org": 24 * time.Hour}, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil)),
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.Run(ctx)
		}()
		expect := func(left int, calls string) {
			t.Helper()
			synctest.Wait()
			x.mu.Lock()
			defer x.mu.Unlock()
			if got := strings.Join(x.calls, ", "); len(x.left) != left || got != calls {
				t.Errorf("after %v: %d are left, done: %s", time.Since(start), len(x.left), got)
			}
			x.calls = nil
		}
		expect(sweepBite*2+1, "example.org 500") // others go first
		time.Sleep(time.Second)
		expect(2, "example.org 500, example.org 499") // what is as old as that is kept
		time.Sleep(time.Hour)
		expect(1, "example.org 1")
		fails := func(err error) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.err = err
		}
		fails(fmt.Errorf("test: %w", server.ErrAway))
		time.Sleep(time.Hour)
		expect(1, "")
		if log.Len() > 0 {
			t.Errorf("a database that is away has been told already: %s", log.String())
		}
		fails(fmt.Errorf("test: broken"))
		time.Sleep(time.Hour)
		expect(1, "")
		if !strings.Contains(log.String(), "test: broken") {
			t.Errorf("the log says %q", log.String())
		}
		fails(nil)
		time.Sleep(time.Hour)
		expect(0, "example.org 1")
		cancel()
		<-ended
	})
}
