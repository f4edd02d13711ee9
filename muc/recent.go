package muc

import (
	"time"

	"palabre/xmpp"
)

const (
	recentMost  = 50       // messages that a room that is awake has at hand for those who come in
	recentBytes = 64 << 10 // and their size, at most

	heldMost  = 2000 // the same while somebody is coming in
	heldBytes = 2 << 20
)

// A past is a message as those who come in later are sent it.
type past struct {
	st   *xmpp.Stanza
	tail string
	id   int64 // in the archive; 0 if there is none
	at   time.Time
}

func (p *past) size() int { return len(p.st.Inner) + len(p.tail) + 256 }

// recent is the newest messages of a room, the oldest first.
type recent struct {
	list    []past
	size    int
	more    bool  // there may be earlier ones in the archive
	dropped int64 // the last one that was let go of
}

// add adds a message. While they are held, few are let go of.
func (l *recent) add(p past, held bool) {
	most, bytes := recentMost, recentBytes
	if held {
		most, bytes = heldMost, heldBytes
	}
	l.list = append(l.list, p)
	l.size += p.size()
	drop := 0
	for drop < len(l.list)-1 && (len(l.list)-drop > most || l.size > bytes) {
		l.size -= l.list[drop].size()
		l.dropped, l.more = max(l.dropped, l.list[drop].id), true
		drop++
	}
	clear(l.list[:drop])
	l.list = l.list[drop:]
}

// visible is what lies within the intervals.
func (l *recent) visible(within []Interval) []past {
	var out []past
	for _, p := range l.list {
		if contains(within, p.id) {
			out = append(out, p)
		}
	}
	return out
}

func contains(within []Interval, id int64) bool {
	for _, i := range within {
		if i == (Interval{}) || id > i.Since && (i.Until == 0 || id < i.Until) {
			return true
		}
	}
	return false
}
