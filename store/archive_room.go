package store

import (
	"context"

	"palabre/history"
)

// say is an append of one entry.
func say(ctx context.Context, t *turn, s *history.Said) error {
	return appendEntries(ctx, t, &s.Append)
}
