package resumption

import "sync/atomic"

// Stats counts; the daemon shows it to Prometheus.
type Stats struct{ waiting, resumed, refused, saved, restored atomic.Int64 }

// Waiting is how many sessions are without a connection.
func (s *Stats) Waiting() int64 { return s.waiting.Load() }

// Resumed is how often a client has gone on with its session.
func (s *Stats) Resumed() int64 { return s.resumed.Load() }

// Refused is how often one could not.
func (s *Stats) Refused() int64 { return s.refused.Load() }

// Saved is how many sessions were put away when the server went down, Restored how many it found when it started.
func (s *Stats) Saved() int64 { return s.saved.Load() }

// Restored is how many sessions the server found when it started.
func (s *Stats) Restored() int64 { return s.restored.Load() }
