package mail

import "time"

// An outage is a time in which the relay can't be used at all: no mail is to blame for it.
type outage struct {
	tries int // that have failed in a row
	until time.Time
	err   error
}
