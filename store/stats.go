package store

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats are figures since the start.
type Stats struct {
	Commits Histogram // how long transactions took, in seconds
	Batches Histogram // how many passages a transaction carried
	Refused uint64    // passages that were not written, for whatever reason
	Waiting int       // passages that wait now
	Away    bool      // the database can't be used now
}

// A Histogram counts values: Counts[i] are those up to Bounds[i], and above Bounds[i-1]; the last count has no bound.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Sum    float64
}

// Stats gives the figures.
func (s *Store) Stats() Stats {
	w := s.writer
	w.mu.Lock()
	waiting := len(w.waiting)
	w.mu.Unlock()
	return Stats{
		Commits: w.stats.commits.histogram(1e-6),
		Batches: w.stats.batches.histogram(1),
		Refused: w.stats.refused.Load(),
		Waiting: waiting,
		Away:    w.stats.away.Load(),
	}
}

type stats struct {
	commits powers // microseconds
	batches powers // passages
	refused atomic.Uint64
	away    atomic.Bool
}

func (s *stats) commit(passages int, took time.Duration) {
	s.commits.add(uint64(took.Microseconds()))
	s.batches.add(uint64(passages))
}

// Powers is a histogram whose bounds are the powers of two, 1 to 2^24 (16 s in microseconds).
type powers struct {
	counts [26]atomic.Uint64
	sum    atomic.Uint64
}

func (p *powers) add(v uint64) {
	i := 0
	if v > 1 {
		i = min(bits.Len64(v-1), len(p.counts)-1)
	}
	p.counts[i].Add(1)
	p.sum.Add(v)
}

func (p *powers) histogram(unit float64) Histogram {
	h := Histogram{Bounds: make([]float64, len(p.counts)-1), Counts: make([]uint64, len(p.counts)), Sum: float64(p.sum.Load()) * unit}
	for i := range p.counts {
		h.Counts[i] = p.counts[i].Load()
	}
	for i := range h.Bounds {
		h.Bounds[i] = float64(uint64(1)<<i) * unit
	}
	return h
}
