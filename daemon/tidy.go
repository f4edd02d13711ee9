package daemon

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"palabre/xmpp"
)

// tidyEvery is how often the daemon looks whether a busy time has come to its end.
const tidyEvery = time.Second

// tidy gives memory back after a busy time. A wave of logins leaves garbage, and stacks that have grown; the runtime gives such memory back by itself,
// but only with the next collection, which in a quiet server is up to two minutes away. Collecting thrice halves the stacks as often.
func (d *Daemon) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	last, dirt := d.work(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := d.work()
		done := now - last
		last, dirt = now, dirt+done
		if quiet := done <= dirt/16; !quiet || dirt < 1000 {
			continue
		}
		dirt = 0
		runtime.GC()
		runtime.GC()
		debug.FreeOSMemory()
	}
}

// work counts what makes garbage: connections, and stanzas, of which a connection makes as much as some ten.
func (d *Daemon) work() int64 {
	n := 10 * d.C2S.Stats.Accepted()
	for _, k := range []xmpp.Kind{xmpp.Message, xmpp.Presence, xmpp.IQ} {
		in, _ := d.Host.Stats.Stanzas(k)
		n += in
	}
	return n
}
