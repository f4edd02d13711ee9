package c2s

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	crowd  = netip.MustParsePrefix("192.0.2.1/32")
	single = netip.MustParsePrefix("2001:db8::/64")
)

// TestTurnsAreFair: who comes alone is served right after the one that is being served, however many wait elsewhere.
func TestTurnsAreFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		turns.free = 1
		first, _ := turns.take(crowd, time.Second)
		var mu sync.Mutex
		var order []netip.Prefix
		for _, from := range append(slices.Repeat([]netip.Prefix{crowd}, 100), single) {
			go func() {
				x, ok := turns.take(from, time.Second)
				if !ok {
					t.Error("no turn")
					return
				}
				mu.Lock()
				order = append(order, from)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				x.done()
			}()
			synctest.Wait()
		}
		first.done()
		time.Sleep(time.Second)
		synctest.Wait()
		if i := slices.Index(order, single); len(order) != 101 || i > 1 {
			t.Errorf("%d turns, and the single one came as number %d", len(order), i+1)
		}
		if turns.free != 1 || len(turns.waiting) != 0 || turns.next.Len() != 0 {
			t.Errorf("%d free, %d addresses waiting", turns.free, len(turns.waiting))
		}
	})
}

// TestTurnsEnd: nobody keeps a turn by standing still, and nobody waits for ever.
func TestTurnsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		turns.free = 1
		begun := time.Now()
		still, _ := turns.take(crowd, time.Second)
		if _, ok := turns.take(single, maxTurn/2); ok {
			t.Error("a turn while another has it")
		}
		x, ok := turns.take(single, time.Second)
		if waited := time.Since(begun); !ok || waited != maxTurn {
			t.Errorf("a turn after %v: %v", waited, ok)
		}
		still.done()
		x.done()
		if turns.free != 1 {
			t.Errorf("%d free", turns.free)
		}
	})
}
