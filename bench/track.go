package bench

import "fmt"

// A Verdict tells how a number that arrived stands to those before it.
type Verdict uint8

// The verdicts. Late means that it came after one with a higher number; Unknown, that it had not been sent.
const (
	InOrder Verdict = iota
	Late
	Duplicate
	Unknown
)

// New tells whether this is the first arrival of something that had been sent.
func (v Verdict) New() bool { return v == InOrder || v == Late }

// A Track follows what one sender sends to one receiver, numbered 0, 1, 2 and so on: each number must arrive exactly
// once, in order. The zero Track has seen nothing. The caller guards it.
type Track struct {
	next uint64 // one past the highest that has arrived
	gaps []span // what is missing below next, ascending
	Faults
}

type span struct{ from, to uint64 } // from is in it, to is not

// Faults counts what went wrong.
type Faults struct {
	Lost       uint64 `json:"lost"`
	Duplicated uint64 `json:"duplicated"`
	Reordered  uint64 `json:"reordered"`
	Unknown    uint64 `json:"unknown"`
}

// Any tells whether something went wrong.
func (f Faults) Any() bool { return f != Faults{} }

// Add gives the sum of two counts.
func (f Faults) Add(g Faults) Faults {
	return Faults{f.Lost + g.Lost, f.Duplicated + g.Duplicated, f.Reordered + g.Reordered, f.Unknown + g.Unknown}
}

func (f Faults) String() string {
	return fmt.Sprintf("%d lost, %d duplicated, %d out of order, %d that were never sent", f.Lost, f.Duplicated, f.Reordered, f.Unknown)
}

// Arrived notes that n arrived, when sent numbers had been sent.
func (t *Track) Arrived(n, sent uint64) Verdict {
	switch {
	case n >= sent:
		t.Unknown++
		return Unknown
	case n == t.next:
		t.next++
		return InOrder
	case n > t.next:
		t.gaps = append(t.gaps, span{t.next, n})
		t.next = n + 1
		return InOrder
	case t.fill(n):
		t.Reordered++
		return Late
	}
	t.Duplicated++
	return Duplicate
}

// fill takes n out of the gaps; false if it is in none.
func (t *Track) fill(n uint64) bool {
	for i, g := range t.gaps {
		if n < g.from || n >= g.to {
			continue
		}
		var left []span
		if g.from < n {
			left = append(left, span{g.from, n})
		}
		if n+1 < g.to {
			left = append(left, span{n + 1, g.to})
		}
		t.gaps = append(t.gaps[:i:i], append(left, t.gaps[i+1:]...)...)
		return true
	}
	return false
}

// Close gives the faults of the track, once nothing can arrive any more of the numbers below sent.
func (t *Track) Close(sent uint64) Faults {
	f := t.Faults
	f.Lost = sent - min(t.next, sent)
	for _, g := range t.gaps {
		f.Lost += g.to - g.from
	}
	return f
}
