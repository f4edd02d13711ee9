package server

import (
	"fmt"
	"testing"
	"time"

	"palabre/xmpp"
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

// Each account has its own bucket, and those that are full again are forgotten.
func TestMeter(t *testing.T) {
	t.Parallel()
	var m Meter
	p, now := Pace{Burst: 2, Each: time.Minute}, time.Unix(1000, 0)
	romeo, juliet := xmpp.MustParseJID("romeo@example.org"), xmpp.MustParseJID("juliet@example.org")
	if !m.Take(now, romeo, 2, p) || m.Take(now, romeo, 1, p) || !m.Take(now, juliet, 1, p) {
		t.Error("one account's counts for another")
	}
	for i := range 10_000 {
		now = now.Add(time.Second)
		if !m.Take(now, xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i)), 1, p) {
			t.Fatal(i)
		}
		if i == 58 && m.Take(now, romeo, 1, p) {
			t.Error("romeo was forgotten before his bucket was full")
		}
	}
	if n := len(m.buckets); n > 2*fewBuckets {
		t.Errorf("%d buckets are kept", n)
	}
}
