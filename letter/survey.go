package letter

import (
	"context"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"time"

	"palabre/xmpp"
)

// A key stands for a name that somebody has given to a message of theirs. Keys are made with a seed that nobody knows, so that two names have one key by accident only.
type key uint64

// A survey is what has to be known of all messages before the first one is written. It is made from the last message to the first, as what becomes of one is said after it. Of
// messages that were neither corrected nor taken back it keeps nothing.
type survey struct {
	q    *Query
	seed maphash.Seed
	room bool

	people      people
	count       int   // messages of people
	size        int64 // bytes of what they say
	first, last int64 // the oldest and the newest row
	begin, end  time.Time
	corrected   map[int64]int64  // row -> the row that has what it says now
	taken       map[int64]string // row that was taken back -> the moderator who did it, or empty
	failed      map[int64]bool   // row that did not reach anybody
	alone       map[int64]bool   // corrections of what is not in the letter
	reactions   map[key]int64    // by whom, to what -> the last row
	graves      map[key]int64    // by whom, by which message of theirs -> the first row that it took back
	takenKeys   map[key]bool     // the same as taken, by the names that replies have for them
	corrections map[key]int64    // of messages that were not met yet -> the last row
	retractions map[key]bool     // likewise
	moderated   map[claim]string // likewise, in rooms -> the moderator, or empty
	errors      map[key]bool     // likewise
}

// A claim is somebody's who takes a row of a room's back: its author, or the room for a moderator.
type claim struct {
	row int64
	by  xmpp.JID
}

