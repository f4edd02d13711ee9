package server

import "sync"

// asides are goroutines that the kernel starts where it can't wait, and that Shutdown waits for.
type asides struct {
	running sync.WaitGroup
	mu      sync.Mutex // leaf
	ended   bool
}

// beside runs fn beside whoever calls. false: it does not, for the server is down.
func (h *Host) beside(fn func()) bool {
	a := &h.asides
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return false
	}
	a.running.Go(fn)
	return true
}

func (a *asides) end() {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	a.running.Wait()
}
