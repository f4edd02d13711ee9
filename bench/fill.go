package bench

import (
	"context"
	"fmt"
	"time"
)

// fill sends what the limits of the lanes allow, and waits until all of it has arrived.
func (t *traffic) fill(ctx context.Context) error {
	total, count := uint64(0), uint64(0)
	for _, l := range t.lanes {
		total += l.limit * l.fan
	}
	t.open()
	for since := time.Now(); ; {
		if err := pause(ctx, sampling); err != nil {
			return err
		}
		before := count
		count = 0
		for _, l := range t.lanes {
			count += l.arrived.Load()
		}
		switch {
		case count == total:
			t.check()
			return nil
		case count > before:
			since = time.Now()
		case time.Since(since) > t.run.settle:
			return fmt.Errorf("bench: %d of %d messages did not arrive", total-count, total)
		}
	}
}
