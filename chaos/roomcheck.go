package chaos

import (
	"fmt"
	"slices"
)

// CheckRooms judges a history of rooms: what was acknowledged is in the room's archive exactly once, and each sender's messages are there in the order in which
// they were sent; all who are inside hear the same in the archive's order; nobody reads or hears what lies outside their memberships, and each member reads all
// of what lies within.
func CheckRooms(h *RoomHistory) *Verdict {
	c := &roomChecker{RoomHistory: h, checker: checker{
		History: &History{Sends: h.Sends}, verdict: &Verdict{}, due: make([][]Key, len(h.Rooms)),
	}}
	for sender, sends := range h.Sends {
		for number, s := range sends {
			c.count(s)
			if s.Outcome == Acknowledged {
				c.owed(Key{sender, number}, s.To)
			}
		}
	}
	for room := range h.Rooms {
		c.room(room)
	}
	for _, b := range h.Breaches {
		c.verdict.add(Broken, "%s", b)
	}
	return c.verdict
}

type roomChecker struct {
	*RoomHistory
	checker

	// Of the room that is looked at:

	rows []Sighting     // its archive
	at   map[string]int // by what the archive calls a message: its place in rows
}

func (c *roomChecker) room(room int) {
	record := &c.Rooms[room]
	c.rows, c.at = record.Archive, make(map[string]int, len(record.Archive))
	q := c.sequence("the archive of room "+roomName(room), len(record.Archive))
	for i, r := range record.Archive {
		c.verdict.Rows++
		if other, ok := c.at[r.ID]; ok {
			c.verdict.add(Doubled, "%s: %v and %v have the same id %q", q.place, c.rows[other].Key, r.Key, r.ID)
		}
		if c.at[r.ID] = i; !q.genuineIn(r, room) {
			continue
		}
		if c.checker.sent(r.Key).Outcome != Acknowledged {
			c.verdict.StoredAnyway++
		}
		q.next(r.Key)
	}
	q.missing(c.due[room], func(Key) bool { return true })
	inside := c.inside(room)
	for account := range record.Members {
		m := &memberChecker{roomChecker: c, Member: &record.Members[account], account: account, place: fmt.Sprintf("%s in room %s", Name(account), roomName(room))}
		m.check(room)
		if !record.Hushed {
			m.company(inside)
		}
	}
}

// genuineIn is genuine for what stands in a room.
func (q *sequence) genuineIn(s Sighting, room int) bool {
	if !q.genuine(s) {
		return false
	}
	if s.To != room {
		q.verdict.add(Invented, "%s: %v was said in room %s", q.place, s.Key, roomName(s.To))
		return false
	}
	return true
}

// inside is who is inside a room at the end.
func (c *roomChecker) inside(room int) []int {
	var list []int
	for account := range c.Rooms[room].Members {
		for _, m := range c.Rooms[room].Members[account].Memberships {
			if n := len(m.Stays); n > 0 && m.Stays[n-1].End == Inside {
				list = append(list, account)
			}
		}
	}
	return list
}

// A memberChecker judges what one member reads and hears.
type memberChecker struct {
	*roomChecker
	*Member
	account int
	place   string
	zones   []zone // by membership
}

// A zone is where in the archive a membership lies, as far as that can be known: from somewhere in [from, sure) to somewhere behind [sureEnd, end).
type zone struct {
	from, sure   int // rows below from lie before the membership; those from sure on do not
	sureEnd, end int // rows below sureEnd do not lie behind it; those from end on do
}

func (m *memberChecker) check(room int) {
	q := m.sequence(m.place, 0)
	for i := range m.Memberships {
		m.zones = append(m.zones, m.zone(&m.Memberships[i]))
	}
	m.view(q, room)
	for i := range m.Memberships {
		for _, s := range m.Memberships[i].Stays {
			m.stay(q, room, i, s)
		}
	}
}

// zone bounds a membership by times, and by what was heard: who is inside from the moment on at which it begins hears everything from there on.
func (m *memberChecker) zone(s *Membership) zone {
	z := zone{from: 0, sure: len(m.rows), sureEnd: 0, end: len(m.rows)}
	if s.Asked == 0 { // they were never in
		return zone{from: len(m.rows), sure: len(m.rows)}
	}
	asked := s.Asked
	if s.Inside > 0 {
		asked = min(asked, s.Inside) // who was in may have asked once more, not knowing it
	}
	for i, r := range m.rows {
		sent := m.checker.sent(r.Key)
		if sent == nil {
			continue
		}
		told := sent.Outcome == Acknowledged
		if told && sent.Told < asked {
			z.from = i + 1
		}
		if s.Inside > 0 && sent.First > s.Inside {
			z.sure = min(z.sure, i)
		}
		if s.Inside > 0 && (s.Quit == 0 || told && sent.Told < s.Quit) {
			z.sureEnd = i + 1
		}
		if s.Gone > 0 && sent.First > s.Gone {
			z.end = min(z.end, i)
		}
	}
	for i, stay := range s.Stays {
		first, last := m.ends(stay)
		if first < 0 {
			continue
		}
		z.sure, z.sureEnd = min(z.sure, first), max(z.sureEnd, last+1)
		if i == 0 && s.Tries == 1 {
			for first > 0 && m.doubtful(first-1) {
				first--
			}
			z.from = max(z.from, first)
		}
		if stay.Quits {
			for last+1 < len(m.rows) && m.doubtful(last+1) {
				last++
			}
			z.end = min(z.end, last+1)
		}
	}
	return z
}

