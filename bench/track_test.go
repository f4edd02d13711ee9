package bench

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTrack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		sent   uint64
		arrive []uint64
		want   Faults
	}{
		{"all in order", 4, []uint64{0, 1, 2, 3}, Faults{}},
		{"nothing sent", 0, nil, Faults{}},
		{"nothing arrives", 3, nil, Faults{Lost: 3}},
		{"the first is lost", 3, []uint64{1, 2}, Faults{Lost: 1}},
		{"one in the middle is lost", 4, []uint64{0, 2, 3}, Faults{Lost: 1}},
		{"the last is lost", 3, []uint64{0, 1}, Faults{Lost: 1}},
		{"twice at once", 3, []uint64{0, 1, 1, 2}, Faults{Duplicated: 1}},
		{"twice, much later", 4, []uint64{0, 1, 2, 3, 0}, Faults{Duplicated: 1}},
		{"two change places", 4, []uint64{0, 2, 1, 3}, Faults{Reordered: 1}},
		{"the first comes last", 4, []uint64{1, 2, 3, 0}, Faults{Reordered: 1}},
		{"backwards", 4, []uint64{3, 2, 1, 0}, Faults{Reordered: 3}},
		{"late and then again", 3, []uint64{1, 0, 0, 2}, Faults{Reordered: 1, Duplicated: 1}},
		{"one out of a wide gap", 6, []uint64{5, 2}, Faults{Reordered: 1, Lost: 4}},
		{"never sent", 2, []uint64{0, 7, 1}, Faults{Unknown: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var track Track
			for _, n := range c.arrive {
				track.Arrived(n, c.sent)
			}
			got := track.Close(c.sent)
			if got != c.want || got.Any() != (c.want != Faults{}) {
				t.Errorf("faults: %v; want %v", got, c.want)
			}
		})
	}
}

// Whatever arrives in whatever order, the counts are those of a count that remembers everything.
func TestTrackAgainstMemory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent := uint64(rapid.IntRange(0, 30).Draw(t, "sent"))
		arrive := rapid.SliceOfN(rapid.Uint64Range(0, 33), 0, 60).Draw(t, "arrive")
		var track Track
		var want Faults
		seen := map[uint64]bool{}
		highest := -1
		for _, n := range arrive {
			isNew := track.Arrived(n, sent).New()
			switch {
			case n >= sent:
				want.Unknown++
			case seen[n]:
				want.Duplicated++
			case int(n) < highest:
				want.Reordered++
			}
			if first := n < sent && !seen[n]; first != isNew {
				t.Fatalf("number %d: new is %v", n, isNew)
			}
			if n < sent {
				seen[n] = true
				highest = max(highest, int(n))
			}
		}
		want.Lost = sent - uint64(len(seen))
		if got := track.Close(sent); got != want {
			t.Fatalf("faults: %v; want %v", got, want)
		}
	})
}
