package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// An idealRoom is a room in which every promise is kept, as it goes.
type idealRoom struct {
	h      *RoomHistory
	rng    *rand.Rand
	now    time.Duration
	stay   []*Stay // by account; nil: is not inside
	member []bool
}

// idealRooms is the history of one room: u0 never leaves, the others come and go.
func idealRooms(seed uint64) *RoomHistory {
	r := &idealRoom{h: &RoomHistory{Sends: make([][]Send, accounts), Rooms: []RoomRecord{{Members: make([]Member, accounts)}}}, rng: rand.New(rand.NewPCG(seed, 0))}
	r.stay, r.member = make([]*Stay, accounts), make([]bool, accounts)
	for account := range accounts {
		r.enter(account)
	}
	for range 600 {
		account := r.rng.IntN(accounts)
		switch n := r.rng.IntN(30); {
		case r.stay[account] != nil && n < 24:
			r.say(account)
		case r.stay[account] == nil:
			r.enter(account)
		case account > 0 && n < 26:
			r.quit(account)
		case n < 28:
			r.stay[account].End, r.stay[account] = []Ending{Lost, Left}[r.rng.IntN(2)], nil
		}
	}
	return r.end()
}

func (r *idealRoom) tick() time.Duration { r.now++; return r.now }

func (r *idealRoom) room() *RoomRecord { return &r.h.Rooms[0] }

func (r *idealRoom) enter(account int) {
	m := &r.room().Members[account]
	if !r.member[account] {
		m.Memberships = append(m.Memberships, Membership{Asked: r.tick(), Inside: r.tick(), Tries: 1})
		r.member[account] = true
	}
	ms := &m.Memberships[len(m.Memberships)-1]
	s := &Stay{Since: r.tick()}
	seen := r.view(account)
	s.Past = seen[max(0, len(seen)-5):]
	ms.Stays = append(ms.Stays, s)
	r.stay[account] = s
}

func (r *idealRoom) quit(account int) {
	m := r.room().Members[account].Memberships
	ms := &m[len(m)-1]
	ms.Quit, ms.Gone = r.tick(), r.tick()
	r.stay[account].End, r.stay[account].Quits = Left, true
	r.stay[account], r.member[account] = nil, false
}

func (r *idealRoom) say(account int) {
	k := Key{account, len(r.h.Sends[account])}
	s := Send{Tries: 1, Copies: 1, Outcome: Acknowledged, First: r.tick(), Told: r.tick()}
	d := Sighting{Key: k, ID: fmt.Sprint(len(r.room().Archive))}
	if r.rng.IntN(20) == 0 {
		s.Outcome = Unknown
	}
	r.h.Sends[account] = append(r.h.Sends[account], s)
	r.room().Archive = append(r.room().Archive, d)
	for _, stay := range r.stay {
		if stay != nil {
			stay.Log = append(stay.Log, d)
		}
	}
}

// view is what a member may read, who is the witness of all that times can tell: one tick is one event.
func (r *idealRoom) view(account int) (rows []Sighting) {
	for _, d := range r.room().Archive {
		s := r.h.Sends[d.Sender][d.Number]
		for _, m := range r.room().Members[account].Memberships {
			if s.First > m.Inside && (m.Gone == 0 || s.Told < m.Quit) {
				rows = append(rows, d)
			}
		}
	}
	return rows
}

func (r *idealRoom) end() *RoomHistory {
	var inside []int
	for account, s := range r.stay {
		if s != nil {
			inside = append(inside, account)
		}
	}
	for account := range r.stay {
		m := &r.room().Members[account]
		if m.Member = r.member[account]; m.Member {
			m.View = r.view(account)
		} else {
			m.Refused = true
		}
		if s := r.stay[account]; s != nil {
			s.End, s.Others = Inside, slices.Clone(inside)
		}
	}
	return r.h
}