// lookOver makes the survey of what a Query asks for.
func (w *Scribe) lookOver(ctx context.Context, q *Query) (*survey, error) {
	s := &survey{
		q: q, seed: maphash.MakeSeed(), room: q.With.IsZero(),
		corrected: map[int64]int64{}, taken: map[int64]string{}, failed: map[int64]bool{}, alone: map[int64]bool{}, reactions: map[key]int64{}, takenKeys: map[key]bool{}, graves: map[key]int64{},
		corrections: map[key]int64{}, retractions: map[key]bool{}, moderated: map[claim]string{}, errors: map[key]bool{},
	}
	s.people = newPeople(q, s.seed)
	r := q.reading()
	r.Backwards = true
	err := w.Archive.Read(ctx, r, func(row Row) error {
		s.look(w.Archive, &row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, s.settle(ctx, w.Archive)
}

// key is that of a message of somebody's.
func (s *survey) key(who xmpp.JID, id string) key {
	return key(maphash.Comparable(s.seed, [2]string{who.String(), id}))
}

// look takes in a row. Rows come from the last to the first.
func (s *survey) look(a Archive, row *Row) {
	if s.last == 0 {
		s.last = row.ID
	}
	s.first = row.ID
	st := row.Stanza
	own := s.key(row.Sender, st.ID)
	switch id, by, ok := retraction(st); {
	case st.Type == xmpp.TypeError:
		s.errors[s.key(s.q.Archive, st.ID)] = true
		return
	case ok:
		s.takesBack(a, row, id, by)
		return
	case row.Tombstone:
		s.buried(row, own)
		return
	}
	latest := s.corrections[own]
	delete(s.corrections, own)
	by, taken := s.isTaken(row, own)
	if corrects(st) {
		s.corrects(row, s.key(row.Sender, replaces(st)), latest, taken)
		return
	}
	c := contentOf(st, s.q.Language)
	switch {
	case c.kind == reaction || st.Has(nsReactions, "reactions"):
		s.reacts(row)
		return
	case c.kind == nothing:
		return
	case taken:
		s.taken[row.ID] = by
		s.takenKeys[s.key(xmpp.JID{}, st.ID)] = true
	case latest != 0:
		s.corrected[row.ID] = latest
	}
	if s.errors[own] {
		delete(s.errors, own)
		s.failed[row.ID] = true
	}
	if c.kind == words || taken {
		s.counts(row)
		if latest == 0 && !taken {
			s.size += c.size()
		}
	} else {
		s.spans(row)
	}
}

// buried notes a tombstone. The corrections of a message are taken back by what takes back the message, and all of them are shown as one, where the first of them stands.
func (s *survey) buried(row *Row, own key) {
	st := row.Stanza
	s.taken[row.ID] = moderatorOf(st)
	s.takenKeys[s.key(xmpp.JID{}, st.ID)] = true
	delete(s.corrections, own)
	if id := takenBackBy(st); id != "" {
		k := s.key(row.Sender, id)
		if other := s.graves[k]; other != 0 {
			s.count--
		}
		s.graves[k] = row.ID
	}
	s.counts(row)
}

// counts counts a message of somebody's.
func (s *survey) counts(row *Row) {
	s.count++
	s.spans(row)
	s.people.met(row)
}

// spans has the letter's time include a row.
func (s *survey) spans(row *Row) {
	if s.begin.IsZero() || row.At.Before(s.begin) {
		s.begin = row.At
	}
	if row.At.After(s.end) {
		s.end = row.At
	}
}

// takesBack notes a retraction (XEP-0424 §3, XEP-0425 §5). In rooms it is about the id that the room has given; between two, about the sender's own.
func (s *survey) takesBack(a Archive, row *Row, id, moderator string) {
	if !s.room {
		s.retractions[s.key(row.Sender, id)] = true
		return
	}
	if row.Sender != s.q.Archive {
		moderator = ""
	}
	if number, ok := a.Number(id); ok && number < row.ID {
		s.moderated[claim{number, row.Sender}] = oneLine(moderator, nameMost)
	}
}

// isTaken tells whether a row has been taken back, by its author or a moderator.
func (s *survey) isTaken(row *Row, own key) (moderator string, taken bool) {
	for _, by := range []xmpp.JID{s.q.Archive, row.Sender} {
		c := claim{row.ID, by}
		if moderator, ok := s.moderated[c]; ok {
			delete(s.moderated, c)
			return moderator, true
		}
	}
	if origin, ok := row.Stanza.Child(nsStanzaID, "origin-id"); ok && !s.room {
		other := s.key(row.Sender, origin.Attr("id"))
		taken = s.retractions[other]
		delete(s.retractions, other)
	}
	taken = taken || s.retractions[own]
	delete(s.retractions, own)
	return "", taken
}

// corrects notes a correction of a message with the key root (XEP-0308 §3). latest is the correction of this correction, or 0. Who takes a correction back takes back what it says.
func (s *survey) corrects(row *Row, root key, latest int64, taken bool) {
	switch {
	case taken:
		delete(s.corrections, root)
		s.retractions[root] = true
	case s.retractions[root]:
	case s.corrections[root] == 0:
		if s.corrections[root] = max(latest, row.ID); latest == 0 {
			c := contentOf(row.Stanza, s.q.Language)
			s.size += c.size()
		}
	}
}

// reacts notes the last reactions of somebody to something: they take the place of the earlier ones (XEP-0444 §3.1).
func (s *survey) reacts(row *Row) {
	e, _ := row.Stanza.Child(nsReactions, "reactions")
	k := s.key(row.Sender, e.Attr("id"))
	if s.reactions[k] == 0 {
		s.reactions[k] = row.ID
	}
}

// settle finds what is left: corrections of what was said before the letter begins. What was taken back of that is looked for, to be left out.
func (s *survey) settle(ctx context.Context, a Archive) error {
	if len(s.corrections) > 0 {
		claimed := func(yield func(int64) bool) {
			for c := range s.moderated {
				if !yield(c.row) {
					return
				}
			}
		}
		err := s.each(ctx, a, claimed, Reading{Archive: s.q.Archive, Within: []Span{{}}}, func(row *Row) {
			if _, taken := s.isTaken(row, 0); taken {
				delete(s.corrections, s.key(row.Sender, row.Stanza.ID))
			}
		})
		if err != nil {
			return err
		}
	}
	err := s.each(ctx, a, maps.Values(s.corrections), s.q.reading(), func(row *Row) {
		s.alone[row.ID] = true
		s.counts(row)
	})
	s.corrections, s.retractions, s.moderated, s.errors = nil, nil, nil, nil
	return err
}

// each reads rows by their ids, a few at a time.
func (s *survey) each(ctx context.Context, a Archive, ids iter.Seq[int64], r Reading, fn func(*Row)) error {
	sorted := slices.Sorted(ids)
	slices.Reverse(sorted)
	for some := range slices.Chunk(sorted, 50) {
		r.IDs = some
		if err := a.Read(ctx, r, func(row Row) error { fn(&row); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// replaces is the message that another one corrects, or empty.
func replaces(st *xmpp.Stanza) string {
	e, _ := st.Child(nsCorrect, "replace")
	return e.Attr("id")
}

// corrects tells whether a message does correct another.
func corrects(st *xmpp.Stanza) bool {
	id := replaces(st)
	return id != "" && id != st.ID
}

// retraction tells whether a message takes back another, which one, and, if a moderator does it by way of the room, who that is.
func retraction(st *xmpp.Stanza) (id, moderator string, ok bool) {
	if e, ok := st.Child(nsRetract, "retract"); ok {
		m, _ := e.Child(nsModerate, "moderated")
		return e.Attr("id"), nickOf(m.Attr("by")), true
	}
	if e, ok := st.Child(nsFasten, "apply-to"); ok { // as it was before
		m, moderated := e.Child(nsModerateOld, "moderated")
		_, own := e.Child(nsRetractOld, "retract")
		return e.Attr("id"), nickOf(m.Attr("by")), own || moderated
	}
	return "", "", false
}

// takenBackBy is the id of the message that has a tombstone put there, if its author has.
func takenBackBy(st *xmpp.Stanza) string {
	e, _ := st.Child(nsRetract, "retracted")
	return e.Attr("id")
}

// moderatorOf is who has put a tombstone there, if not the author.
func moderatorOf(st *xmpp.Stanza) string {
	e, _ := st.Child(nsRetract, "retracted")
	m, ok := e.Child(nsModerate, "moderated")
	if !ok {
		m, _ = st.Child(nsModerateOld, "moderated")
	}
	return oneLine(nickOf(m.Attr("by")), nameMost)
}

// nickOf is the nick in an occupant's address; the room's own if there is none.
func nickOf(address string) string {
	j, err := xmpp.ParseJID(address)
	if err != nil {
		return ""
	}
	if j.IsBare() {
		return j.Local()
	}
	return j.Resource()
}
