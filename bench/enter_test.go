package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

// enterConfig is seven users, the last three of whom enter when measuring has begun.
func enterConfig(t *testing.T, r *relay) Config {
	c := r.config(t, "enter", 7)
	c.Occupants, c.Units, c.settle = 4, 0, 250*time.Millisecond
	return c
}

func TestEnter(t *testing.T) {
	t.Parallel()
	for _, window := range []int{0, 3} {
		c := enterConfig(t, newRelay(t, false, faithful))
		c.Window = window
		report, err := Do(context.Background(), c)
		if err != nil || report.Units != 3 || report.Window != max(1, window) || *report.Rooms != (RoomsReport{Rooms: 1, Occupants: 4}) || report.P50 <= 0 {
			t.Errorf("%v; report %+v", err, report)
		}
	}
	c := enterConfig(t, newRelay(t, false, faithful))
	c.Units = 2
	if report, err := Do(context.Background(), c); err != nil || report.Units != 2 {
		t.Errorf("%v; report %+v", err, report)
	}
}

// A newcomer who is not told of all, of whom not all are told, or who is told in the wrong order fails the run. The newcomer here is u5.
func TestEnteringThatIsWrong(t *testing.T) {
	t.Parallel()
	told := func(to, of string) func(string, *xmpp.Stanza) bool {
		return func(user string, st *xmpp.Stanza) bool {
			return user == to && st.Kind == xmpp.Presence && st.Type == "" && st.From.Resource() == of
		}
	}
	subject := func(user string, st *xmpp.Stanza) bool { return user == "u5" && isSubject(st) }
	for name, c := range map[string]struct {
		which  func(user string, st *xmpp.Stanza) bool
		send   func(st *xmpp.Stanza) []*xmpp.Stanza
		behind func(user string, st *xmpp.Stanza) bool // it is sent behind this; nil: in its place
		faults Faults
		says   string
	}{
		"an occupant is not told":          {told("u1", "n5"), lose, nil, Faults{Lost: 1}, "1 who were inside were not told of it;"},
		"the newcomer is not told":         {told("u5", "n1"), lose, nil, Faults{Lost: 1}, "it was not told of 1 who were inside;"},
		"of those who fill the room":       {told("u3", "n0"), lose, nil, Faults{Lost: 1}, "it was not told of 1 who were inside;"},
		"not of itself":                    {told("u5", "n5"), lose, nil, Faults{Lost: 1, Reordered: 1}, "its own presence with status 110 did not come"},
		"of itself, without the status":    {told("u5", "n5"), bare, nil, Faults{Lost: 1, Reordered: 1}, "its own presence with status 110 did not come"},
		"no subject":                       {subject, lose, nil, Faults{Lost: 1}, "the subject did not come"},
		"an occupant is told twice":        {told("u1", "n5"), double, nil, Faults{Duplicated: 1}, "1 duplicated"},
		"the newcomer is told twice":       {told("u5", "n1"), double, nil, Faults{Duplicated: 1}, "1 duplicated"},
		"the subject comes twice":          {subject, double, nil, Faults{Duplicated: 1}, "1 duplicated"},
		"of itself before another":         {told("u5", "n1"), faithful, told("u5", "n5"), Faults{Reordered: 1}, "1 out of order"},
		"the subject comes first":          {told("u5", "n5"), faithful, subject, Faults{Reordered: 1}, "1 out of order"},
		"of somebody who is not there":     {told("u1", "n5"), stranger, nil, Faults{Unknown: 1}, "1 that were never sent"},
		"of somebody who has not come yet": {told("u1", "n5"), early, nil, Faults{Unknown: 1}, "1 that were never sent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t, false, faithful)
			var held []*xmpp.Stanza
			r.rooms.deliver = func(user string, st *xmpp.Stanza) []*xmpp.Stanza {
				switch {
				case c.which(user, st) && c.behind != nil:
					held = c.send(st)
					return nil
				case c.which(user, st):
					return c.send(st)
				case c.behind != nil && c.behind(user, st):
					return append(faithful(st), held...)
				}
				return faithful(st)
			}
			report, err := Do(context.Background(), enterConfig(t, r))
			if err == nil || !strings.Contains(err.Error(), c.says) || report.Faults != c.faults {
				t.Errorf("%v; faults: %v; want %v, and an error that says %q", err, report.Faults, c.faults, c.says)
			}
			if errors.Is(err, ErrJoin) != (c.faults.Lost > 0) || errors.Is(err, ErrFaults) != (c.faults.Lost == 0) {
				t.Errorf("the error is of another kind: %v", err)
			}
		})
	}
}

func lose(*xmpp.Stanza) []*xmpp.Stanza      { return nil }
func double(st *xmpp.Stanza) []*xmpp.Stanza { return []*xmpp.Stanza{st, st} }
func bare(st *xmpp.Stanza) []*xmpp.Stanza {
	return []*xmpp.Stanza{st.WithChildren(xmpp.New(nsMUCUser, "x"))}
}
func stranger(st *xmpp.Stanza) []*xmpp.Stanza { return renamed(st, "somebody") }
func early(st *xmpp.Stanza) []*xmpp.Stanza    { return renamed(st, "n6") }

// renamed is what is due, with one more of the same from another occupant.
func renamed(st *xmpp.Stanza, name string) []*xmpp.Stanza {
	more := *st
	more.From, _ = st.From.WithResource(name)
	return []*xmpp.Stanza{st, &more}
}

// A room that cannot be entered is the run's error.
func TestEnteringThatIsRefused(t *testing.T) {
	t.Parallel()
	r := newRelay(t, false, faithful)
	r.rooms.deliver = func(_ string, st *xmpp.Stanza) []*xmpp.Stanza {
		if isOwn(st) {
			refused := st.ErrorReply(xmpp.ErrServiceUnavailable.With("this room is full"))
			refused.From = st.From
			return []*xmpp.Stanza{refused}
		}
		return faithful(st)
	}
	if _, err := Do(context.Background(), enterConfig(t, r)); err == nil || !strings.Contains(err.Error(), "this room is full") {
		t.Errorf("the error is %v", err)
	}
}