func TestCheckRoomsGreen(t *testing.T) {
	t.Parallel()
	var again, hidden int
	for seed := range uint64(50) {
		h := idealRooms(seed)
		v := CheckRooms(h)
		if !v.OK() {
			t.Fatalf("seed %d: %v", seed, v)
		}
		if v.Acknowledged < 200 || v.Rows != v.Sent || v.Seen[Live] < v.Sent || v.Seen[Offline] == 0 {
			t.Errorf("seed %d: the figures can't be right: %v", seed, v)
		}
		for _, m := range h.Rooms[0].Members {
			again += len(m.Memberships) - 1
			hidden += len(h.Rooms[0].Archive) - len(m.View)
		}
	}
	if again < 100 || hidden < 100 {
		t.Errorf("people came back %d times, and %d messages were hidden: too tame", again, hidden)
	}
}

// returned finds a member with two memberships at least who is one at the end, and what was said between the first two.
func returned(h *RoomHistory) (account int, between []int) {
	for account := range h.Rooms[0].Members {
		m := &h.Rooms[0].Members[account]
		if len(m.Memberships) < 2 || !m.Member {
			continue
		}
		between = nil
		for i, d := range h.Rooms[0].Archive {
			if s := h.Sends[d.Sender][d.Number]; s.First > m.Memberships[0].Gone && s.Told < m.Memberships[1].Asked && s.Outcome == Acknowledged {
				between = append(between, i)
			}
		}
		if len(between) > 2 && len(m.View) > 20 {
			return account, between
		}
	}
	return -1, nil
}

// longest is a stay of somebody beside u0 with much in its log.
func longest(h *RoomHistory) (account int, s *Stay) {
	for a, m := range h.Rooms[0].Members {
		for _, ms := range m.Memberships {
			for _, other := range ms.Stays {
				if a > 0 && (s == nil || len(other.Log) > len(s.Log)) {
					account, s = a, other
				}
			}
		}
	}
	return account, s
}

