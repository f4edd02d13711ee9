package muc

import (
	"reflect"
	"testing"
	"time"

	"palabre/xmpp"
)

func TestClip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		within        []Interval
		after, before int64
		want          []Interval
	}{
		{"everything", []Interval{{}}, 0, 0, []Interval{{}}},
		{"before", []Interval{{}}, 0, 10, []Interval{{0, 10}}},
		{"behind", []Interval{{}}, 5, 0, []Interval{{5, 0}}},
		{"between", []Interval{{2, 7}, {8, 0}}, 5, 10, []Interval{{5, 7}, {8, 10}}},
		{"nothing is between neighbours", []Interval{{2, 7}}, 6, 0, nil},
		{"over already", []Interval{{2, 7}}, 8, 0, nil},
		{"not begun", []Interval{{20, 0}}, 0, 10, nil},
		{"nothing", nil, 0, 0, nil},
	} {
		if got := clip(c.within, c.after, c.before); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

// recently fills a list with messages of these ids, one a second.
func recently(held bool, ids ...int64) *recent {
	l := &recent{}
	for _, id := range ids {
		l.add(past{st: &xmpp.Stanza{}, id: id, at: time.Unix(id, 0)}, held)
	}
	return l
}

func upTo(n int64) (ids []int64) {
	for id := int64(1); id <= n; id++ {
		ids = append(ids, id)
	}
	return ids
}

func TestRecentIsHeld(t *testing.T) {
	t.Parallel()
	free, held := recently(false, upTo(60)...), recently(true, upTo(60)...)
	if len(free.list) != recentMost || free.dropped != 60-recentMost || !free.more {
		t.Errorf("%d are at hand; the last one let go of is %d", len(free.list), free.dropped)
	}
	if len(held.list) != 60 || held.dropped != 0 || held.more {
		t.Errorf("%d are held; the last one let go of is %d", len(held.list), held.dropped)
	}
	if flood := recently(true, upTo(heldMost+7)...); len(flood.list) != heldMost || flood.dropped != 7 {
		t.Errorf("of a flood %d are held; the last one let go of is %d", len(flood.list), flood.dropped)
	}
}

func TestWhatIsReadFromTheArchive(t *testing.T) {
	t.Parallel()
	l := recently(false, upTo(60)...) // 11 to 60 are at hand
	all := []Interval{{}}
	for _, c := range []struct {
		name   string
		within []Interval
		wish   wish
		n      int
		first  int64
	}{
		{"as many as are at hand", all, wish{most: 50}, 0, 0},
		{"more", all, wish{most: 55}, 5, 11},
		{"all that was missed is at hand", all, wish{most: 500, after: 11, least: 20}, 0, 0},
		{"more was missed", all, wish{most: 500, after: 9, least: 20}, 450, 11},
		{"little is at hand that may be seen", []Interval{{0, 15}}, wish{most: 500, after: 12, least: 20}, 496, 11},
		{"since then is at hand", all, wish{most: 500, since: time.Unix(12, 0)}, 0, 0},
		{"since then is not", all, wish{most: 500, since: time.Unix(11, 0)}, 450, 11},
		{"nothing is wanted", all, wish{}, 0, 0},
	} {
		if n, first := l.short(c.within, &c.wish); n != c.n || first != c.first {
			t.Errorf("%s: %d before %d, not %d before %d", c.name, n, first, c.n, c.first)
		}
	}
	if n, _ := recently(false, 1, 2, 3).short(all, &wish{most: 500}); n != 0 {
		t.Errorf("of a room that has all at hand, %d are read", n)
	}
}
