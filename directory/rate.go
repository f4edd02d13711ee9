package directory

import (
	"sync"
	"time"
)

// Who types fast asks five times in a second, and then for the pictures of those that were found.
const (
	askedAtOnce = 60
	askedEach   = 100 * time.Millisecond
)

// spent counts what a session has asked: so much at once, and one more each time that so long has passed.
type spent struct {
	mu   sync.Mutex // tier 4
	free time.Time  // when nothing of it will count any more
}

// take counts one more question; false if that is too many.
func (s *spent) take(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free.Before(now) {
		s.free = now
	}
	if s.free.Sub(now) > (askedAtOnce-1)*askedEach {
		return false
	}
	s.free = s.free.Add(askedEach)
	return true
}