// Each way to break a promise of a room's turns the verdict red, and says which promise it was.
func TestCheckRoomsRed(t *testing.T) {
	t.Parallel()
	seed := uint64(0)
	for returnedTo := -1; returnedTo < 0; seed++ {
		returnedTo, _ = returned(idealRooms(seed))
	}
	seed--
	insert := func(rows []Sighting, d Sighting) []Sighting { // in the archive's order
		rows = append(slices.Clone(rows), d)
		slices.SortStableFunc(rows, func(a, b Sighting) int {
			var i, j int
			_, _ = fmt.Sscan(a.ID, &i)
			_, _ = fmt.Sscan(b.ID, &j)
			return i - j
		})
		return rows
	}
	for name, test := range map[string]struct {
		spoil func(h *RoomHistory)
		want  Fault
		says  string
	}{
		"acknowledged and lost": {func(h *RoomHistory) {
			h.Sends[0] = append(h.Sends[0], Send{Outcome: Acknowledged, Tries: 1, Copies: 1})
		}, Missing, "the archive of room r0"},
		"twice in the archive": {func(h *RoomHistory) {
			d := h.Rooms[0].Archive[10]
			d.ID = "another"
			h.Rooms[0].Archive = append(h.Rooms[0].Archive, d)
		}, Doubled, "is there 2 times"},
		"two rows with one id": {func(h *RoomHistory) { h.Rooms[0].Archive[5].ID = h.Rooms[0].Archive[6].ID }, Doubled, "have the same id"},
		"one sender's out of order": {func(h *RoomHistory) {
			rows := h.Rooms[0].Archive
			i := slices.IndexFunc(rows, func(d Sighting) bool { return d.Key == Key{0, 3} })
			j := slices.IndexFunc(rows, func(d Sighting) bool { return d.Key == Key{0, 4} })
			rows[i], rows[j] = rows[j], rows[i]
		}, Reordered, "comes behind number"},
		"never sent": {func(h *RoomHistory) {
			h.Rooms[0].Archive = append(h.Rooms[0].Archive, Sighting{Key: Key{1, 1_000_000}, ID: "another"})
		}, Invented, "never sent"},
		"altered": {func(h *RoomHistory) { h.Rooms[0].Archive[3].Foreign = "its text was changed" }, Invented, "its text was changed"},
		"said in another room": {func(h *RoomHistory) {
			d := h.Rooms[0].Archive[3]
			h.Sends[d.Sender][d.Number].To = 1
			h.Rooms[0].Archive[3].To = 1
		}, Invented, "was said in room r1"},
		"reads what was said before": {func(h *RoomHistory) {
			account, between := returned(h)
			m := &h.Rooms[0].Members[account]
			m.View = insert(m.View, h.Rooms[0].Archive[between[len(between)-1]])
		}, Exposed, "said outside their memberships"},
		"reads what was said after": {func(h *RoomHistory) {
			account, between := returned(h)
			m := &h.Rooms[0].Members[account]
			m.View = insert(m.View, h.Rooms[0].Archive[between[0]])
		}, Exposed, "said outside their memberships"},
		"is told of it on entering": {func(h *RoomHistory) {
			account, between := returned(h)
			s := h.Rooms[0].Members[account].Memberships[1].Stays[0]
			s.Past = insert(s.Past, h.Rooms[0].Archive[between[1]])
		}, Exposed, "is told of"},
		"hears it": {func(h *RoomHistory) {
			account, between := returned(h)
			s := h.Rooms[0].Members[account].Memberships[1].Stays[0]
			s.Log = insert(s.Log, h.Rooms[0].Archive[between[1]])
			h.Rooms[0].Members[account].Memberships[1].Tries = 2
		}, Missing, "though they heard what came before and after it"},
		"hears it having left": {func(h *RoomHistory) {
			account, between := returned(h)
			stays := h.Rooms[0].Members[account].Memberships[0].Stays
			s := stays[len(stays)-1]
			s.Quits = false
			s.Log = append(slices.Clone(s.Log), h.Rooms[0].Archive[between[0]:between[2]]...)
		}, Exposed, "hears"},
		"reads what was said just before they came, with nothing to tell it by but what they heard": {func(h *RoomHistory) {
			account, between := returned(h)
			m := &h.Rooms[0].Members[account]
			m.Memberships[1].Asked, m.Memberships[0].Quit, m.Memberships[0].Gone = 1, 0, 0
			m.View = insert(m.View, h.Rooms[0].Archive[between[1]])
		}, Exposed, "reads"},
		"a stranger reads": {func(h *RoomHistory) {
			m := &h.Rooms[0].Members[1]
			m.Member, m.Refused, m.View = false, false, h.Rooms[0].Archive[:1]
		}, Exposed, "left for good, and still reads"},
		"one who was never inside reads": {func(h *RoomHistory) {
			h.Rooms[0].Members = append(h.Rooms[0].Members, Member{Member: true, View: h.Rooms[0].Archive[:1]})
		}, Exposed, "u4 in room r0: reads"},
		"a member does not read": {func(h *RoomHistory) {
			account, _ := returned(h)
			m := &h.Rooms[0].Members[account]
			m.View = slices.Delete(slices.Clone(m.View), 9, 10)
		}, Missing, "does not read"},
		"a member is refused": {func(h *RoomHistory) {
			account, _ := returned(h)
			m := &h.Rooms[0].Members[account]
			m.View, m.Refused = nil, true
		}, Missing, "does not read"},
		"a member reads twice": {func(h *RoomHistory) {
			account, _ := returned(h)
			m := &h.Rooms[0].Members[account]
			m.View = append(slices.Clone(m.View), m.View[3])
		}, Doubled, "reads"},
		"one inside does not hear": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Log = slices.Delete(slices.Clone(s.Log), 4, 5)
		}, Missing, "does not hear"},
		"one inside hears twice": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Log = append(slices.Clone(s.Log), s.Log[len(s.Log)-1])
		}, Doubled, "hears"},
		"one inside hears in another order": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Log = slices.Clone(s.Log)
			s.Log[4], s.Log[5] = s.Log[5], s.Log[4]
		}, Reordered, "which the archive has later"},
		"one inside does not hear the last": {func(h *RoomHistory) {
			s := h.Rooms[0].Members[0].Memberships[0].Stays
			last := s[len(s)-1]
			last.End, last.Others = Inside, nil
			last.Log = last.Log[:len(last.Log)-1]
		}, Missing, "though they are still inside"},
		"one who leaves does not hear the last": {func(h *RoomHistory) {
			account, _ := returned(h)
			for _, s := range h.Rooms[0].Members[account].Memberships[0].Stays {
				s.Log = nil
			}
		}, Missing, "though it was said before they left"},
		"one inside does not hear the first": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Log = s.Log[2:]
		}, Missing, "though they were inside"},
		"one hears what is not stored": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Log = slices.Clone(s.Log)
			s.Log[2].ID = "another"
		}, Missing, "which is not in the archive"},
		"one hears it under another id": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Log = slices.Clone(s.Log)
			s.Log[2].ID = s.Log[3].ID
		}, Misnamed, "which is that of"},
		"one hears it without an id": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Log = slices.Clone(s.Log)
			s.Log[2].ID = ""
		}, Misnamed, "without an id"},
		"one is told of it and hears it": {func(h *RoomHistory) {
			_, s := longest(h)
			s.Past = append(slices.Clone(s.Past), s.Log[0])
		}, Doubled, "is told of"},
		"one is told of it in another order": {func(h *RoomHistory) {
			stays := h.Rooms[0].Members[0].Memberships[0].Stays
			s := stays[len(stays)-1]
			s.Past = []Sighting{h.Rooms[0].Archive[1], h.Rooms[0].Archive[0]}
		}, Reordered, "is told of"},
		"a ghost": {func(h *RoomHistory) {
			stays := h.Rooms[0].Members[0].Memberships[0].Stays
			s := stays[len(stays)-1]
			s.End, s.Others = Inside, append(slices.Clone(s.Others), accounts)
		}, Estranged, "believes"},
		"a breach": {func(h *RoomHistory) { h.Breaches = []string{"h went back"} }, Broken, "h went back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := idealRooms(seed)
			test.spoil(h)
			v := CheckRooms(h)
			if v.Counts[test.want] == 0 || !strings.Contains(v.String(), test.says) {
				t.Errorf("want %v, saying %q; got %v", test.want, test.says, v)
			}
		})
	}
}

