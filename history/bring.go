package history

import (
	"cmp"
	"slices"

	"palabre/server"
	"palabre/stream"
)

// asksItself notes that the client of a session reads the archive. What comes from now on it may not find there any more.
func (o *offline) asksItself(s *server.Session) {
	c := o.clients.Get(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun {
		c.reads, c.read = true, FirstAt(o.m.host.Now())
	}
}

// hasRead notes how far the answer to a client's question has brought it: to the last row that there is, or as far as it will go on to ask.
func (o *offline) hasRead(s *server.Session, q *question, rows []Row, complete bool) {
	if q.query.Before != 0 || !q.readsAll() {
		return
	}
	c := o.clients.Get(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun || !complete && !q.query.Backwards {
		return
	}
	c.read = q.query.After
	if len(rows) > 0 {
		c.read = rows[len(rows)-1].ID
	}
}

// readsAll tells whether a question is not about somebody, or some messages.
func (q *question) readsAll() bool { return q.query.With.IsZero() && q.query.IDs == nil }

// skip notes a row that is not sent because it will be brought. If there are too many, the store is asked for the rest.
func (c *client) skip(id int64) {
	if len(c.skipped) < mostInTransit {
		c.skipped = append(c.skipped, id)
	} else {
		c.more = true
	}
}

// bring sends rows, and tells whether there may be more: at once, or when these have been acknowledged. When the store has no more, what was skipped meanwhile is sent
// too, and the client has caught up: however much comes in, nobody runs after it.
func (c *client) bring(s *server.Session, t *transit, rows []Row) (wait, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.running = !wait && !done }()
	full := len(rows) == catchUpPage
	if len(rows) > 0 {
		c.last = rows[len(rows)-1].ID
	}
	if c.reads {
		rows = c.notRead(t, rows)
	}
	own := c.takeSkipped(!full)
	for _, id := range t.claim(withRows(rows, own), own) {
		c.waits++
		s.Write(stream.Packet{Mark: id})
	}
	if n := len(rows); n > 0 && !c.reads {
		t.covered(rows[n-1].ID)
	}
	switch {
	case full && c.waits > 0:
		return true, false
	case full:
		return false, false
	case c.more:
		c.more = false
		return false, false
	}
	c.caughtUp = true
	return false, true
}

// notRead gives the rows that the client does not find in the archive, or has not found there, and was not sent as they came. The others are its own business, and wait for
// nobody.
func (c *client) notRead(t *transit, rows []Row) (out []Row) {
	var read []int64
	for _, r := range rows {
		if (r.Kind&Hidden != 0 || r.ID > c.read) && (c.live == 0 || r.ID < c.live) {
			out = append(out, r)
		} else {
			read = append(read, r.ID)
		}
	}
	t.read(read)
	return out
}

// takeSkipped gives, in their order, the skipped rows that the client has come to, or all.
func (c *client) takeSkipped(all bool) []int64 {
	slices.Sort(c.skipped)
	n := len(c.skipped)
	if !all {
		n, _ = slices.BinarySearch(c.skipped, c.last+1)
	}
	own := slices.Clip(c.skipped[:n])
	if c.skipped = c.skipped[n:]; len(c.skipped) == 0 {
		c.skipped = nil
	}
	return own
}

// withRows adds rows by their ids, where they are missing.
func withRows(rows []Row, ids []int64) []Row {
	for _, id := range ids {
		i, there := slices.BinarySearchFunc(rows, id, func(r Row, id int64) int { return cmp.Compare(r.ID, id) })
		if !there {
			rows = slices.Insert(rows, i, Row{ID: id, Kind: Waits})
		}
	}
	return rows
}

// isBehind tells whether a session that takes messages is still to be brought what has waited: what comes now is not to overtake that.
func (o *offline) isBehind(s *server.Session) bool {
	if !willing(s) {
		return false
	}
	c := o.clients.Get(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.caughtUp
}
