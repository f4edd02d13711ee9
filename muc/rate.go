package muc

import (
	"sync"
	"time"
)

// A bucket bounds how often something is done: so much at once, and then one more each time that so long has passed. It is full at first.
type bucket struct {
	used float64
	at   time.Time
}

// A pace is how much at once, and after how long one more.
type pace struct {
	burst int
	each  time.Duration
}

// take takes n out; false if there is not as much, and then none is taken.
func (b *bucket) take(now time.Time, n int, p pace) bool {
	if past := now.Sub(b.at); past > 0 {
		b.used = max(0, b.used-float64(past)/float64(p.each))
		b.at = now
	}
	if b.used+float64(n) > float64(p.burst) {
		return false
	}
	b.used += float64(n)
	return true
}

// spent counts what one account has done to others, by way of whichever rooms. It hangs on the account, and so lasts as long as a session.
type spent struct {
	mu      sync.Mutex // tier 4
	invited bucket
	letters bucket
}
