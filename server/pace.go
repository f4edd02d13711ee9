package server

import (
	"sync"
	"time"

	"palabre/xmpp"
)

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

// A Meter is a Bucket for each account, all of one Pace, which is the same at each call. It knows an account for as long as its bucket is not full, whether or not it has a
// session: whoever logs in again has no more than before.
type Meter struct {
	mu      sync.Mutex // a leaf
	buckets map[xmpp.JID]*Bucket
	most    int // buckets, until the full ones are let go
}

// Take takes n out of an account's bucket; false if there is not as much, and then none is taken.
func (m *Meter) Take(now time.Time, account xmpp.JID, n int, p Pace) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.buckets[account]
	if b == nil {
		if len(m.buckets) >= m.most {
			m.forgetLocked(now, p)
		}
		b = &Bucket{}
		m.buckets[account] = b
	}
	return b.Take(now, n, p)
}

const fewBuckets = 100

func (m *Meter) forgetLocked(now time.Time, p Pace) {
	if m.buckets == nil {
		m.buckets = map[xmpp.JID]*Bucket{}
	}
	for account, b := range m.buckets {
		if b.Take(now, 0, p); b.used == 0 {
			delete(m.buckets, account)
		}
	}
	m.most = max(fewBuckets, 2*len(m.buckets))
}
