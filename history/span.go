package history

import (
	"cmp"
	"math"
	"slices"
)

// A Span is a part of an archive: what lies behind Since and before Until.
type Span struct {
	Since int64
	Until int64 // 0: it goes on
}

// whole is an archive that may be seen as a whole.
var whole = []Span{{0, math.MaxInt64}}

// ordered brings spans into their order, without those that hold nothing, and makes one of those that meet. All have an end then.
func ordered(spans []Span) []Span {
	out := make([]Span, 0, len(spans))
	for _, s := range spans {
		if s.Until == 0 {
			s.Until = math.MaxInt64
		}
		if s.Since < s.Until-1 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Span) int { return cmp.Compare(a.Since, b.Since) })
	n := 0
	for _, s := range out {
		if n > 0 && s.Since < out[n-1].Until {
			out[n-1].Until = max(out[n-1].Until, s.Until)
			continue
		}
		out[n] = s
		n++
	}
	return out[:n]
}

// holds tells whether an id lies within ordered spans.
func holds(spans []Span, id int64) bool {
	i, _ := slices.BinarySearchFunc(spans, id, func(s Span, id int64) int { return cmp.Compare(s.Until, id+1) }) // the first that ends behind it
	return i < len(spans) && spans[i].Since < id
}

// in narrows a Query down to a span; ok is false if nothing is left.
func (q Query) in(s Span) (narrow Query, ok bool) {
	q.After = max(q.After, s.Since)
	if q.Before == 0 || s.Until < q.Before {
		q.Before = s.Until
	}
	return q, q.After < q.Before-1
}
