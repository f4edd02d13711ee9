package server

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	var b Bucket
	p, now := Pace{Burst: 3, Each: time.Second}, time.Unix(1000, 0)
	for _, c := range []struct {
		after time.Duration
		n     int
		want  bool
	}{
		{0, 4, false}, {0, 2, true}, {0, 2, false}, {0, 1, true}, {0, 1, false},
		{999 * time.Millisecond, 1, false}, {time.Millisecond, 1, true}, {0, 1, false},
		{-time.Hour, 1, false}, // a clock that was set back gives nothing
		{2 * time.Hour, 4, false}, {0, 3, true}, {0, 1, false},
	} {
		now = now.Add(c.after)
		if got := b.Take(now, c.n, p); got != c.want {
			t.Errorf("%d at %v: %v", c.n, now.Unix(), got)
		}
	}
}
