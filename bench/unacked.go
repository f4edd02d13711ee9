package bench

import (
	"context"
	"errors"

	"palabre/xmpp"
)

// unacked is clients that receive and never acknowledge (XEP-0198): what a server keeps for them, so that they may come back for it.
// The last user writes to all others, who read their connections, and leave every <r/> without an answer.
type unacked struct{}

func (unacked) Name() string { return "unacked" }
func (unacked) About() string {
	return "clients with stream management receive messages and never acknowledge them"
}
func (unacked) Unit() string { return "message" }

func (unacked) Users(_ *Config, given int) (int, error) { return follow{}.Users(nil, given) }

func (unacked) Run(ctx context.Context, r *Run) (err error) {
	r.StreamManagement, r.Rate = true, 0
	t := newTraffic(r, 1)
	r.every = askEvery // it is one sender that writes to all
	r.Report.Body, r.Report.Unacked = r.Body, r.Unacked
	silent := len(r.Users) - 1
	for range silent {
		t.receiver()
	}
	r.Progress("logging in %d users", len(r.Users))
	sessions, err := r.loginAll(ctx, func(i int) Handler {
		return func(_ *Session, st *xmpp.Stanza) {
			if i < silent && st.Kind == xmpp.Message {
				t.arrive(t.receivers[i], textOf(st, "body"))
			}
		}
	})
	defer func() { err = errors.Join(err, r.closeAll(ctx, sessions)) }()
	if err != nil {
		return err
	}
	for i, s := range sessions[:silent] {
		s.Mute()
		t.lane(sessions[silent], t.receivers[i:i+1], r.composeMessage(r.Users[i].JID)).limit = uint64(r.Unacked)
	}
	if err := r.appearAll(ctx, sessions); err != nil {
		return err
	}
	before, err := r.idleMemory(ctx, len(sessions))
	if err != nil {
		return err
	}
	if err := t.pile(ctx); err != nil {
		return err
	}
	after, err := r.idleMemory(ctx, len(sessions))
	if err != nil {
		return err
	}
	r.Report.RSSBefore, r.Report.RSSAfter = before, after
	r.Report.RSSPeak = max(r.Report.RSSPeak, after)
	r.Report.RSSPerSession = float64(after-before) / float64(silent)
	return r.acknowledged(ctx, sessions[silent:])
}

// pile sends what the limits allow, and measures that.
func (t *traffic) pile(ctx context.Context) error {
	m, err := startMeter(&t.run.Config)
	if err != nil {
		return err
	}
	defer m.abort()
	t.phase.Store(measuring)
	t.run.Progress("each is sent %d messages", t.run.Unacked)
	if err := t.fill(ctx); err != nil {
		return err
	}
	t.phase.Store(ending)
	t.run.Report.latencies(&t.latencies)
	return m.end(&t.run.Report, t.measured.Load())
}
