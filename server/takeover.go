package server

import (
	"slices"
	"time"
)

// Two clients with one resource, such as those of a copied profile, would oust each other for ever, since each comes back: a resource that has been taken over
// twice within a minute is given to nobody for the rest of it who would oust another (RFC 6120 §7.7.2.2 leaves this to the server).
const (
	takeoverTime = time.Minute
	takeoverMost = 2
)

// A takeover is a resource that has changed hands lately.
type takeover struct {
	resource string
	times    int
	since    time.Time
}

// taken notes that a resource has been taken over.
func (a *Account) takenLocked(resource string, now time.Time) {
	a.recentLocked(now)
	for i := range a.takeovers {
		if t := &a.takeovers[i]; t.resource == resource {
			t.times++
			return
		}
	}
	a.takeovers = append(a.takeovers, takeover{resource, 1, now})
}

// contested tells whether a resource is in use and has been taken over too often.
func (a *Account) contestedLocked(resource string, now time.Time) bool {
	a.recentLocked(now)
	return a.Session(resource) != nil && slices.ContainsFunc(a.takeovers, func(t takeover) bool {
		return t.resource == resource && t.times >= takeoverMost
	})
}

// recentLocked forgets what was long ago. What is left has been in use within a minute, so that it is bounded by how fast one can log in.
func (a *Account) recentLocked(now time.Time) {
	a.takeovers = slices.DeleteFunc(a.takeovers, func(t takeover) bool { return now.Sub(t.since) >= takeoverTime })
	if len(a.takeovers) == 0 {
		a.takeovers = nil
	}
}
