package mail

import (
	"context"
	"errors"
	"sync"
	"time"

	"palabre/server"
)

const (
	connections = 2         // at most, at once
	tidyEvery   = time.Hour // what is old is looked for
	oldDraft    = 24 * time.Hour
	storePause  = 5 * time.Second // after the store could not be asked
)

// Run sends what is in the outbox until the context ends; what is under way then has a moment to end well.
func (o *Outbox) Run(ctx context.Context) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(o.opts.Times.Grace, cancel)
		context.AfterFunc(hard, func() { t.Stop() })
	})
	defer stop()
	var workers sync.WaitGroup
	defer workers.Wait()

	o.tidy(hard, o.begun)
	tidied := o.opts.Now()
	for ctx.Err() == nil {
		now := o.opts.Now()
		if now.Sub(tidied) >= tidyEvery {
			o.tidy(hard, now.Add(-oldDraft))
			tidied = now
		}
		if o.dirty.CompareAndSwap(true, false) {
			o.purge(ctx)
		}
		next := tidied.Add(tidyEvery)
		if o.Enabled() {
			if due := o.dispatch(ctx, hard, &workers); !due.IsZero() && due.Before(next) {
				next = due
			}
		}
		o.wait(ctx, next.Sub(o.opts.Now()))
	}
}

// wait waits for something to do, no longer than d.
func (o *Outbox) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-t.C:
	case <-o.wake:
	case <-ctx.Done():
	}
}

// tidy has old drafts go, and what failed long ago.
func (o *Outbox) tidy(ctx context.Context, drafts time.Time) {
	now := o.opts.Now()
	err := errors.Join(
		o.opts.Store.DiscardOld(ctx, Drafted, drafts, now),
		o.opts.Store.DiscardOld(ctx, Failed, now.Add(-keepFailed), now))
	if err != nil {
		o.opts.Log.Warn("old mails could not be discarded; trying again in an hour", "module", "mail", "err", err)
	}
	o.dirty.Store(true)
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, until := range o.busy {
		if !until.IsZero() && until.Before(now) {
			delete(o.busy, id)
		}
	}
}

// untidy has what is gone deleted soon.
func (o *Outbox) untidy() {
	o.dirty.Store(true)
	o.signal()
}

func (o *Outbox) purge(ctx context.Context) {
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = o.opts.Store.Purge(ctx); err != nil {
			o.opts.Log.Warn("mails that are gone could not be deleted; trying again later", "module", "mail", "err", err)
			return
		}
	}
}

// dispatch starts a worker if there is something to do for it, and says when to look again; zero: when somebody calls.
func (o *Outbox) dispatch(ctx, hard context.Context, workers *sync.WaitGroup) time.Time {
	now := o.opts.Now()
	o.mu.Lock()
	running, until, trying := o.workers, o.outage.until, o.outage.tries > 0
	o.mu.Unlock()
	switch {
	case running >= connections, trying && running > 0:
		return time.Time{} // one that ends calls
	case until.After(now):
		return until
	}
	due, err := o.nextDue(ctx)
	switch {
	case err != nil:
		o.unreadable(ctx, err)
		return now.Add(storePause)
	case due.IsZero(), due.After(now):
		return due
	}
	o.mu.Lock()
	o.workers++
	o.mu.Unlock()
	workers.Go(func() {
		o.work(ctx, hard)
		o.mu.Lock()
		o.workers--
		o.mu.Unlock()
		o.signal()
	})
	return now // there may be work for another one
}

// unreadable notes that the outbox can't be read, which is tried again. Of a database that is away the store speaks.
func (o *Outbox) unreadable(ctx context.Context, err error) {
	if ctx.Err() == nil && !errors.Is(err, server.ErrAway) {
		o.opts.Log.Warn("the outbox can't be read; trying again", "module", "mail", "err", err)
	}
}

// work sends mails, one after the other, as long as there are any.
func (o *Outbox) work(ctx, hard context.Context) {
	var c *conn
	defer func() {
		if c != nil {
			c.quit()
		}
	}()
	for ctx.Err() == nil && (c != nil || o.mayConnect()) {
		m, err := o.take(ctx)
		if err != nil {
			o.unreadable(ctx, err)
			pauseFor(ctx, storePause)
			return
		}
		if m == nil {
			return
		}
		c, err = o.deal(hard, c, m)
		if err != nil && hard.Err() == nil {
			o.away(hard, err)
		}
	}
}

// deal does what is to be done for a mail that was taken.
func (o *Outbox) deal(ctx context.Context, c *conn, m *Mail) (*conn, error) {
	defer o.release(m.ID)
	if has(m, Refused) { // it was stopped before it could tell
		m.Due = o.opts.Now()
		o.tellOf(ctx, m)
		if has(m, Refused) || m.State != Waits {
			return c, nil
		}
	}
	return o.attempt(ctx, c, m)
}

// nextDue is when the first mail is due that nobody is busy with; zero: there is none.
func (o *Outbox) nextDue(ctx context.Context) (time.Time, error) {
	list, err := o.upcoming(ctx)
	if err != nil {
		return time.Time{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var first time.Time
	for _, m := range list {
		due := m.Due
		if until, busy := o.busy[m.ID]; busy {
			if until.IsZero() {
				continue
			}
			if until.After(due) {
				due = until
			}
		}
		if first.IsZero() || due.Before(first) {
			first = due
		}
	}
	return first, nil
}

// upcoming are the mails that are due first, among them one that nobody is busy with, if there is one.
func (o *Outbox) upcoming(ctx context.Context) ([]Mail, error) {
	o.mu.Lock()
	n := len(o.busy) + connections + 1
	o.mu.Unlock()
	return o.opts.Store.Mails(ctx, Waits, Mark{}, n)
}

// take gives a mail that is due, for which the caller is responsible until it calls release; nil if there is none.
func (o *Outbox) take(ctx context.Context) (*Mail, error) {
	for {
		list, err := o.upcoming(ctx)
		if err != nil {
			return nil, err
		}
		m, again, err := o.pick(ctx, list)
		if m != nil || err != nil || !again {
			return m, err
		}
	}
}

// pick takes the first of a list that can be taken. again says that the list was old: others have dealt with what it says meanwhile.
func (o *Outbox) pick(ctx context.Context, list []Mail) (m *Mail, again bool, err error) {
	for _, l := range list {
		now := o.opts.Now()
		if l.Due.After(now) {
			break
		}
		if !o.claim(l.ID, now) {
			continue
		}
		m, err := o.opts.Store.Mail(ctx, l.ID)
		switch {
		case err == nil && m.State == Waits && !m.Due.After(now):
			return m, false, nil
		case err != nil && !errors.Is(err, ErrUnknown):
			o.release(l.ID)
			return nil, false, err
		}
		o.release(l.ID)
		again = true
	}
	return nil, again, nil
}

func (o *Outbox) claim(id string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if until, busy := o.busy[id]; busy && (until.IsZero() || until.After(now)) {
		return false
	}
	o.busy[id] = time.Time{}
	return true
}

// release is the end of a claim, unless the mail is to rest.
func (o *Outbox) release(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[id].IsZero() {
		delete(o.busy, id)
	}
}

// rest keeps a mail from being taken for a while.
func (o *Outbox) rest(id string, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy[id] = until
}
