package mail

import (
	"context"
	"time"
)

// An outage is a time in which the relay can't be used at all: no mail is to blame for it, and none is counted as tried.
type outage struct {
	tries int // that have failed in a row
	until time.Time
	text  string // why
}

// mayConnect tells whether it is time to try the relay.
func (o *Outbox) mayConnect() bool {
	now := o.opts.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.outage.until.After(now)
}

// away notes that the relay can't be used, and gives up what has waited for too long.
func (o *Outbox) away(ctx context.Context, err error) {
	o.mu.Lock()
	o.outage.tries++
	wait := o.outage.tries
	o.mu.Unlock()
	until := o.opts.Now().Add(o.pause(wait))
	o.mu.Lock()
	again := o.outage.text == err.Error()
	o.outage.until, o.outage.text = until, err.Error()
	o.mu.Unlock()
	o.Stats.away.Store(true)
	if !again {
		o.opts.Log.Error("no mail can be sent; what is in the outbox waits", "module", "mail", "err", err, "until", until)
	}
	o.reportAway(err)
	if err := o.expire(ctx, err); err != nil {
		o.unreadable(ctx, err)
	}
}

// back notes that the relay can be used.
func (o *Outbox) back() {
	o.mu.Lock()
	was := o.outage.tries > 0
	o.outage = outage{}
	o.mu.Unlock()
	o.Stats.away.Store(false)
	if was {
		o.opts.Log.Info("mail can be sent again", "module", "mail")
		o.signal()
	}
}

// expire gives up mails that were queued long ago. The relay being away, none is being sent.
func (o *Outbox) expire(ctx context.Context, why error) error {
	before := o.opts.Now().Add(-o.opts.Retry)
	for at := (Mark{}); ; {
		page, err := o.opts.Store.Mails(ctx, Waits, at, 100)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, l := range page {
			at = Mark{Due: l.Due, ID: l.ID}
			if l.Queued.After(before) || !o.claim(l.ID, time.Time{}) {
				continue
			}
			if err := o.expireOne(ctx, l.ID, why); err != nil {
				return err
			}
		}
	}
}

// expireOne gives up one that was claimed.
func (o *Outbox) expireOne(ctx context.Context, id string, why error) error {
	defer o.release(id)
	m, err := o.opts.Store.Mail(ctx, id)
	if err != nil || m.State != Waits {
		return err
	}
	for i := range m.To {
		if d := &m.To[i]; d.State == Pending {
			d.Answer = clean(why.Error(), longestAnswer)
		}
	}
	o.settle(ctx, m)
	return nil
}
