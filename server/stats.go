package server

import (
	"sync/atomic"

	"palabre/xmpp"
)

// Stats counts; package cmd shows it to Prometheus.
type Stats struct {
	sessions atomic.Int64
	in, out  [3]atomic.Int64 // by xmpp.Kind
}

// Sessions is how many sessions there are.
func (s *Stats) Sessions() int64 { return s.sessions.Load() }

// Stanzas is how many stanzas of a kind clients sent, and were sent.
func (s *Stats) Stanzas(k xmpp.Kind) (in, out int64) { return s.in[k].Load(), s.out[k].Load() }
