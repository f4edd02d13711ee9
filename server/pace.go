package server

import "time"

// A Pace is how much may be done at once, and after how long one more.
type Pace struct {
	Burst int
	Each  time.Duration
}

// A Bucket bounds how often something is done: so much at once, and then one more each time that so long has passed. It is full at first. Its owner
// guards it.
type Bucket struct {
	used float64
	at   time.Time
}

// Take takes n out; false if there is not as much, and then none is taken.
func (b *Bucket) Take(now time.Time, n int, p Pace) bool {
	if past := now.Sub(b.at); past > 0 {
		b.used = max(0, b.used-float64(past)/float64(p.Each))
		b.at = now
	}
	if b.used+float64(n) > float64(p.Burst) {
		return false
	}
	b.used += float64(n)
	return true
}
