package server

import (
	"context"
	"sync"
)

// A Turnstile lets one after the other through, so that what they do needs no lock while the store works on it. The zero one is ready.
type Turnstile struct {
	mu    sync.Mutex // tier 4
	taken chan struct{}
}

// Take waits for its turn, or gives the context's error.
func (t *Turnstile) Take(ctx context.Context) error {
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

// Leave lets the next one through. It comes once after each Take that gave no error.
func (t *Turnstile) Leave() { <-t.taken }
