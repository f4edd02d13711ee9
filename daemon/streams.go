package daemon

import (
	"context"
	"time"
)

// streamsEvery is how often streams are forgotten that nobody asks for any more.
const streamsEvery = time.Hour

// tidyStreams forgets them, until the context ends.
func (d *Daemon) tidyStreams(ctx context.Context) {
	tick := time.NewTicker(streamsEvery)
	defer tick.Stop()
	for {
		d.resumption.Tidy(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
