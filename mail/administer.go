package mail

import (
	"context"
	"crypto/tls"
	"time"
)

// A Situation is how the relay is.
type Situation struct {
	Relay string    // its address; empty: none is set up
	Away  string    // why no mail can be sent at the moment; empty: nothing is known to be wrong
	Next  time.Time // when that is tried again
}

// Situation tells how the relay is.
func (o *Outbox) Situation() Situation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Situation{o.opts.Relay.Address, o.outage.text, o.outage.until}
}

// List gives the mails that wait, or that have failed, after one of them.
func (o *Outbox) List(ctx context.Context, s State, after Mark, limit int) ([]Mail, error) {
	return o.opts.Store.Mails(ctx, s, after, limit)
}

// Waiting counts the mails that wait.
func (o *Outbox) Waiting(ctx context.Context) (int, error) {
	return o.opts.Store.CountMails(ctx, Waits)
}

// Show gives one that waits or has failed. ErrUnknown if there is none.
func (o *Outbox) Show(ctx context.Context, id string) (*Mail, error) {
	return o.opts.Store.Mail(ctx, id)
}

// MessageID is what the header of a mail says.
func (o *Outbox) MessageID(id string) string {
	if o.from.IsZero() {
		return ""
	}
	return o.messageID(id)
}

// Retry has a mail tried now, and all its recipients who have not got it, as if it had just been queued. ErrUnknown if there is none.
func (o *Outbox) Retry(ctx context.Context, id string) error {
	if err := o.opts.Store.Renew(ctx, id, o.opts.Now()); err != nil {
		return err
	}
	o.Hurry()
	return nil
}

// Hurry has the relay tried at once.
func (o *Outbox) Hurry() {
	o.mu.Lock()
	o.outage.until = time.Time{}
	o.mu.Unlock()
	o.signal()
}

// Discard takes a mail out of the outbox. One that is being sent may arrive nevertheless. ErrUnknown if there is none.
func (o *Outbox) Discard(ctx context.Context, id string) error {
	if _, err := o.opts.Store.Mail(ctx, id); err != nil {
		return err
	}
	if err := o.opts.Store.Discard(ctx, id, o.opts.Now()); err != nil {
		return err
	}
	o.untidy()
	return nil
}

// Watch calls fn with what comes of each try of a mail, and of each try to reach the relay (then with a Mail that has only a Problem), until
// the function that it gives is called. fn must not block.
func (o *Outbox) Watch(id string, fn func(Mail)) (end func()) {
	w := &watcher{id, fn}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watchers[w] = true
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.watchers, w)
	}
}

type watcher struct {
	id string
	fn func(Mail)
}

func (o *Outbox) watching(id string) (out []func(Mail)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for w := range o.watchers {
		if id == "" || w.id == id {
			out = append(out, w.fn)
		}
	}
	return out
}

func (o *Outbox) report(m *Mail) {
	for _, fn := range o.watching(m.ID) {
		c := *m
		c.To = append([]Delivery(nil), m.To...)
		fn(c)
	}
}

func (o *Outbox) reportAway(err error) {
	for _, fn := range o.watching("") {
		fn(Mail{Problem: err.Error()})
	}
}

// Examine connects to the relay as it would to send mail, and sends none. The error is a *RelayError. It says how the connection was made safe.
func (o *Outbox) Examine(ctx context.Context) (string, error) {
	c, err := o.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.quit()
	if err := c.Mail(o.from.String(), nil); err != nil {
		return "", away(err, "the mail relay %s takes no mail from %s: %s", o.opts.Relay.Address, o.from, answerOf(err))
	}
	if err := c.Reset(); err != nil {
		return "", away(err, "the mail relay %s was lost: %s", o.opts.Relay.Address, answerOf(err))
	}
	if state, ok := c.TLSConnectionState(); ok {
		return tls.VersionName(state.Version), nil
	}
	return "no TLS", nil
}
