package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A Histogram counts durations in buckets of which none is wider than 1/32 of its lower edge, so that a quantile is
// right to about 3 %. It may be added to from many goroutines. The zero Histogram is empty.
type Histogram struct {
	count   atomic.Uint64
	buckets [buckets]atomic.Uint64
}

// Durations below 64 ns have buckets of their own; from there on each doubling has 32.
const (
	subBits = 5
	sub     = 1 << subBits
	buckets = (64 - subBits + 1) * sub
)

// Add counts d; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucket(uint64(max(d, 0)))].Add(1)
	h.count.Add(1)
}

// Count is how many durations were added.
func (h *Histogram) Count() uint64 { return h.count.Load() }

// Quantile is the duration which a share of q, from 0 to 1, does not exceed; 0 if the histogram is empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.count.Load()
	if n == 0 {
		return 0
	}
	rank := uint64(q * float64(n-1))
	var seen uint64
	last := 0
	for i := range h.buckets {
		c := h.buckets[i].Load()
		if c == 0 {
			continue
		}
		last = i
		if seen += c; seen > rank {
			break
		}
	}
	return time.Duration(lowest(last))
}

// bucket is the place of v: its highest bit and the five below it.
func bucket(v uint64) int {
	if v < 2*sub {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// lowest is the smallest value that is in bucket i.
func lowest(i int) uint64 {
	if i < 2*sub {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return uint64(i-shift<<subBits) << shift
}
