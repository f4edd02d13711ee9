package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name string
		next func() time.Duration
	}{
		{"nanoseconds", func() time.Duration { return time.Duration(rnd.IntN(200)) }},
		{"even", func() time.Duration { return time.Duration(rnd.IntN(1e9)) }},
		{"long tail", func() time.Duration { return time.Duration(rnd.ExpFloat64() * rnd.ExpFloat64() * 1e7) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h Histogram
			var all []time.Duration
			for range 20_000 {
				d := c.next()
				all = append(all, d)
				h.Add(d)
			}
			slices.Sort(all)
			for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
				want := all[int(q*float64(len(all)-1))]
				got := h.Quantile(q)
				if got > want || float64(got) < float64(want)*(1-1.0/sub) {
					t.Errorf("quantile %v is %v, want at most 1/32 below %v", q, got, want)
				}
			}
			if h.Count() != uint64(len(all)) {
				t.Errorf("counted %d of %d", h.Count(), len(all))
			}
		})
	}
}

func TestQuantileOfLittle(t *testing.T) {
	t.Parallel()
	var h Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	h.Add(-time.Second)
	if got := h.Quantile(0.99); got != 0 || h.Count() != 1 {
		t.Errorf("a negative duration gives %v, count %d", got, h.Count())
	}
}

// Every value is in a bucket whose lower edge is not above it, and buckets do not overlap.
func TestBucketEdges(t *testing.T) {
	t.Parallel()
	for i := range buckets - 1 {
		if lowest(i) >= lowest(i+1) {
			t.Fatalf("bucket %d begins at %d, the next one at %d", i, lowest(i), lowest(i+1))
		}
		if bucket(lowest(i)) != i || bucket(lowest(i+1)-1) != i {
			t.Fatalf("edges %d and %d are in buckets %d and %d, not in %d",
				lowest(i), lowest(i+1)-1, bucket(lowest(i)), bucket(lowest(i+1)-1), i)
		}
	}
	if b := bucket(1<<64 - 1); b != buckets-1 {
		t.Errorf("the largest value is in bucket %d of %d", b, buckets)
	}
}
