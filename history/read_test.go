package history_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"palabre/history"
	"palabre/xmpp"
)

// Reading gives all that lies within the spans, in more than one go to the database, and nothing else.
func TestRead(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	all, ids, _ := h.fill(t, 200)
	reversed := func(in []int64) []int64 {
		out := slices.Clone(in)
		slices.Reverse(out)
		return out
	}
	whole := []history.Span{{}}
	for _, c := range []struct {
		name string
		ask  history.Reading
		want []int64
	}{
		{"all", history.Reading{Within: whole}, ids},
		{"backwards", history.Reading{Within: whole, Backwards: true}, reversed(ids)},
		{"nothing", history.Reading{}, nil},
		{"two spans", history.Reading{Within: []history.Span{{Since: ids[99]}, {Since: ids[2], Until: ids[5]}}}, append(slices.Clone(ids[3:5]), ids[100:]...)},
		{"two spans, backwards", history.Reading{Within: []history.Span{{Since: ids[99]}, {Since: ids[2], Until: ids[5]}}, Backwards: true}, append(reversed(ids[100:]), ids[4], ids[3])},
		{"up to one", history.Reading{Within: whole, Before: ids[7]}, ids[:7]},
		{"since another's time", history.Reading{Within: whole, Since: history.TimeOf(ids[199]).AddDate(0, 0, 1)}, nil},
		{"until before", history.Reading{Within: whole, Until: history.TimeOf(ids[0]).AddDate(0, 0, -1)}, nil},
		{"by id", history.Reading{Within: whole, IDs: []int64{ids[9], ids[3], ids[3]}}, []int64{ids[3], ids[9]}},
		{"by id, up to one", history.Reading{Within: whole, IDs: []int64{ids[9], ids[3]}, Before: ids[9]}, ids[3:4]},
		{"by id, out of sight", history.Reading{Within: []history.Span{{Until: ids[9]}}, IDs: []int64{ids[9], ids[3]}}, ids[3:4]},
		{"many by id", history.Reading{Within: whole, IDs: ids[10:150]}, ids[10:150]},
		{"none by id", history.Reading{Within: whole, IDs: []int64{}}, nil},
	} {
		var got []int64
		c.ask.Archive = garden
		err := h.past.Read(t.Context(), c.ask, func(r history.RoomRow) error {
			got = append(got, r.ID)
			if at := slices.Index(ids, r.ID); at < 0 || r.Sender != all[at].with || r.Stanza.From != all[at].nick || strings.Contains(r.Stanza.Inner, "muc#user") {
				t.Errorf("%s: %+v", c.name, r)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %d, not %d: %v", c.name, got, c.want, err)
		}
	}
	enough, n := errors.New("enough"), 0
	err := h.past.Read(t.Context(), history.Reading{Archive: garden, Within: whole}, func(history.RoomRow) error {
		if n++; n == 70 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 70 {
		t.Errorf("%d: %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.past.Read(ctx, history.Reading{Archive: garden, Within: whole}, func(history.RoomRow) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// In an account's archive, rows tell which of the two has sent them.
func TestReadConversation(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	juliet := xmpp.MustParseJID("juliet@example.org")
	d, other := h.enter(t, "juliet@example.org/balcony"), h.enter(t, "romeo@example.org/laptop")
	d.send("<message to='romeo@example.org' type='chat' id='1'><body>1</body></message>")
	d.query("")
	other.send("<message to='juliet@example.org' type='chat' id='2'><body>2</body></message>")
	other.send("<message to='juliet@example.org' type='chat' id='3'><body>3</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>")
	other.query("")
	d.send("<message to='nurse@example.org' type='chat' id='4'><body>4</body></message>")
	d.query("")
	var got []string
	err := h.past.Read(t.Context(), history.Reading{Archive: juliet, With: xmpp.MustParseJID("romeo@example.org"), Within: []history.Span{{}}}, func(r history.RoomRow) error {
		got = append(got, r.Stanza.ID+" "+r.Sender.String())
		return nil
	})
	if want := []string{"1 juliet@example.org", "2 romeo@example.org"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q: %v", got, err)
	}
}
