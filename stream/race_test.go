//go:build race

package stream

// Under the race detector a sync.Pool drops some of what it is given.
func init() { pooled = false }
