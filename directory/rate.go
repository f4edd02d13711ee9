package directory

import (
	"sync"
	"time"

	"palabre/server"
)

// asking: who types fast asks five times in a second, and then for the pictures of those that were found.
var asking = server.Pace{Burst: 60, Each: 100 * time.Millisecond}

// spent counts what a session has asked.
type spent struct {
	mu    sync.Mutex // tier 4
	asked server.Bucket
}

// membersCost is what it counts to ask for the members of a group: all of them are read.
const membersCost = 10

// take counts a question; false if that is too many.
func (s *spent) take(now time.Time, cost int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked.Take(now, cost, asking)
}
