package letter

import (
	"slices"
	"strings"
	"time"

	"palabre/xmpp"
)

// A saying is what a row says by now, and what became of it.
type saying struct {
	content
	gone  string   // why there is nothing to be seen of it; empty if there is
	notes []string // what became of it
}

// says gives what a row says; one of kind nothing is not shown.
func (p *pen) says(row *Row) (saying, error) {
	s, st := p.survey, row.Stanza
	by, taken := s.taken[row.ID]
	switch {
	case p.merged[row.ID], row.Tombstone && p.isBuriedBefore(row):
		return saying{}, nil
	case row.Tombstone, taken:
		if by == "" && row.Tombstone {
			by = moderatorOf(st)
		}
		return p.takenBack(by), nil
	case corrects(st):
		if !s.alone[row.ID] {
			return saying{}, nil
		}
		c, err := p.content(st)
		return saying{content: c, notes: []string{p.lang.fill("corrects")}}, err
	}
	c, err := p.content(st)
	out := saying{content: c}
	if err != nil {
		return out, err
	}
	if out.kind == reaction && !p.isLast(row) {
		return saying{}, nil
	}
	if id := s.corrected[row.ID]; id != 0 {
		var err error
		if out, err = p.corrected(out, id); err != nil {
			return out, err
		}
	}
	if s.failed[row.ID] {
		out.notes = append(out.notes, p.lang.fill("failed"))
	}
	return out, nil
}

// isBuriedBefore tells whether a tombstone is of a correction, and what it corrects has been told of.
func (p *pen) isBuriedBefore(row *Row) bool {
	first := p.survey.graves[p.survey.key(row.Sender, takenBackBy(row.Stanza))]
	return first != 0 && first != row.ID
}

// isLast tells whether reactions have not been replaced by later ones.
func (p *pen) isLast(row *Row) bool {
	e, _ := row.Stanza.Child(nsReactions, "reactions")
	return p.survey.reactions[p.survey.key(row.Sender, e.Attr("id"))] == row.ID
}

// corrected is what a message says after its last correction, which is another row. If that was taken back meanwhile, so was the message.
func (p *pen) corrected(s saying, id int64) (saying, error) {
	r := p.query.reading()
	r.IDs = []int64{id}
	err := p.scribe.Archive.Read(p.ctx, r, func(last Row) error {
		if last.Tombstone {
			p.merged[last.ID] = true
			s = p.takenBack(moderatorOf(last.Stanza))
			return nil
		}
		c, err := p.content(last.Stanza)
		if err != nil {
			return err
		}
		s.content, s.notes = c, []string{p.lang.fill("corrected")}
		if s.kind == nothing {
			s.kind, s.gone, s.notes = words, p.lang.fill("emptied"), nil
		}
		return nil
	})
	return s, err
}

// takenBack is what is left of a message that was taken back by its author, or else by a moderator.
func (p *pen) takenBack(moderator string) saying {
	s := saying{content: content{kind: words}, gone: p.lang.fill("taken_back")}
	if moderator != "" {
		s.gone = p.lang.fill("moderated_by", "name", isolated(moderator))
	}
	return s
}

// content is what a message says, without what it repeats of one that was taken back.
func (p *pen) content(st *xmpp.Stanza) (content, error) {
	c := contentOf(st, p.query.Language)
	e, ok := st.Child(nsReply, "reply")
	if !ok || c.text == "" {
		return c, nil
	}
	quotes := strings.HasPrefix(c.text, ">") || withoutFallback(st, c.text, nsReply) != c.text
	gone, err := p.isGone(e.Attr("id"), quotes)
	switch {
	case gone:
		c.text = withoutQuote(st, c.text)
	case p.survey.room && !strings.HasPrefix(c.text, ">"):
		c.reply, _ = p.scribe.Archive.Number(e.Attr("id"))
	}
	return c, err
}

// repliesTo says whom a message answers, and what of theirs, if that is in the letter.
func (p *pen) repliesTo(id int64, at time.Time) (text string, err error) {
	if id == 0 {
		return "", nil
	}
	r := p.query.reading()
	r.IDs = []int64{id}
	err = p.scribe.Archive.Read(p.ctx, r, func(row Row) error {
		then := row.At.In(p.query.Zone)
		when := then.Format(clock)
		if p.lang.date(then) != p.lang.date(at) {
			when = p.lang.short(then) + ", " + when
		}
		text = p.lang.fill("reply", "name", isolated(p.survey.people.name(&row)), "time", when)
		return nil
	})
	return text, err
}

// isGone tells whether what a reply answers was taken back. In rooms replies name the id that the room has given; between two, the sender's own (XEP-0461 §4.1). For a reply that quotes,
// it is looked for also where the letter does not begin yet.
func (p *pen) isGone(id string, quotes bool) (gone bool, err error) {
	s := p.survey
	if !s.room {
		return s.takenKeys[s.key(xmpp.JID{}, id)], nil
	}
	number, ok := p.scribe.Archive.Number(id)
	if _, gone = s.taken[number]; gone || !ok || !quotes || number >= s.first && within(p.query.Within, number) {
		return gone, nil
	}
	r := Reading{Archive: p.query.Archive, Within: []Span{{}}, IDs: []int64{number}}
	err = p.scribe.Archive.Read(p.ctx, r, func(row Row) error { gone = row.Tombstone; return nil })
	return gone, err
}

// within tells whether a row lies in one of these spans.
func within(spans []Span, id int64) bool {
	return slices.ContainsFunc(spans, func(s Span) bool { return s.Since < id && (s.Until == 0 || id < s.Until) })
}

// withoutQuote cuts out of a body what stands there for clients that know no replies (XEP-0461 §3.1), and whatever else it begins with that is quoted.
func withoutQuote(st *xmpp.Stanza, text string) string {
	text = withoutFallback(st, text, nsReply)
	for strings.HasPrefix(text, ">") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}
