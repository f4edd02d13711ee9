package chaos

import "slices"

// stay judges what somebody heard while they were inside.
func (m *memberChecker) stay(q *sequence, room, membership int, s *Stay) {
	first, _ := m.ends(s)
	m.past(q, room, membership, first, s)
	heard := make(map[int]bool, len(s.Log))
	last := -1
	for _, d := range s.Log {
		m.verdict.Seen[Live]++
		i, ok := m.find(q, d, "hears", room)
		if !ok {
			continue
		}
		if m.again(d, i, last) {
			m.verdict.Repeated++
			heard[i] = true
			continue
		}
		switch {
		case heard[i]:
			m.verdict.add(Doubled, "%s: hears %v twice", m.place, d.Key)
		case i < last:
			m.verdict.add(Reordered, "%s: hears %v behind %v, which the archive has later", m.place, d.Key, m.rows[last].Key)
		case last >= 0:
			m.unheard(heard, last+1, i, "though they heard what came before and after it")
		}
		heard[i], last = true, max(last, i)
		if m.exposed(i, membership+1) {
			m.verdict.add(Exposed, "%s: hears %v, said outside their memberships %s", m.place, d.Key, m.bounds(i))
		}
	}
	m.edges(heard, membership, s)
}

// unheard puts on record what somebody should have heard. A message that was refused may be stored all the same, and is told to nobody then.
func (m *memberChecker) unheard(heard map[int]bool, from, to int, why string) {
	for i := from; i < to; i++ {
		switch sent := m.checker.sent(m.rows[i].Key); {
		case sent == nil || heard[i]:
		case sent.Errors > 0:
			m.verdict.Untold++
		default:
			m.verdict.add(Missing, "%s: does not hear %v, %s", m.place, m.rows[i].Key, why)
		}
	}
}

// edges checks that nothing is left out at the beginning and at the end of a stay.
func (m *memberChecker) edges(heard map[int]bool, membership int, s *Stay) {
	if s.Since == 0 {
		return
	}
	begin := len(m.rows) // the first one that was certainly said when they were in
	for i, r := range m.rows {
		if sent := m.checker.sent(r.Key); sent != nil && sent.First > s.Since {
			begin = i
			break
		}
	}
	first, last := m.ends(s)
	if first >= 0 {
		m.unheard(heard, begin, first, "though they were inside")
		begin = last + 1
	}
	switch {
	case s.End == Inside:
		m.unheard(heard, begin, len(m.rows), "though they are still inside")
	case s.Quits:
		m.unheard(heard, begin, m.zones[membership].sureEnd, "though it was said before they left")
	}
}

// past judges what somebody was told of what had been said: the newest that they may see, and nothing of what they heard then.
func (m *memberChecker) past(q *sequence, room, membership, first int, s *Stay) {
	last := -1
	for _, d := range s.Past {
		m.verdict.Seen[Offline]++
		i, ok := m.find(q, d, "is told of", room)
		if !ok {
			continue
		}
		switch {
		case i <= last:
			m.verdict.add(Reordered, "%s: is told of %v behind %v", m.place, d.Key, m.rows[last].Key)
		case first >= 0 && i >= first:
			m.verdict.add(Doubled, "%s: is told of %v as said before, and hears it", m.place, d.Key)
		case m.exposed(i, membership+1):
			m.verdict.add(Exposed, "%s: is told of %v, said outside their memberships %s", m.place, d.Key, m.bounds(i))
		}
		last = max(last, i)
	}
}

// company checks that somebody who is inside knows who else is, and nobody beside.
func (m *memberChecker) company(inside []int) {
	if !slices.Contains(inside, m.account) {
		return
	}
	for _, ms := range m.Memberships {
		if n := len(ms.Stays); n > 0 && ms.Stays[n-1].End == Inside && !slices.Equal(ms.Stays[n-1].Others, inside) {
			m.verdict.add(Estranged, "%s: believes that %v are inside; they are %v", m.place, ms.Stays[n-1].Others, inside)
		}
	}
}
