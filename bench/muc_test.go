package bench

import (
	"context"
	"errors"
	"strings"
	"testing"

	"palabre/xmpp"
)

// roomsConfig is six users in two rooms, two of each of which write.
func roomsConfig(t *testing.T, r *relay) Config {
	c := r.config(t, "muc", 7) // the seventh is in no room
	c.Rooms, c.Occupants, c.Senders = 2, 3, 2
	c.Units, c.Rate = 600, 2000 // with a rate all send alike, however busy the machine is
	return c
}

func TestRooms(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"closed loop":  func(c *Config) { c.Rate = 0 },
		"open loop":    func(*Config) {},
		"acknowledged": func(c *Config) { c.Rate, c.StreamManagement = 0, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := roomsConfig(t, newRelay(t, false, faithful))
			change(&c)
			report, err := Do(context.Background(), c)
			if err != nil || report.Rooms == nil || report.Units < 600 || report.Users != 6 || report.Senders != 4 || report.P50 <= 0 {
				t.Fatalf("%v; report %+v", err, report)
			}
			got := *report.Rooms
			if want := (RoomsReport{Rooms: 2, Occupants: 3, Sent: got.Sent, Archived: int(got.Sent)}); got != want || 3*got.Sent < report.Units {
				t.Errorf("rooms: %+v; %d units", got, report.Units)
			}
		})
	}
}

// What an occupant is not sent, sent twice or in another order than the others fails the run.
func TestRoomsThatAreWrong(t *testing.T) {
	t.Parallel()
	number := func(st *xmpp.Stanza, lane, n string) bool { return strings.Contains(st.Inner, " "+lane+" "+n+" ") }
	var none []*xmpp.Stanza
	for name, c := range map[string]struct {
		deliver func(held **xmpp.Stanza, to string, st *xmpp.Stanza) []*xmpp.Stanza
		faults  Faults
		apart   int
	}{
		"loses one": {func(_ **xmpp.Stanza, to string, st *xmpp.Stanza) []*xmpp.Stanza {
			if to == "u2" && number(st, "0", "5") {
				return none
			}
			return faithful(st)
		}, Faults{Lost: 1}, 1},
		"sends one twice": {func(_ **xmpp.Stanza, to string, st *xmpp.Stanza) []*xmpp.Stanza {
			if to == "u2" && number(st, "0", "5") {
				return []*xmpp.Stanza{st, st}
			}
			return faithful(st)
		}, Faults{Duplicated: 1}, 0},
		"lets one of the same sender overtake": {func(held **xmpp.Stanza, to string, st *xmpp.Stanza) []*xmpp.Stanza {
			return swap(held, st, to == "u2" && number(st, "0", "5"), to == "u2" && number(st, "0", "6"))
		}, Faults{Reordered: 1}, 1},
		"lets one of another sender overtake": {func(held **xmpp.Stanza, to string, st *xmpp.Stanza) []*xmpp.Stanza {
			if to == "u2" && *held != nil && st.From.Resource() == "n0" { // its next one came before
				before := *held
				*held = st
				return faithful(before)
			}
			return swap(held, st, to == "u2" && number(st, "0", "5"), to == "u2" && st.From.Resource() == "n1")
		}, Faults{}, 1},
		"says it in the other room": {func(held **xmpp.Stanza, to string, st *xmpp.Stanza) []*xmpp.Stanza {
			if to == "u2" && number(st, "0", "5") {
				*held = st
			}
			if to == "u4" && *held != nil && st.Type == xmpp.TypeGroupchat {
				astray := **held
				astray.From, *held = st.From, nil
				return []*xmpp.Stanza{&astray, st}
			}
			return faithful(st)
		}, Faults{Unknown: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t, false, faithful)
			var held *xmpp.Stanza
			r.rooms.deliver = func(to string, st *xmpp.Stanza) []*xmpp.Stanza { return c.deliver(&held, to, st) }
			report, err := Do(context.Background(), roomsConfig(t, r))
			if report.Faults != c.faults || report.Rooms.Apart != c.apart || errors.Is(err, ErrFaults) != c.faults.Any() || errors.Is(err, ErrOrder) != (c.apart > 0) {
				t.Errorf("%v; faults: %v; rooms: %+v", err, report.Faults, *report.Rooms)
			}
		})
	}
}

// swap holds a stanza back until another one has gone.
func swap(held **xmpp.Stanza, st *xmpp.Stanza, hold, release bool) []*xmpp.Stanza {
	switch {
	case hold:
		*held = st
		return nil
	case release && *held != nil:
		late := *held
		*held = nil
		return []*xmpp.Stanza{st, late}
	}
	return faithful(st)
}

// A room that lets nobody speak is the run's error.
func TestRoomThatRefuses(t *testing.T) {
	t.Parallel()
	r := newRelay(t, false, faithful)
	r.rooms.deliver = func(_ string, st *xmpp.Stanza) []*xmpp.Stanza {
		if !st.Has(xmpp.NSClient, "body") {
			return faithful(st)
		}
		refused := st.ErrorReply(xmpp.ErrForbidden)
		refused.From = st.From.Bare()
		return []*xmpp.Stanza{refused}
	}
	if _, err := Do(context.Background(), roomsConfig(t, r)); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("the error is %v", err)
	}
}

func TestNick(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"n0": 0, "n12": 12, "": -1, "n": -1, "n01": -1, "n-1": -1, "m1": -1, "n1 ": -1, "né": -1} {
		if got := nickIndex(name); got != want {
			t.Errorf("%q is number %d, want %d", name, got, want)
		}
	}
}
