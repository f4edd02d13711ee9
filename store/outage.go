package store

import (
	"sync/atomic"
	"time"
)

// An outage is what is known of a database that does not answer. A client that does ten things one after the other is not to wait ten times:
// once a try has used up its time, and nobody else has got through since it began, whoever comes is told at once that the database is
// away, for a little while; then somebody tries again. Times are in Unix nanoseconds.
type outage struct {
	good atomic.Int64 // the last success
	bad  atomic.Int64 // the last failure that nobody's success has proved wrong
}

// over notes that a try got through.
func (o *outage) over(now time.Time) { o.good.Store(now.UnixNano()) }

// failed notes that a try failed that began at start.
func (o *outage) failed(start, now time.Time) {
	if o.good.Load() < start.UnixNano() {
		o.bad.Store(now.UnixNano())
	}
}

// known tells whether there is no point in trying just now.
func (o *outage) known(now time.Time) bool {
	bad := o.bad.Load()
	return bad > o.good.Load() && now.UnixNano()-bad < int64(longestPause)
}
