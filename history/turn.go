package history

import (
	"context"
	"sync"
)

// A turn has the queries of one session answered one after the other: many pages at once would not fit into what may wait for the session.
type turn struct {
	mu    sync.Mutex // tier 4
	taken chan struct{}
}

func (t *turn) take(ctx context.Context) error {
	t.mu.Lock()
	if t.taken == nil {
		t.taken = make(chan struct{}, 1)
	}
	taken := t.taken
	t.mu.Unlock()
	select {
	case taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turn) leave() { <-t.taken }
