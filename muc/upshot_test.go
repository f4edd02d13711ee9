package muc

import (
	"fmt"
	"slices"
	"testing"

	"palabre/xmpp"
)

// insideOf says who is inside, in which role, and on how many seats.
func insideOf(r *Room) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, l := range r.audienceLocked() {
		out = append(out, fmt.Sprintf("%s as %s, %v", l.jid, l.occupant.nick, l.occupant.role))
	}
	slices.Sort(out)
	return out
}

// roomOf is a room with people from another server inside: name, nick.
func roomOf(people ...string) *Room {
	r := &Room{JID: xmpp.MustParseJID("coven@conference.example.org"), service: &Service{}, people: map[xmpp.JID]*Person{}, occupants: map[string]*occupant{},
		seats: map[xmpp.JID]*seat{}}
	r.config, _ = NewConfig("open")
	for i := 0; i < len(people); i += 2 {
		full := xmpp.MustParseJID(people[i])
		o := r.occupants[people[i+1]]
		if o == nil {
			o = &occupant{nick: people[i+1], key: people[i+1], jid: r.from(people[i+1]), account: full.Bare(), role: Participant}
			r.occupants[o.key] = o
		}
		r.sitLocked(&seat{room: r, jid: full, occupant: o})
	}
	return r
}

// Who was put out by what could not be stored has missed what was said meanwhile, and is told that it was for nothing; the others have the role that they had.
func TestUndone(t *testing.T) {
	t.Parallel()
	r := roomOf("romeo@example.net/orchard", "romeo", "romeo@example.net/phone", "romeo", "juliet@example.net/balcony", "juliet", "nurse@example.net/house", "nurse")
	u := r.appointLocked("", appointment{r.occupants["romeo"], NoRole, ""}, appointment{r.occupants["juliet"], Visitor, ""})
	want := []string{"juliet@example.net/balcony as juliet, visitor", "nurse@example.net/house as nurse, participant"}
	if got := insideOf(r); !slices.Equal(got, want) {
		t.Errorf("done: %q", got)
	}
	u.undoLocked()
	want[0] = "juliet@example.net/balcony as juliet, participant"
	if got := insideOf(r); !slices.Equal(got, want) {
		t.Errorf("undone: %q, not %q", got, want)
	}
	if len(r.unsure) != 1 || r.unsure[0].nick != "juliet" {
		t.Errorf("it is to be shown again: %v", r.unsure)
	}
}

// A role may be another one by the time that it turns out that nothing was stored: that one stays.
func TestUndoneLate(t *testing.T) {
	t.Parallel()
	r := roomOf("juliet@example.net/balcony", "juliet")
	juliet := r.occupants["juliet"]
	u := r.appointLocked("", appointment{juliet, Visitor, ""})
	r.appointLocked("", appointment{juliet, Moderator, ""})
	u.undoLocked()
	if juliet.role != Moderator {
		t.Errorf("%v", juliet.role)
	}
}

// A room whose owner has gone is owned by the one who stands highest, and among equals by the one who has been there for longest.
func TestSuccession(t *testing.T) {
	t.Parallel()
	person := func(name string, a Affiliation, joined int64) *Person {
		return &Person{Account: xmpp.MustParseJID(name + "@example.net"), Affiliation: a, Joined: joined}
	}
	for name, c := range map[string]struct {
		people []*Person
		want   string
	}{
		"nobody":       {nil, ""},
		"outcasts":     {[]*Person{person("paris", Outcast, 0), person("tybalt", None, 0)}, ""},
		"the oldest":   {[]*Person{person("paris", Member, 3), person("nurse", Member, 2), person("tybalt", Outcast, 1)}, "nurse"},
		"an admin":     {[]*Person{person("nurse", Member, 1), person("paris", Admin, 4), person("tybalt", Admin, 3)}, "tybalt"},
		"there is one": {[]*Person{person("nurse", Admin, 1), person("juliet", Owner, 9)}, "juliet"},
	} {
		t.Run(name, func(t *testing.T) {
			r := roomOf()
			for _, p := range c.people {
				r.people[p.Account] = p
			}
			got := ""
			if p := r.firstLocked(); p != nil {
				got = p.Account.Local()
			}
			if got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
		})
	}
}
