package mail

import "sync/atomic"

// Stats count what an outbox does. Any goroutine may read them.
type Stats struct {
	queued, sent, refused, deferred, connections atomic.Int64
	away                                         atomic.Bool
}

// Queued is how many mails were queued since the start.
func (s *Stats) Queued() int64 { return s.queued.Load() }

// Sent is how many recipients the relay has taken mail for.
func (s *Stats) Sent() int64 { return s.sent.Load() }

// Refused is how many recipients could not be reached in the end.
func (s *Stats) Refused() int64 { return s.refused.Load() }

// Deferred is how many tries put a mail off.
func (s *Stats) Deferred() int64 { return s.deferred.Load() }

// Connections is how many the relay has taken.
func (s *Stats) Connections() int64 { return s.connections.Load() }

// Away tells whether the relay could not be used the last time.
func (s *Stats) Away() bool { return s.away.Load() }
