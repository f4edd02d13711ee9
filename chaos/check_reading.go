package chaos

// reading judges what one reader has seen.
func (c *checker) reading(r Reading) {
	q := c.sequence("a reader of "+Name(r.Account), len(r.Log))
	session := make(map[Key]int, len(r.Log)) // in which it came last
	for _, d := range r.Log {
		c.verdict.Seen[d.Way]++
		if !q.genuine(d.Sighting) {
			continue
		}
		if d.To != r.Account {
			c.verdict.add(Invented, "%s: %v is for %s", q.place, d.Key, Name(d.To))
			continue
		}
		before, again := session[d.Key]
		session[d.Key] = d.Session
		if again && (d.Way == Offline || d.Way == Resumed) && d.Session > before {
			c.verdict.Repeated++ // the session before ended without a word on what had reached the client; this one may have broken while it was brought that again
			continue
		}
		q.next(d.Key)
		q.stored(d, r.Account)
	}
	if r.Whole {
		q.missing(c.due[r.Account], func(k Key) bool { return c.sent(k).To == r.Account })
	}
}

// stored checks that what was told to a reader is in the archive, under the name that the reader was given.
func (q *sequence) stored(d Delivery, account int) {
	if account >= len(q.named) || q.named[account] == nil {
		return
	}
	switch k, ok := q.named[account][d.ID]; {
	case d.ID == "":
		q.verdict.add(Misnamed, "%s: %v came %v without a stanza-id", q.place, d.Key, d.Way)
	case !ok:
		q.verdict.add(Missing, "%s: %v came %v under the id %q, which is not in the archive", q.place, d.Key, d.Way, d.ID)
	case k != d.Key:
		q.verdict.add(Misnamed, "%s: %v came %v under the id %q, which is that of %v", q.place, d.Key, d.Way, d.ID, k)
	}
}
