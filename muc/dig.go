package muc

import (
	"context"
	"time"

	"palabre/xmpp"
)

// How much of what was said one who comes in is sent, at most. It has to fit into what may wait for a client.
const (
	historyMost  = 500
	historyBytes = 512 << 10
)

// A wish is what somebody who comes in is to be sent of what was said, the newest of it.
type wish struct {
	most  int       // messages, at most
	after int64     // only what is behind this position, and ...
	least int       // ... so many in any case
	since time.Time // only what was said then or later
	chars int       // at most; -1: not said
}

// wishLocked reads a request (XEP-0045 §7.2.13). A member who does not say how much is sent what was said since they were last inside: clients that know no archive find
// what they have missed.
func (r *Room) wishLocked(account xmpp.JID, ask historyRequest) wish {
	w := wish{most: usualHistory, since: ask.since, chars: ask.chars}
	if p := r.people[account]; !ask.said && p != nil && p.Affiliation >= Member && p.Last > 0 {
		w.most, w.after, w.least = historyMost, p.Last, usualHistory
	}
	if ask.said {
		w.most = historyMost
	}
	if ask.stanzas >= 0 {
		w.most = min(ask.stanzas, historyMost)
	}
	if r.config.Fetch >= 0 {
		w.most = min(w.most, r.config.Fetch)
	}
	w.least = min(w.least, w.most)
	return w
}

// A dig is what has been read from the archive for somebody who comes in: what lies before what the room has at hand. While there is one, the room lets nothing go of that, so that
// nothing is missing between the two.
type dig struct {
	wish
	rows  []past
	of    time.Time        // when the room was made that they are of
	first int64            // where what is at hand began; 0: nothing was
	taken map[int64]string // what has been taken back meanwhile, and what stands in its place
}

// dig is called before somebody comes in, without the lock; fillLocked has to be called with it.
func (r *Room) dig(ctx context.Context, from xmpp.JID, e *entry) error {
	r.mu.Lock()
	d := &dig{wish: r.wishLocked(from.Bare(), e.history), of: r.created, taken: map[int64]string{}}
	if r.digs == nil {
		r.digs = map[*dig]bool{}
	}
	r.digs[d] = true
	e.dig = d
	var within []Interval
	short := 0
	if r.stored && r.archivesLocked() && (r.seats[from] != nil || r.admitLocked(from.Bare(), e) == nil) {
		within = r.visibleLocked(from)
		short, d.first = r.recent.short(within, &d.wish)
	}
	r.mu.Unlock()
	if short <= 0 || len(within) == 0 {
		return nil
	}
	rows, err := r.below(ctx, clip(within, d.after, d.first), short, d.since)
	if missing := short - (d.most - d.least) - len(rows); err == nil && d.after > 0 && missing > 0 {
		var more []past
		more, err = r.below(ctx, clip(within, 0, d.after+1), missing, d.since)
		rows = append(more, rows...)
	}
	if err != nil {
		r.mu.Lock()
		r.filledLocked(e)
		r.mu.Unlock()
		return err
	}
	d.rows = rows
	return nil
}

// filledLocked ends a dig, and lets the next one come in.
func (r *Room) filledLocked(e *entry) {
	delete(r.digs, e.dig)
	if e.queued {
		e.queued = false
		<-r.coming
	}
}

// below reads the last n messages within intervals.
func (r *Room) below(ctx context.Context, within []Interval, n int, since time.Time) ([]past, error) {
	if len(within) == 0 {
		return nil, nil
	}
	rows, err := r.service.opts.Archive.Rows(ctx, r.JID, RowQuery{Within: within, Last: n, Since: since})
	if err != nil {
		return nil, err
	}
	out := make([]past, 0, len(rows))
	for _, row := range rows {
		if !isSubject(row.Stanza) {
			out = append(out, r.pastOf(row))
		}
	}
	return out, nil
}

// pastOf is a message of the archive as it was when it was said: who was behind the nick is for those alone who may know.
func (r *Room) pastOf(row Row) past {
	st := row.Stanza.Without(func(c xmpp.Child) bool { return c.Name == xmpp.Name{Space: nsUser, Local: "x"} })
	return past{st: keptStanza(st), tail: r.stanzaID(row.ID), id: row.ID, at: timeOf(row.ID)}
}

// short tells how many messages that somebody wants may lie before those at hand, and where those begin.
func (l *recent) short(within []Interval, w *wish) (n int, first int64) {
	switch {
	case !l.more || w.most == 0:
		return 0, 0
	case len(l.list) == 0:
		return w.most, 0
	}
	visible := 0
	for i := range l.list {
		if contains(within, l.list[i].id) {
			visible++
		}
	}
	if n = w.most - visible; n <= 0 {
		return 0, 0
	}
	oldest := &l.list[0]
	if w.after > 0 && oldest.id != 0 && oldest.id <= w.after && visible >= w.least || !w.since.IsZero() && oldest.at.Before(w.since) {
		return 0, 0
	}
	return n, oldest.id
}

// clip gives what of intervals lies behind one position and before another; 0: there is none.
func clip(within []Interval, after, before int64) []Interval {
	var out []Interval
	for _, i := range within {
		i.Since = max(i.Since, after)
		if before != 0 && (i.Until == 0 || i.Until > before) {
			i.Until = before
		}
		if i.Until == 0 || i.Until > i.Since+1 {
			out = append(out, i)
		}
	}
	return out
}

// historyLocked is what somebody who comes in is sent, when it is told that they do: everything that was ordered before has been told, and nothing that came later has.
func (r *Room) historyLocked(s *seat, e *entry) []past {
	w, within, rows := e.dig.wish, r.visibleLocked(s.jid), e.dig.rows
	if !e.dig.of.Equal(r.created) { // that room has ended, and this is another one
		w, rows = r.wishLocked(s.jid.Bare(), e.history), nil
	}
	var all []past
	last := int64(0)
	for _, p := range rows {
		if inner, ok := e.dig.taken[p.id]; ok {
			p = p.with(inner)
		}
		if contains(within, p.id) {
			all = append(all, p)
		}
		last = p.id
	}
	if r.recent.dropped >= max(e.dig.first, last) && last > 0 { // more was said meanwhile than can be held: what is sent has no gap
		all = nil
	}
	for _, p := range r.recent.visible(within) {
		if p.id > last || p.id == 0 {
			all = append(all, p)
		}
	}
	first, size, chars := len(all), 0, 0
	for first > 0 && len(all)-first < w.most {
		p := &all[first-1]
		tail := r.stamp(p.at)
		size += p.size() + len(tail)
		chars += len(p.st.Inner) + len(p.tail) + len(tail)
		if p.at.Before(w.since) || size > historyBytes || w.chars >= 0 && chars > w.chars || p.id <= w.after && len(all)-first >= w.least && w.after > 0 {
			break
		}
		first--
		p.tail += tail
	}
	return all[first:]
}

// with gives a message with something else in it.
func (p past) with(inner string) past {
	st := *p.st
	st.Inner = inner
	p.st = &st
	return p
}