// doubtful tells whether a row was refused once, so that it may be stored without having been told.
func (m *memberChecker) doubtful(i int) bool {
	sent := m.checker.sent(m.rows[i].Key)
	return sent == nil || sent.Errors > 0
}

// ends are the places of the first and of the last message that was heard during a stay; -1 if there is none.
func (m *memberChecker) ends(s *Stay) (first, last int) {
	first, last = -1, -1
	for _, d := range s.Log {
		if i, ok := m.at[d.ID]; ok && !m.again(d, i, last) {
			if last = max(last, i); first < 0 {
				first = i
			}
		}
	}
	return first, last
}

// again tells whether a message is the answer to one that was sent again, having been stored already: its sender alone is told, under its first id.
func (m *memberChecker) again(d Sighting, at, last int) bool {
	sent := m.checker.sent(d.Key)
	return d.Sender == m.account && sent != nil && sent.Tries > 1 && (last < 0 || at <= last)
}

// view judges what a member reads in the archive.
func (m *memberChecker) view(q *sequence, room int) {
	seen := make([]bool, len(m.rows))
	last := -1
	for _, r := range m.View {
		i, ok := m.find(q, r, "reads", room)
		if !ok {
			continue
		}
		switch {
		case seen[i]:
			m.verdict.add(Doubled, "%s: reads %v twice", m.place, r.Key)
		case i < last:
			m.verdict.add(Reordered, "%s: reads %v behind %v", m.place, r.Key, m.rows[last].Key)
		}
		seen[i], last = true, max(last, i)
		if m.exposed(i, len(m.zones)) {
			m.verdict.add(Exposed, "%s: reads %v, said outside their memberships %s", m.place, r.Key, m.bounds(i))
		}
	}
	if m.View == nil && !m.Refused || m.Refused && !m.Member.Member {
		return // a stranger reads nothing, not even what they heard
	}
	if !m.Member.Member && !m.Doubtful && len(m.View) > 0 {
		m.verdict.add(Exposed, "%s: left for good, and still reads %d messages", m.place, len(m.View))
		return
	}
	for n, z := range m.zones {
		for i := z.sure; i < z.sureEnd; i++ {
			if !seen[i] {
				m.verdict.add(Missing, "%s: does not read %v, said during membership %d", m.place, m.rows[i].Key, n)
			}
		}
		m.whole(n, z, seen)
	}
}

// whole checks that a membership has one beginning and one end: where those lie is not known to a message, but there is nothing between that is not read.
func (m *memberChecker) whole(n int, z zone, seen []bool) {
	alone := (n == 0 || m.zones[n-1].end <= z.from) && (n == len(m.zones)-1 || z.end <= m.zones[n+1].from)
	if !alone || z.from >= z.end {
		return
	}
	rows := seen[z.from:z.end]
	first := slices.Index(rows, true)
	if first < 0 {
		return
	}
	for i := len(rows) - 1; !rows[i]; i-- {
		rows = rows[:i]
	}
	if gap := slices.Index(rows[first:], false); gap >= 0 {
		m.verdict.add(Missing, "%s: does not read %v, though they read what was said before and after it in membership %d", m.place, m.rows[z.from+first+gap].Key, n)
	}
}

// find finds what was read or heard in the archive.
func (m *memberChecker) find(q *sequence, d Sighting, how string, room int) (int, bool) {
	if !q.genuineIn(d, room) {
		return 0, false
	}
	i, ok := m.at[d.ID]
	switch {
	case d.ID == "":
		m.verdict.add(Misnamed, "%s: %s %v without an id", m.place, how, d.Key)
	case !ok:
		m.verdict.add(Missing, "%s: %s %v under the id %q, which is not in the archive", m.place, how, d.Key, d.ID)
	case m.rows[i].Key != d.Key:
		m.verdict.add(Misnamed, "%s: %s %v under the id %q, which is that of %v", m.place, how, d.Key, d.ID, m.rows[i].Key)
		return 0, false
	}
	return i, ok && d.ID != ""
}

// exposed tells whether a row certainly lies outside of the first memberships.
func (m *memberChecker) exposed(i, memberships int) bool {
	for _, z := range m.zones[:memberships] {
		if i >= z.from && i < z.end {
			return false
		}
	}
	return true
}

func (m *memberChecker) bounds(i int) string {
	return fmt.Sprintf("(row %d of %d; %v)", i, len(m.rows), m.zones)
}
