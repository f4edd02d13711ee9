package letter

import (
	"context"
	"fmt"
	"time"

	"palabre/xmpp"
)

const (
	longCount = 5000    // messages of a letter that is sent as an attachment from then on
	longSize  = 2 << 20 // likewise, bytes of what was said
)

// A Scribe writes letters.
type Scribe struct {
	Archive   Archive
	Templates *Templates
}

// A Query asks for a letter.
type Query struct {
	Archive      xmpp.JID       // bare: a room, or the account whose archive is read
	With         xmpp.JID       // whom a conversation of two is with; full: an occupant of a room. Zero for a room's archive
	Within       []Span         // what may be seen; none: nothing
	Since, Until time.Time      // zero: whenever
	Language     string         // as xml:lang has it; English if there are no templates in it
	Zone         *time.Location // of the times in the letter; nil: UTC
	Title        string         // what the room is called, or the other one
	Requester    string         // who asks for the letter, as its readers know them; may be empty

	// Name says what an account is called. nick is what it was called in the room, or empty. If it says nothing, people are called by their nick, or address. In a room that does not show who its
	// occupants are, it must not tell either. It may be called more than once for one account.
	Name func(account xmpp.JID, nick string) string
}

// reading is what of the archive is asked for.
func (q *Query) reading() Reading {
	return Reading{Archive: q.Archive, With: q.With, Within: q.Within, Since: q.Since, Until: q.Until}
}

// A Letter is what was said, to be written as often as one likes, but not by two at once: messages that come later are not in it, and those that are taken back meanwhile are shown as such.
type Letter struct {
	Subject string // one line of at most a hundred columns
	Count   int    // messages

	scribe *Scribe
	query  Query
	survey *survey
	lang   *language
}

// Letter reads what was said once, and says what the letter will be. Its errors are those of the Archive.
func (w *Scribe) Letter(ctx context.Context, q Query) (*Letter, error) {
	if q.Zone == nil {
		q.Zone = time.UTC
	}
	lang := w.Templates.language(q.Language)
	q.Language = lang.code
	q.Title = oneLine(q.Title, titleMost)
	q.Requester = oneLine(q.Requester, titleMost)
	l := &Letter{scribe: w, query: q, lang: lang}
	var err error
	if l.survey, err = w.lookOver(ctx, &l.query); err != nil {
		return nil, fmt.Errorf("letter: %w", err)
	}
	l.Count = l.survey.count
	l.Subject = l.subject()
	return l, nil
}

// titleMost is how many columns a title has.
const titleMost = 60

// Long tells whether the letter is too long for a mail: it is sent as an attachment then, with a cover.
func (l *Letter) Long() bool { return l.Count > longCount || l.survey.size > longSize }

// subject is the mail's.
func (l *Letter) subject() string {
	s := l.lang.fill(l.about(), "title", oneLine(l.query.Title, 40))
	if l.Count > 0 {
		begin, end := l.lang.short(l.survey.begin.In(l.query.Zone)), l.lang.short(l.survey.end.In(l.query.Zone))
		if s += ", " + begin; begin != end {
			s += " – " + end
		}
	}
	return oneLine(s, 100)
}

// about is the text that says what the letter is about.
func (l *Letter) about() string {
	if l.query.With.IsZero() {
		return "about_room"
	}
	return "about_conversation"
}
