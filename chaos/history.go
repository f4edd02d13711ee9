package chaos

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Outcome is what the sender of a message knows of it.
type Outcome uint8

// Outcomes.
const (
	Unknown      Outcome = iota // the server said nothing that covers it
	Acknowledged                // the server has counted it (XEP-0198 §4), and had not refused it before
	Refused                     // an error came for it; it may be stored all the same
)

// A Send is one message that a client was to send, whatever became of it. Its sender and its place in History.Sends name it.
type Send struct {
	To      int // whom to: an account's number
	Outcome Outcome
	Errors  uint16 // how often it was refused
	Tries   uint16 // how often it was put on a stream
	Copies  uint16 // how often on one and the same session, for it was sent again after an error: each may be a message (1 otherwise)

	First time.Duration // when it was sent first
	Last  time.Duration // and last
	Told  time.Duration // when its outcome became known
}

// A Key names a message.
type Key struct{ Sender, Number int }

func (k Key) String() string { return fmt.Sprintf("message %d of %s", k.Number, Name(k.Sender)) }

// Name is the local part of an account's address.
func Name(account int) string { return "u" + strconv.Itoa(account) }

// A Sighting is a message as it was found: in an archive, or by a reader.
type Sighting struct {
	Key
	To      int    // whom it is addressed to
	ID      string // what the archive calls it (XEP-0359); empty: nothing
	Foreign string // not empty: it is none of ours, or is not as it was sent; this says why
}

// A Way is how a message came to a reader.
type Way uint8

// Ways.
const (
	Live    Way = iota // at once
	Resumed            // after the connection had broken, on the next one of the same session (XEP-0198 §5)
	Offline            // at the first presence of a new session (XEP-0160)
	Paged              // by asking the archive (XEP-0313)
	ways
)

func (w Way) String() string {
	return [...]string{"live", "on resumption", "from offline storage", "from the archive"}[w]
}

// A Delivery is a message in the order in which a reader's client shows it.
type Delivery struct {
	Sighting
	Way     Way
	Session int // counts the reader's sessions; one that is resumed stays the same
}

// A Reading is what one reader has seen.
type Reading struct {
	Account int
	Log     []Delivery // without what came from the archive and also in another way: a client knows that by the id
	Whole   bool       // it was there until the end: it must have everything
}

// A History is all that a run has noted.
type History struct {
	Sends    [][]Send     // by sender, by number
	Archives [][]Sighting // by account, in the archive's order; nil: it wasn't read
	Readings []Reading
	Breaches []string // what the server said that it must never say
}

// mark begins the body of our messages; the run's tag, the sender and the number follow.
const mark = "chaos"

// A tag tells the messages of one run from others in the same archives.
type tag string

// body is what a message says; it names the message, and nobody else's is the same.
func (t tag) body(k Key) string {
	return fmt.Sprintf("%s %s %d %d: what was acknowledged is kept", mark, t, k.Sender, k.Number)
}

// id is that of the stanza, however often it is sent.
func (t tag) id(k Key) string { return fmt.Sprintf("%s-%d-%d", t, k.Sender, k.Number) }

// number reads an id; false if it is none of this sender's.
func (t tag) number(id string, sender int) (int, bool) {
	rest, ok := strings.CutPrefix(id, string(t)+"-"+strconv.Itoa(sender)+"-")
	n, err := strconv.Atoi(rest)
	return n, ok && err == nil && n >= 0
}

// A carried message is what a stanza says of itself.
type carried struct{ from, to, id, body string } // local parts of the addresses

// sight makes of a message what it is to be judged by.
func (t tag) sight(c carried, archiveID string) Sighting {
	s := Sighting{ID: archiveID}
	fields := strings.Fields(strings.TrimPrefix(c.body, mark+" "+string(t)+" "))
	if !strings.HasPrefix(c.body, mark+" "+string(t)+" ") || len(fields) < 2 {
		s.Foreign = fmt.Sprintf("it says %.60q", c.body)
		return s
	}
	sender, err1 := strconv.Atoi(fields[0])
	number, err2 := strconv.Atoi(strings.TrimSuffix(fields[1], ":"))
	to, err3 := strconv.Atoi(strings.TrimPrefix(c.to, "u"))
	if err1 != nil || err2 != nil || err3 != nil {
		s.Foreign = fmt.Sprintf("it says %.60q, to %q", c.body, c.to)
		return s
	}
	s.Key, s.To = Key{sender, number}, to
	switch {
	case c.body != t.body(s.Key):
		s.Foreign = fmt.Sprintf("its text was changed to %.60q", c.body)
	case c.from != Name(sender):
		s.Foreign = fmt.Sprintf("it is said to come from %q", c.from)
	case c.id != t.id(s.Key):
		s.Foreign = fmt.Sprintf("its id was changed to %q", c.id)
	}
	return s
}
