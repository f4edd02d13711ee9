package chaos

import (
	"fmt"
	"slices"
	"time"
)

// An outbox is the sending half of a client: what it was to send, what of that is under way, and what the server has said of it (XEP-0198 §4).
type outbox struct {
	sends []Send // by number

	// The stream as it stands; both counts go on when it is resumed.

	unacked []item // what the server has not counted yet, in its order
	counted uint32 // how many it has
	enabled bool   // whether there is a stream that counts
	session int    // how many streams there have been

	// What the last <resumed/> covered. An error for it may be behind that on the stream, so nothing is taken for acknowledged before the server has
	// answered an <r/> that came later.
	limbo []int

	resend []int   // what was under way when a stream was lost for good: sent again before anything new
	retry  []retry // what was refused and is to be sent again under the same id

	underWay int // how many are

	ready func(to int) bool // whether what is to be sent again may go there now; nil: always
}

// An item is a stanza that was sent: a message of ours, or, with number -1, what raw says.
type item struct {
	number  int
	raw     string
	refused bool   // an error came for it, so that a count that covers it says nothing more
	invites *guest // if it is an invitation
}

// A guest is somebody who is invited to a room.
type guest struct{ room, account int }

type retry struct {
	number  int
	due     time.Duration
	session int // in which it was refused
}

// begin starts a stream that counts.
func (o *outbox) begin() {
	o.unacked, o.counted, o.underWay, o.enabled = nil, 0, 0, true
	o.session++
}

// sent notes that a stanza was put on the stream.
func (o *outbox) sent(it item, now time.Duration) {
	o.unacked = append(o.unacked, it)
	if it.number < 0 {
		return
	}
	o.underWay++
	s := &o.sends[it.number]
	s.Last = now
	s.Tries++
}

// cover takes a count of the server's, and gives the messages that it covers. It counts modulo 2^32 (XEP-0198 §4).
func (o *outbox) cover(h uint32) ([]int, error) {
	n := h - o.counted
	if int64(n) > int64(len(o.unacked)) {
		return nil, fmt.Errorf("it has counted %d, after %d, of %d that were sent", h, o.counted, o.counted+uint32(len(o.unacked)))
	}
	var numbers []int
	for _, it := range o.unacked[:n] {
		if it.number >= 0 && !it.refused {
			numbers = append(numbers, it.number)
			o.underWay--
		}
	}
	o.unacked = o.unacked[n:]
	o.counted = h
	return numbers, nil
}

// acknowledged is <a/>, or a <failed/> with a count. It gives those that became known to be acknowledged.
func (o *outbox) acknowledged(h uint32, now time.Duration) ([]int, error) {
	numbers, err := o.cover(h)
	numbers = append(o.limbo, numbers...)
	o.limbo = nil
	for _, n := range numbers {
		o.sends[n].Outcome, o.sends[n].Told = Acknowledged, now
	}
	return numbers, err
}

// refused is an error for a message.
func (o *outbox) refused(number int, now time.Duration) error {
	switch i := slices.IndexFunc(o.unacked, func(it item) bool { return it.number == number && !it.refused }); {
	case i >= 0:
		o.unacked[i].refused = true
		o.underWay--
	case slices.Contains(o.limbo, number):
		o.limbo = slices.DeleteFunc(o.limbo, func(n int) bool { return n == number })
	default:
		return fmt.Errorf("it refused message %d, which was not under way", number)
	}
	s := &o.sends[number]
	s.Outcome, s.Told = Refused, now
	s.Errors++
	return nil
}

// again has a message that was refused sent again.
func (o *outbox) again(number int, due time.Duration) {
	o.sends[number].Outcome = Unknown
	o.retry = append(o.retry, retry{number, due, o.session})
}

// resumed is <resumed/>. What it does not cover is still there and is to go out again, in the same order: it stays in unacked.
func (o *outbox) resumed(h uint32) ([]item, error) {
	numbers, err := o.cover(h)
	o.limbo = append(o.limbo, numbers...)
	o.unacked = slices.DeleteFunc(slices.Clone(o.unacked), func(it item) bool { return it.refused })
	return o.unacked, err
}

// lost says that the stream is gone for good. With ok, h is the count that the server gave at last.
func (o *outbox) lost(h uint32, ok bool, now time.Duration) (known []int, err error) {
	if ok {
		known, err = o.acknowledged(h, now)
	}
	rest := o.limbo
	for _, it := range o.unacked {
		if it.number >= 0 && !it.refused {
			rest = append(rest, it.number)
		}
	}
	o.resend = append(rest, o.resend...)
	o.unacked, o.limbo, o.underWay, o.enabled = nil, nil, 0, false
	return known, err
}

// pending is how many messages have no outcome yet.
func (o *outbox) pending() int { return len(o.resend) + len(o.retry) + len(o.limbo) + o.underWay }

// take gives the next message that is to be sent again; false if there is none now.
func (o *outbox) take(now time.Duration) (number int, ok bool) {
	for i, n := range o.resend {
		if o.may(n) {
			o.resend = slices.Delete(o.resend, i, i+1)
			return n, true
		}
	}
	for i, r := range o.retry {
		if r.due <= now && o.may(r.number) {
			o.retry = slices.Delete(o.retry, i, i+1)
			if r.session == o.session {
				o.sends[r.number].Copies++ // on one stream the same id is another message
			}
			return r.number, true
		}
	}
	return 0, false
}

// may tells whether a message may be sent again now.
func (o *outbox) may(number int) bool { return o.ready == nil || o.ready(o.sends[number].To) }
