package letter

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"time"
)

// WriteText writes the letter as plain text: UTF-8, lines of 72 columns, but for long links, that end with a line feed.
func (l *Letter) WriteText(ctx context.Context, w io.Writer) error {
	return l.write(ctx, w, l.scribe.Templates.text[l.lang.code])
}

// WriteHTML writes the letter as a page of HTML: UTF-8, without anything that has to be fetched, or that runs.
func (l *Letter) WriteHTML(ctx context.Context, w io.Writer) error {
	return l.write(ctx, w, l.scribe.Templates.html[l.lang.code])
}

// WriteAttachment writes the letter as plain text compressed by gzip, for a mail that holds the cover.
func (l *Letter) WriteAttachment(ctx context.Context, w io.Writer) error {
	z := gzip.NewWriter(w)
	if err := l.WriteText(ctx, z); err != nil {
		return err
	}
	return z.Close()
}

// WriteCoverText writes what stands in the mail when the letter is attached; WriteCoverHTML the same as HTML.
func (l *Letter) WriteCoverText(w io.Writer) error {
	return execute(l.scribe.Templates.text[l.lang.code], w, "cover", l.head())
}

// WriteCoverHTML is WriteCoverText in HTML.
func (l *Letter) WriteCoverHTML(w io.Writer) error {
	return execute(l.scribe.Templates.html[l.lang.code], w, "cover", l.head())
}

// AttachmentName is the file name of the attachment: ASCII, of letters, digits, and hyphens.
func (l *Letter) AttachmentName() string {
	name := "history"
	if l.Count > 0 {
		const day = "2006-01-02"
		name += "-" + l.survey.begin.In(l.query.Zone).Format(day)
		if end := l.survey.end.In(l.query.Zone).Format(day); name != "history-"+end {
			name += "-to-" + end
		}
	}
	return name + ".txt.gz"
}

func execute(t executor, w io.Writer, name string, data any) error {
	if err := t.ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	return nil
}

// A pen writes one message after the other.
type pen struct {
	*Letter
	ctx      context.Context
	w        *bufio.Writer
	template executor

	day     string // as its heading has it
	changed bool   // the offset of the zone is not, or was not, what it was at first
	before  string // what the last message was headed by

	merged map[int64]bool // corrections taken back meanwhile, which have been told of
}

func (p *pen) part(name string, data any) error { return execute(p.template, p.w, name, data) }

func (l *Letter) write(ctx context.Context, w io.Writer, t executor) error {
	p := &pen{Letter: l, ctx: ctx, w: bufio.NewWriter(w), template: t, merged: map[int64]bool{}}
	head := l.head()
	if err := p.part("head", head); err != nil {
		return err
	}
	if l.survey.last != 0 {
		r := l.query.reading()
		r.Before = l.survey.last + 1
		if err := l.scribe.Archive.Read(ctx, r, func(row Row) error { return p.row(&row) }); err != nil {
			return err
		}
	}
	if err := p.part("foot", head); err != nil {
		return err
	}
	return p.w.Flush()
}

// head is what the letter begins with.
func (l *Letter) head() Head {
	h := Head{Lang: l.lang.code, Title: l.lang.fill(l.about(), "title", isolated(l.query.Title)), Count: l.lang.count(l.Count)}
	if l.query.Requester != "" {
		h.Requester = l.lang.fill("requester", "name", isolated(l.query.Requester))
	}
	h.Participants = l.survey.people.names()
	if n := l.survey.people.more; n > 0 {
		h.Others = l.lang.fill("others", "count", l.lang.number(n))
	}
	if !l.survey.end.IsZero() {
		begin, end := l.survey.begin.In(l.query.Zone), l.survey.end.In(l.query.Zone)
		if h.Period = l.lang.fill("from_to", "begin", l.moment(begin), "end", l.moment(end)); l.lang.date(begin) == l.lang.date(end) {
			h.Period = l.moment(begin)
			if until := end.Format(clock); begin.Format(clock) != until {
				h.Period += " – " + until
			}
		}
		h.Period = capital(h.Period)
		h.Times = l.lang.fill("times", "zone", zone(begin))
	}
	h.Cover = l.lang.fill("cover", "count", h.Count, "file", l.AttachmentName())
	return h
}

// clock is the time of a day.
const clock = "15:04"

func (l *Letter) moment(t time.Time) string { return l.lang.date(t) + ", " + t.Format(clock) }

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
	name, when := p.survey.people.name(row), at.Format(clock)
	if s.kind != words {
		p.before = ""
		return p.part("event", Event{Time: when, Line: lineOf(p.event(s.content, name))})
	}
	m := Message{
		Time: when, Name: name, Colour: colourOf(name), Act: s.act, Title: oneLine(s.title, 500), Lines: linesOf(s.text), Gone: s.gone, Notes: s.notes,
	}
	if head := when + name; head != p.before {
		m.Heads, p.before = true, head
	}
	if s.encrypted {
		m.Gone = p.lang.fill("encrypted")
	}
	for _, f := range s.files {
		m.Files = append(m.Files, p.lang.fileOf(f))
	}
	if m.Reply, err = p.repliesTo(s.reply, at); err != nil {
		return err
	}
	if s.act {
		m.Lines = linesOf("* " + isolated(name) + " " + s.text)
	}
	return p.part("message", m)
}

// heading writes a day's heading where one begins, and where the clocks are changed. From the first such change on, headings tell the zone.
func (p *pen) heading(at time.Time) error {
	_, first := p.survey.begin.In(p.query.Zone).Zone()
	_, now := at.Zone()
	p.changed = p.changed || now != first
	day := capital(p.lang.date(at))
	if p.changed {
		day += " (" + zone(at) + ")"
	}
	if day == p.day {
		return nil
	}
	p.day, p.before = day, ""
	return p.part("day", Day{Date: day})
}

// event says what has happened.
func (p *pen) event(c content, name string) string {
	name = isolated(name)
	text := isolated(oneLine(c.text, 500))
	switch {
	case c.kind == subject && text == "":
		return p.lang.fill("subject_removed", "name", name)
	case c.kind == subject:
		return p.lang.fill("subject", "name", name, "text", text)
	case c.kind == invitation:
		return p.lang.fill("invitation", "name", name, "text", text)
	case c.kind == call:
		return p.lang.fill("call", "name", name)
	case c.kind == notice:
		return text
	}
	return p.lang.fill("reaction", "name", name, "text", text)
}
