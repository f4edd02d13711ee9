package bench

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

// Everybody has as many contacts, none twice, not themselves, and contact is mutual.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, k int }{{100, 50}, {51, 50}, {4, 3}, {2, 1}, {10, 9}, {7, 2}, {3, 2}} {
		of := make([][]int, c.n)
		for i := range of {
			of[i] = neighbours(i, c.n, c.k)
			set := slices.Compact(slices.Sorted(slices.Values(of[i])))
			if len(set) != c.k || slices.Contains(set, i) {
				t.Errorf("%d of %d has the contacts %v, want %d others", i, c.n, of[i], c.k)
			}
		}
		for i, list := range of {
			for _, j := range list {
				if !slices.Contains(of[j], i) {
					t.Errorf("%d has %d among its contacts, but not the other way round", i, j)
				}
			}
		}
	}
}

func TestUsersNeeded(t *testing.T) {
	t.Parallel()
	c := Config{Contacts: 3}
	for _, x := range []struct {
		s           Scenario
		given, want int
	}{
		{chat{}, 1, 0}, {chat{}, 2, 2}, {chat{}, 101, 100},
		{presence{}, 3, 0}, {presence{}, 4, 4}, {presence{}, 5, 4}, {presence{}, 7, 6},
		{connect{}, 0, 0}, {connect{}, 1, 1}, {churn{}, 0, 0}, {churn{}, 9, 9},
	} {
		n, err := x.s.Users(&c, x.given)
		if n != x.want || (err != nil) != (x.want == 0) {
			t.Errorf("%s with %d users takes %d, %v; want %d", x.s.Name(), x.given, n, err, x.want)
		}
	}
}

func TestTextOf(t *testing.T) {
	t.Parallel()
	message := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat,
		xmpp.New("urn:example", "body", xmpp.Text("another body")),
		xmpp.New(xmpp.NSClient, "body", xmpp.Text("a 1 2 3 ...")))
	if got := textOf(message, "body"); got != "a 1 2 3 ..." {
		t.Errorf("the body is %q", got)
	}
	for name, st := range map[string]*xmpp.Stanza{
		"none":  xmpp.NewStanza(xmpp.Message, xmpp.TypeChat),
		"empty": xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body")),
	} {
		if got := textOf(st, "body"); got != "" {
			t.Errorf("%s: the body is %q", name, got)
		}
	}
}

// What reaches the wrong user, or nobody sent, is found by the check at the end.
func TestTrafficChecksWhoReceives(t *testing.T) {
	t.Parallel()
	r := &Run{ID: "r", epoch: time.Now(), fail: func(err error) { t.Error(err) }, Config: Config{Rate: 1}}
	tr := newTraffic(r, 1)
	meant, other := tr.receiver(), tr.receiver()
	tr.lane(nil, []*receiver{meant}, nil)
	tr.lanes[0].sent.Store(3)
	text := func(n uint64) string { return string(stamp{"r", 0, n, 0}.appendTo(nil, 40)) }
	tr.arrive(meant, text(0))
	tr.arrive(other, text(1))
	tr.arrive(meant, text(2))
	tr.arrive(meant, text(9))
	tr.arrive(meant, "what someone else wrote")
	tr.arrive(meant, "r 99 0 0 ")
	tr.check()
	if want := (Faults{Lost: 1, Unknown: 3}); r.Report.Faults != want {
		t.Errorf("faults: %v; want %v", r.Report.Faults, want)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	users, err := NumberedUsers("u", "example.org", "p", 2)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &Dialer{Address: "127.0.0.1:1"}
	for name, c := range map[string]struct {
		Config
		want string
	}{
		"no server":      {Config{Scenario: "chat", Users: users}, "no server"},
		"no scenario":    {Config{Scenario: "dance", Dialer: dialer, Users: users}, "no scenario"},
		"few users":      {Config{Scenario: "presence", Dialer: dialer, Users: users}, "at least 51 users"},
		"negative time":  {Config{Scenario: "chat", Dialer: dialer, Users: users, Duration: -1}, "negative"},
		"nobody listens": {Config{Scenario: "chat", Dialer: dialer, Users: users}, "refused"},
	} {
		if _, err := Do(context.Background(), c.Config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want an error that says %q", name, err, c.want)
		}
	}
}
