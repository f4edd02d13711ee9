package server

import (
	"context"
	"fmt"

	"palabre/stream"
)

// Shutdown ends every session with system-shutdown, but for those that outlive their connections, which are cut, and waits for what is under way: what clients have
// sent before is dealt with. Nobody gets a session, or one's connection, from now on. If the context ends first, requests that are answered beside their streams
// are told to give up.
func (h *Host) Shutdown(ctx context.Context) error {
	h.gate.Lock()
	h.stopping = true
	h.gate.Unlock()
	for _, s := range h.Sessions() {
		e := &stream.Error{Condition: stream.SystemShutdown, Text: "The server is going down for a moment. Your client may reconnect."}
		if !s.interrupt() {
			s.leave(e)
		}
	}
	done := make(chan struct{})
	go func() {
		h.live.Wait()
		h.asides.end()
		h.later.Wait()
		close(done)
	}()
	defer h.giveUp()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("server: shutdown: %w", ctx.Err())
	}
}
