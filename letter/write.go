package letter

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"
)

// A Head is what a letter begins with, a Day what each day does. Both are for templates, as are Message and Event.
type Head struct {
	Lang, Title, Period, Times, Requester, Count, Others string
	Participants                                         []string
}

// A Day is one of the calendar, or what is left of it after the clocks were changed.
type Day struct{ Date string }

// A Message is what somebody has said.
type Message struct {
	Time, Name string
	Heads      bool // the name and the time are not those of the message before it
	Act        bool // it says what the one of that name does (XEP-0245)
	Missing    bool // what it said is not there: it was taken back, or is encrypted
	Lines      []Line
	Files      []File
	Notes      []string // what became of it
}

// A Line is a line of what was said.
type Line struct {
	Text  string
	Quote bool // it repeats what somebody else has said
	links []link
}

// A File is one that was shared; Line says its name, size and address.
type File struct {
	Line Line
}

// An Event is what happened beside the messages.
type Event struct{ Time, Text string }

// WriteText writes the letter as plain text: UTF-8, lines of 72 columns, but for long links, that end with a line feed.
func (l *Letter) WriteText(ctx context.Context, w io.Writer) error {
	t := l.scribe.Templates.text[l.lang.code]
	return l.write(ctx, w, func(w io.Writer, name string, data any) error { return execute(t, w, name, data) })
}

// A part writes one part of a letter.
type part func(w io.Writer, name string, data any) error

// A pen writes one message after the other.
type pen struct {
	*Letter
	ctx  context.Context
	w    *bufio.Writer
	part part

	day     string // as its heading has it
	changed bool   // the offset of the zone is not, or was not, what it was at first
	before  string // what the last message was headed by
}

func (l *Letter) write(ctx context.Context, w io.Writer, part part) error {
	p := &pen{Letter: l, ctx: ctx, w: bufio.NewWriter(w), part: part}
	if err := part(p.w, "head", l.head()); err != nil {
		return err
	}
	if l.survey.last != 0 {
		r := l.query.reading()
		r.Before = l.survey.last + 1
		if err := l.scribe.Archive.Read(ctx, r, func(row Row) error { return p.row(&row) }); err != nil {
			return err
		}
	}
	if err := part(p.w, "foot", nil); err != nil {
		return err
	}
	return p.w.Flush()
}

// head is what the letter begins with.
func (l *Letter) head() Head {
	h := Head{Lang: l.lang.code, Title: l.lang.fill(l.about(), "title", l.query.Title), Count: l.lang.count(l.Count)}
	if l.query.Requester != "" {
		h.Requester = l.lang.fill("requester", "name", l.query.Requester)
	}
	h.Participants = l.survey.people.names()
	if n := l.survey.people.more; n > 0 {
		h.Others = l.lang.fill("others", "count", l.lang.number(n))
	}
	if !l.survey.end.IsZero() {
		begin, end := l.survey.begin.In(l.query.Zone), l.survey.end.In(l.query.Zone)
		h.Period = l.lang.fill("from_to", "begin", l.moment(begin), "end", l.moment(end))
		h.Times = l.lang.fill("times", "zone", zone(begin))
	}
	return h
}

func (l *Letter) moment(t time.Time) string { return l.lang.date(t) + ", " + t.Format("15:04") }

// row writes a row, if it is for people.
func (p *pen) row(row *Row) error {
	s, err := p.says(row)
	if err != nil || s.kind == nothing {
		return err
	}
	at := row.At.In(p.query.Zone)
	if err := p.heading(at); err != nil {
		return err
	}
	name, clock := p.survey.people.name(row), at.Format("15:04")
	if s.kind != words {
		p.before = ""
		return p.part(p.w, "event", Event{Time: clock, Text: p.event(s.content, name)})
	}
	m := Message{Time: clock, Name: isolated(name), Act: s.act, Missing: s.missing || s.encrypted, Notes: s.notes}
	if head := clock + name; head != p.before {
		m.Heads, p.before = true, head
	}
	if s.encrypted {
		m.Notes = append(m.Notes, p.lang.fill("encrypted"))
	}
	p.fill(&m, s.content)
	return p.part(p.w, "message", m)
}

// heading writes a day's heading where one begins, and where the clocks are changed. From the first such change on, headings tell the zone.
func (p *pen) heading(at time.Time) error {
	_, first := p.survey.begin.In(p.query.Zone).Zone()
	_, now := at.Zone()
	p.changed = p.changed || now != first
	day := p.lang.date(at)
	if p.changed {
		day += " (" + zone(at) + ")"
	}
	if day == p.day {
		return nil
	}
	p.day, p.before = day, ""
	return p.part(p.w, "day", Day{Date: day})
}

