package daemon

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"palabre/history"
)

// mostKept bounds how long messages can be kept, short of for ever.
const mostKept = 100 * 366 * 24 * time.Hour

// parseKeep reads for how long messages are kept: days, "365d", or hours, "36h"; empty is for ever, and 0 then. The error is a sentence.
func parseKeep(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	for unit, each := range map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour} {
		number, ok := strings.CutSuffix(text, unit)
		n, err := strconv.ParseUint(number, 10, 32)
		if ok && err == nil && n > 0 && time.Duration(n) <= mostKept/each {
			return time.Duration(n) * each, nil
		}
	}
	return 0, fmt.Errorf("%q is not a time such as 365d or 36h (leave it empty to keep messages for ever)", text)
}

func (c *Config) checkHistory() error {
	if _, err := parseKeep(c.History.Keep); err != nil {
		return wrong("history.keep", "%v", err)
	}
	for name, d := range c.Domain {
		if d.History.Keep == nil {
			continue
		}
		if _, err := parseKeep(*d.History.Keep); err != nil {
			return wrong("domain."+name+".history.keep", "%v", err)
		}
	}
	return nil
}

// expire deletes messages that have been kept for long enough, until the context ends.
func (d *Daemon) expire(ctx context.Context) {
	if keep := d.Config.keep(); len(keep) > 0 {
		r := history.Retention{Store: d.Store, Keep: keep, Now: time.Now, Log: d.Log}
		r.Run(ctx)
	}
}

// keep tells for how long messages are kept in the archives of domains; those of rooms have what their people's domain has.
func (c *Config) keep() map[string]time.Duration {
	keep := map[string]time.Duration{}
	for _, domain := range c.Domains {
		if t, err := parseKeep(c.HistoryOf(domain).Keep); err == nil && t > 0 { // Load has checked it
			keep[domain], keep[c.RoomsOf(domain).Service] = t, t
		}
	}
	return keep
}
