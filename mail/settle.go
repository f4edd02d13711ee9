package mail

import (
	"context"
	"time"
)

// keepFailed is how long mails that failed are kept, so that an administrator can look at them and have them tried again.
const keepFailed = 7 * 24 * time.Hour

// settle stores what came of a try, before the relay hears anything more, and tells who wants to know. The mail goes on as it is stored.
func (o *Outbox) settle(ctx context.Context, m *Mail) {
	now := o.opts.Now()
	m.Due = now
	for _, d := range m.To {
		if d.State == Pending {
			m.Problem = d.Answer
		}
	}
	if !m.fullOnly() {
		m.Due = o.later(m, now)
	}
	o.keep(ctx, m)
	o.note(m)
	o.tellOf(ctx, m)
}

// note writes into the log what a postmaster looks for.
func (o *Outbox) note(m *Mail) {
	switch {
	case m.progress:
		answer := ""
		for _, d := range m.To {
			if d.State == Taken {
				answer = d.Answer
			}
		}
		o.opts.Log.Info("a mail was handed over", "module", "mail", "id", m.ID, "answer", answer, "left", waits(m))
	case waits(m) > 0:
		o.opts.Log.Info("a mail is put off", "module", "mail", "id", m.ID, "err", m.Problem, "until", m.Due)
	}
}

// fullOnly tells whether the relay has taken the mail for some, and wants the others in another transaction (RFC 5321).
func (m *Mail) fullOnly() bool {
	for _, d := range m.To {
		if d.State == Pending && !hasCode(d.Answer, codeTooMany, codeTooMany5) {
			return false
		}
	}
	return m.progress
}

// hasCode tells whether an answer begins with one of these codes.
func hasCode(answer string, codes ...int) bool {
	for _, c := range codes {
		if len(answer) > 3 && answer[:4] == string([]byte{byte('0' + c/100), byte('0' + c/10%10), byte('0' + c%10), ' '}) {
			return true
		}
	}
	return false
}

// later puts a mail off, or gives it up where it has been tried for long enough.
func (o *Outbox) later(m *Mail, now time.Time) time.Time {
	end := m.Queued.Add(o.opts.Retry)
	if waits(m) == 0 {
		return now
	}
	if !now.Before(end) {
		o.giveUp(m)
		return now
	}
	m.Tries++
	o.Stats.deferred.Add(1)
	next := now.Add(o.pause(m.Tries))
	if next.After(end) {
		return end
	}
	return next
}

// giveUp refuses what waits.
func (o *Outbox) giveUp(m *Mail) {
	for i := range m.To {
		if d := &m.To[i]; d.State == Pending {
			d.State = Refused
			d.Answer = clean("it was tried for "+o.opts.Retry.String()+". The last time: "+d.Answer, longestAnswer)
		}
	}
}

func waits(m *Mail) (n int) {
	for _, d := range m.To {
		if d.State == Pending {
			n++
		}
	}
	return n
}

// has tells whether there is a delivery in a state.
func has(m *Mail, s DeliveryState) bool {
	for _, d := range m.To {
		if d.State == s {
			return true
		}
	}
	return false
}

// goesOn is the state in which a mail goes on when everybody has been told.
func goesOn(m *Mail) State {
	switch {
	case has(m, Pending):
		return Waits
	case has(m, Refused), has(m, Told):
		return Failed
	}
	return Gone
}

// keep stores how far a mail has got, and tries until it is stored: what was sent is not to be sent again.
func (o *Outbox) keep(ctx context.Context, m *Mail) {
	if m.Requester.IsZero() { // nobody wants to know
		for i := range m.To {
			if m.To[i].State == Refused {
				m.To[i].State = Told
				o.Stats.refused.Add(1)
			}
		}
	}
	s := &Settlement{ID: m.ID, State: goesOn(m), Due: m.Due, Tries: m.Tries, Problem: m.Problem, Deliveries: m.To}
	if has(m, Refused) {
		s.State, s.Due = Waits, o.opts.Now() // until they are told
	}
	for failed := false; ; failed = true {
		err := o.settleOnce(ctx, s)
		if err == nil {
			break
		}
		if !failed {
			o.opts.Log.Error("what the mail relay has said of a mail could not be stored; trying until it is", "module", "mail", "id", m.ID, "err", err)
		}
		if !pauseFor(ctx, time.Second) {
			return
		}
	}
	m.State = s.State
	if s.State == Gone {
		o.untidy()
	}
	o.report(m)
}

// settleOnce stores it also at the end of the server.
func (o *Outbox) settleOnce(ctx context.Context, s *Settlement) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	return o.opts.Store.Settle(ctx, s)
}

const settleTime = 10 * time.Second

// pauseFor waits, and tells whether there is time to go on.
func pauseFor(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tellOf tells the requester of recipients who can't be reached, if there are any; the same transaction notes that they know. If it can't be done, the mail
// rests for a while.
func (o *Outbox) tellOf(ctx context.Context, m *Mail) {
	n := 0
	for _, d := range m.To {
		if d.State == Refused {
			n++
		}
	}
	switch {
	case n == 0:
		return
	case m.Requester.IsZero(): // whose account is gone by now
		o.keep(ctx, m)
		return
	}
	told := &ToldOf{ID: m.ID, Requester: m.Requester, State: goesOn(m), Due: m.Due}
	err := o.opts.Tell(ctx, Notice{ID: m.ID, Requester: m.Requester, About: m.About, Text: noticeOf(m)}, told)
	if err != nil {
		o.opts.Log.Warn("who asked for a mail could not be told that it has failed; trying again", "module", "mail", "id", m.ID, "err", err)
		o.rest(m.ID, o.opts.Now().Add(o.opts.Times.First))
		return
	}
	o.Stats.refused.Add(int64(n))
	for i := range m.To {
		if m.To[i].State == Refused {
			m.To[i].State = Told
		}
	}
	m.State = told.State
	o.opts.Log.Warn("a mail could not be delivered", "module", "mail", "id", m.ID, "recipients", n, "jid", m.Requester)
}