// What may be in a room, may be: each of these looks like a broken promise and is none.
func TestCheckRoomsAllowed(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h *RoomHistory){
		"nobody has looked": func(h *RoomHistory) {
			m := &h.Rooms[0].Members[1]
			m.View, m.Refused = nil, false
		},
		"what was refused is stored, and told to nobody": func(h *RoomHistory) {
			d := h.Rooms[0].Archive[30]
			h.Sends[d.Sender][d.Number].Errors = 1
			for _, m := range h.Rooms[0].Members {
				for _, ms := range m.Memberships {
					for _, s := range ms.Stays {
						s.Log = slices.DeleteFunc(slices.Clone(s.Log), func(o Sighting) bool { return o.ID == d.ID })
					}
				}
			}
		},
		"what was sent again is told to its sender": func(h *RoomHistory) {
			stays := h.Rooms[0].Members[0].Memberships[0].Stays
			s := stays[len(stays)-1]
			i := slices.IndexFunc(h.Rooms[0].Archive, func(d Sighting) bool { return d.Sender == 0 })
			d := h.Rooms[0].Archive[i]
			h.Sends[0][d.Number].Tries = 2
			s.Log = append(slices.Clone(s.Log), d)
		},
		"one who may have been invited again reads what they could": func(h *RoomHistory) {
			account, _ := returned(h)
			m := &h.Rooms[0].Members[account]
			m.Member, m.Doubtful = false, true
			for _, ms := range m.Memberships {
				for _, s := range ms.Stays {
					if s.End == Inside {
						s.End = Lost
					}
				}
			}
			h.Rooms[0].Hushed = true
		},
		"the end of what a lost session was told": func(h *RoomHistory) {
			_, s := longest(h)
			s.End, s.Quits, s.Log = Lost, false, s.Log[:len(s.Log)-2]
			h.Rooms[0].Hushed = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(0)
			for account := -1; account < 0; seed++ {
				account, _ = returned(idealRooms(seed))
			}
			h := idealRooms(seed - 1)
			spoil(h)
			if v := CheckRooms(h); !v.OK() {
				t.Error(v)
			}
		})
	}
}
