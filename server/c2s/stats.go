package c2s

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats counts; the daemon shows it to Prometheus.
type Stats struct {
	accepted, connections, evicted, handshakes, panics atomic.Int64

	mu     sync.Mutex // leaf
	logins map[Login]int64
}

// A Login is a way in which a try to log in ends. Both fields are of a small closed set.
type Login struct {
	Mechanism string // one that was offered, or "other"
	Result    string // "success", or a condition of RFC 6120 §6.5
}

// Accepted is how many connections there have been.
func (s *Stats) Accepted() int64 { return s.accepted.Load() }

// Connections is how many there are.
func (s *Stats) Connections() int64 { return s.connections.Load() }

// Evicted is how many gave way to a newer one before they had logged in.
func (s *Stats) Evicted() int64 { return s.evicted.Load() }

// HandshakeFailures is how many TLS handshakes failed.
func (s *Stats) HandshakeFailures() int64 { return s.handshakes.Load() }

// Panics is how many connections ended by an error of ours.
func (s *Stats) Panics() int64 { return s.panics.Load() }

// Logins is how often each way to end a try has been met.
func (s *Stats) Logins() map[Login]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.logins)
}

func (s *Stats) login(mechanism, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logins == nil {
		s.logins = map[Login]int64{}
	}
	s.logins[Login{mechanism, result}]++
}

// Waiting is how many connections have not logged in.
func (s *Server) Waiting() int { return s.lobby.waiting() }

// QueuedBytes is how many bytes wait to be sent, to all clients together.
func (s *Server) QueuedBytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for c := range s.conns {
		c.mu.Lock()
		if c.queue != nil {
			total += c.queue.Pending()
		}
		c.mu.Unlock()
	}
	return total
}