// event says what has happened.
func (p *pen) event(c content, name string) string {
	text := isolated(oneLine(c.text, 500))
	switch {
	case c.kind == subject && text == "":
		return p.lang.fill("subject_removed", "name", isolated(name))
	case c.kind == subject:
		return p.lang.fill("subject", "name", isolated(name), "text", text)
	case c.kind == invitation:
		return p.lang.fill("invitation", "name", isolated(name), "text", text)
	case c.kind == call:
		return p.lang.fill("call", "name", isolated(name))
	}
	return p.lang.fill("reaction", "name", isolated(name), "text", text)
}

// A saying is what a row says by now, and what became of it.
type saying struct {
	content
	missing bool
	notes   []string
}

// says gives what a row says; one of kind nothing is not shown.
func (p *pen) says(row *Row) (saying, error) {
	s, st := p.survey, row.Stanza
	by, taken := s.taken[row.ID]
	switch {
	case row.Tombstone, taken:
		if by == "" && row.Tombstone {
			by = moderatorOf(st)
		}
		return p.takenBack(by), nil
	case replaces(st) != "" && replaces(st) != st.ID:
		if !s.alone[row.ID] {
			return saying{}, nil
		}
		return saying{content: contentOf(st, p.query.Language), notes: []string{p.lang.fill("corrects")}}, nil
	}
	c := contentOf(st, p.query.Language)
	if c.kind == reaction && !p.isLast(row) {
		return saying{}, nil
	}
	out := saying{content: c}
	if id := s.corrected[row.ID]; id != 0 {
		var err error
		if out, err = p.corrected(row, out, id); err != nil {
			return out, err
		}
	}
	if s.failed[row.ID] {
		out.notes = append(out.notes, p.lang.fill("failed"))
	}
	return out, nil
}

// isLast tells whether reactions have not been replaced by later ones.
func (p *pen) isLast(row *Row) bool {
	e, _ := row.Stanza.Child(nsReactions, "reactions")
	return p.survey.reactions[p.survey.key(row.Sender, e.Attr("id"))] == row.ID
}

// corrected is what a message says after its last correction, which is another row. If that was taken back meanwhile, so was the message.
func (p *pen) corrected(row *Row, s saying, id int64) (saying, error) {
	r := p.query.reading()
	r.IDs = []int64{id}
	err := p.scribe.Archive.Read(p.ctx, r, func(last Row) error {
		if last.Tombstone {
			s = p.takenBack(moderatorOf(last.Stanza))
			return nil
		}
		s.content, s.notes = contentOf(last.Stanza, p.query.Language), []string{p.lang.fill("corrected")}
		if s.kind == nothing {
			s.kind, s.missing, s.notes = words, true, []string{p.lang.fill("emptied")}
		}
		return nil
	})
	return s, err
}

// takenBack is what is left of a message that was taken back by its author, or else by a moderator.
func (p *pen) takenBack(moderator string) saying {
	s := saying{content: content{kind: words}, missing: true, notes: []string{p.lang.fill("taken_back")}}
	if moderator != "" {
		s.notes[0] = p.lang.fill("moderated_by", "name", isolated(moderator))
	}
	return s
}

// fill puts what was said into a message.
func (p *pen) fill(m *Message, c content) {
	if c.title != "" {
		m.Lines = linesOf(c.title)
	}
	text := c.text
	if c.act {
		text = "* " + m.Name + " " + text
	}
	m.Lines = append(m.Lines, linesOf(text)...)
	for _, f := range c.files {
		m.Files = append(m.Files, File{Line: lineOf(strings.TrimSpace(p.lang.fill("file") + ": " + oneLine(f.name, 100) + " " + clean(f.url)))})
	}
}

// linesOf are the lines of a text.
func linesOf(text string) (lines []Line) {
	text = strings.Trim(clean(text), "\n")
	if text == "" {
		return nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, lineOf(strings.TrimRight(line, " ")))
	}
	return lines
}

func lineOf(s string) Line {
	return Line{Text: s, Quote: strings.HasPrefix(s, ">"), links: linksIn(s)}
}

// isolated keeps a text that is written from right to left from reordering what stands beside it (UAX #9).
func isolated(s string) string {
	if strings.ContainsFunc(s, isRightToLeft) {
		return "\u2068" + s + "\u2069"
	}
	return s
}

func isRightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8FF || r >= 0xFB1D && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFC || r >= 0x10800 && r <= 0x10FFF || r >= 0x1E800 && r <= 0x1EFFF
}
