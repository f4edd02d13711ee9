package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// A Fault is one kind of broken promise.
type Fault uint8

// Faults.
const (
	Missing   Fault = iota // acknowledged, or seen by a reader, and not there
	Doubled                // there more than once
	Reordered              // one sender's messages are not in the order in which they were sent
	Invented               // there, and nobody sent it, or not so
	Misnamed               // its stanza-id is not what the archive calls it
	Broken                 // the server broke the protocol
	Exposed                // in a room: somebody read or heard what was said when they were no member
	Estranged              // in a room: somebody has it wrong who is inside
	faults
)

func (f Fault) String() string {
	return [...]string{"missing", "doubled", "reordered", "invented", "misnamed", "broken", "exposed", "estranged"}[f]
}

// A Finding is one thing that must not be.
type Finding struct {
	Fault Fault
	Text  string
}

func (f Finding) String() string { return f.Fault.String() + ": " + f.Text }

// keptFindings bounds how many of one kind are described; all are counted.
const keptFindings = 20

// A Verdict is what Check makes of a History.
type Verdict struct {
	Findings []Finding
	Counts   [faults]int

	Sent, Acknowledged, Refused, Unknown int
	StoredAnyway                         int       // refused or unknown, and in an archive: allowed
	Seen                                 [ways]int // deliveries to readers, repeated ones too
	Repeated                             int       // deliveries from offline storage of what an earlier session had been sent: allowed, the server can't know
	Rows                                 int       // in all archives
	Untold                               int       // in a room: refused, and stored all the same, so that nobody inside heard it: allowed
}

// OK tells whether every promise was kept.
func (v *Verdict) OK() bool { return len(v.Findings) == 0 }

func (v *Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sent: %d acknowledged, %d refused, %d unknown; %d rows in the archives, %d messages there though not acknowledged; ",
		v.Sent, v.Acknowledged, v.Refused, v.Unknown, v.Rows, v.StoredAnyway)
	for w, n := range v.Seen {
		fmt.Fprintf(&b, "%d %v, ", n, Way(w))
	}
	fmt.Fprintf(&b, "%d repeated, %d untold.", v.Repeated, v.Untold)
	for f, n := range v.Counts {
		fmt.Fprintf(&b, " %d %v", n, Fault(f))
	}
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "\n\t%v", f)
	}
	return b.String()
}

func (v *Verdict) add(f Fault, format string, args ...any) {
	if v.Counts[f]++; v.Counts[f] <= keptFindings {
		v.Findings = append(v.Findings, Finding{f, fmt.Sprintf(format, args...)})
	}
}

// Check judges a history: in the archives of its sender and of its recipient, and before the eyes of each reader of the recipient's, a message
// that was acknowledged is exactly once, any other at most once, and each sender's are in the order in which they were sent.
func Check(h *History) *Verdict {
	c := checker{History: h, verdict: &Verdict{}, due: make([][]Key, len(h.Archives))}
	for sender, sends := range h.Sends {
		for number, s := range sends {
			c.count(s)
			if s.Outcome == Acknowledged {
				c.owed(Key{sender, number}, slices.Compact([]int{sender, s.To})...)
			}
		}
	}
	for account := range h.Archives {
		c.archive(account)
	}
	for _, r := range h.Readings {
		c.reading(r)
	}
	for _, b := range h.Breaches {
		c.verdict.add(Broken, "%s", b)
	}
	return c.verdict
}

type checker struct {
	*History
	verdict *Verdict
	due     [][]Key          // by account: what was acknowledged and is to or from it; or by room: what was said in it
	named   []map[string]Key // by account: what its archive calls what; nil: it wasn't read
}

func (c *checker) count(s Send) {
	v := c.verdict
	v.Sent++
	switch s.Outcome {
	case Acknowledged:
		v.Acknowledged++
	case Refused:
		v.Refused++
	case Unknown:
		v.Unknown++
	}
}

// owed notes in which archives a message must be.
func (c *checker) owed(k Key, archives ...int) {
	for _, i := range archives {
		if i < len(c.due) {
			c.due[i] = append(c.due[i], k)
		}
	}
}

// sent finds what was sent; nil if nothing was.
func (c *checker) sent(k Key) *Send {
	if k.Sender < 0 || k.Sender >= len(c.Sends) || k.Number < 0 || k.Number >= len(c.Sends[k.Sender]) {
		return nil
	}
	return &c.Sends[k.Sender][k.Number]
}

// A sequence is what is in one place, an archive or before the eyes of a reader, as far as it has been looked at.
type sequence struct {
	*checker
	place string
	seen  map[Key]int
	last  map[int]int // by sender: the number of the last message in order
}

func (c *checker) sequence(place string, size int) *sequence {
	return &sequence{c, place, make(map[Key]int, size), map[int]int{}}
}

// genuine tells whether a message is what somebody sent, and puts it on record if not.
func (q *sequence) genuine(s Sighting) bool {
	v := q.verdict
	if s.Foreign != "" {
		v.add(Invented, "%s: %q: %s", q.place, s.ID, s.Foreign)
		return false
	}
	switch sent := q.sent(s.Key); {
	case sent == nil:
		v.add(Invented, "%s: %v, which was never sent", q.place, s.Key)
		return false
	case sent.To != s.To:
		v.add(Invented, "%s: %v is addressed to %s and not to %s", q.place, s.Key, Name(s.To), Name(sent.To))
		return false
	}
	return true
}

// next takes the next message of the place.
func (q *sequence) next(k Key) {
	sent := q.sent(k)
	q.seen[k]++
	if n := q.seen[k]; n > 1 {
		if n > max(1, int(sent.Copies)) {
			q.verdict.add(Doubled, "%s: %v is there %d times (sent %d times)", q.place, k, n, sent.Tries)
		}
		return
	}
	if sent.Errors > 0 {
		return // it was sent again when others had gone before it
	}
	if last, ok := q.last[k.Sender]; ok && last > k.Number {
		q.verdict.add(Reordered, "%s: %v comes behind number %d", q.place, k, last)
		return
	}
	q.last[k.Sender] = k.Number
}

func (c *checker) archive(account int) {
	rows := c.Archives[account]
	c.named = append(c.named, nil)
	if rows == nil {
		return
	}
	names := make(map[string]Key, len(rows))
	q := c.sequence("the archive of "+Name(account), len(rows))
	for _, r := range rows {
		c.verdict.Rows++
		if other, ok := names[r.ID]; ok {
			c.verdict.add(Doubled, "%s: %v and %v have the same id %q", q.place, other, r.Key, r.ID)
		}
		if names[r.ID] = r.Key; !q.genuine(r) {
			continue
		}
		if r.Sender != account && r.To != account {
			c.verdict.add(Invented, "%s: %v to %s is none of theirs", q.place, r.Key, Name(r.To))
			continue
		}
		if r.Sender == account && c.sent(r.Key).Outcome != Acknowledged {
			c.verdict.StoredAnyway++
		}
		q.next(r.Key)
	}
	c.named[account] = names
	q.missing(c.due[account], func(Key) bool { return true })
}

// missing looks for what must be there.
func (q *sequence) missing(due []Key, wanted func(Key) bool) {
	for _, k := range due {
		if q.seen[k] == 0 && wanted(k) {
			q.verdict.add(Missing, "%s: %v was acknowledged after %d tries, and is not there", q.place, k, q.sent(k).Tries)
		}
	}
}
