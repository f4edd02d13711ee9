package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// One is through at a time; who gives up waiting leaves its place to the next.
func TestTurnstile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns Turnstile
		if err := turns.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		given, through := make(chan error, 1), false
		go func() { given <- turns.Take(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up gets %v", err)
		}
		go func() {
			given <- turns.Take(t.Context())
			through = true
			turns.Leave()
		}()
		synctest.Wait()
		if through {
			t.Error("two are through at once")
		}
		turns.Leave()
		if err := <-given; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !through {
			t.Error("nobody is let through")
		}
	})
}
