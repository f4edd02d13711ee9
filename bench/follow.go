package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"palabre/xmpp"
)

// follow is a reader at the end of an archive that grows: all users write to the first, while another client of theirs reads the
// archive forward, always what is after the last id that it has seen. A server that gives ids in another order than it commits makes
// such a reader miss messages for ever.
type follow struct{}

func (follow) Name() string { return "follow" }
func (follow) About() string {
	return "users write to one, whose other client pages forward through the archive meanwhile"
}
func (follow) Unit() string { return "message" }

func (follow) Users(_ *Config, given int) (int, error) {
	if given < 2 {
		return 0, errors.New("it takes at least two users")
	}
	return given, nil
}

// A FollowReport tells what was read of the archive. Its faults are part of the run's.
type FollowReport struct {
	Pages int    `json:"pages"`
	Empty int    `json:"empty"` // pages with nothing new: the reader had come to the end
	Read  uint64 `json:"read"`  // messages of this run
	Faults
	Latency Latencies `json:"latency"` // of a page
}

const (
	followPage  = 100
	followPause = 5 * time.Millisecond // at the end of the archive, before it is asked again
)

func (follow) Run(ctx context.Context, r *Run) (err error) {
	t := newTraffic(r, chatWindow)
	r.Report.Body = r.Body
	rc := t.receiver()
	r.Progress("logging in %d users", len(r.Users))
	sessions, err := r.loginAll(ctx, func(i int) Handler {
		return func(_ *Session, st *xmpp.Stanza) {
			if i == 0 && st.Kind == xmpp.Message {
				t.arrive(rc, textOf(st, "body"))
			}
		}
	})
	defer func() { err = errors.Join(err, r.closeAll(ctx, sessions)) }()
	if err != nil {
		return err
	}
	if err := r.appearAll(ctx, sessions); err != nil {
		return err
	}
	for _, s := range sessions[1:] {
		t.lane(s, t.receivers, r.composeMessage(r.Users[0].JID))
	}
	f := &follower{traffic: t, tracks: make([]Track, len(t.lanes))}
	if err := f.begin(ctx); err != nil {
		return err
	}
	err = t.load(ctx)
	return errors.Join(err, f.end(ctx, err == nil))
}

// A follower is the client that reads. It never becomes available, so no message is sent to it.
type follower struct {
	traffic *traffic
	browser browser
	tracks  []Track // by lane; the reader's own until it has ended
	report  FollowReport
	pages   Histogram

	after string // the last id that was seen
	over  atomic.Bool
	wg    sync.WaitGroup
}

// begin logs in, finds the end of the archive, and begins to read from there.
func (f *follower) begin(ctx context.Context) error {
	r := f.traffic.run
	s, err := r.login(ctx, r.Users[0], func(_ *Session, st *xmpp.Stanza) { f.browser.handle(st) })
	if err != nil {
		return err
	}
	f.browser.session = s
	p, err := f.browser.last(ctx, 1)
	if err != nil {
		s.Abort()
		return err
	}
	if n := len(p.results); n > 0 {
		f.after = p.results[n-1].id
	}
	f.wg.Go(func() {
		if err := f.read(ctx); err != nil {
			r.fail(err)
		}
	})
	return nil
}

// read goes on until the load is over and nothing more comes after what was read.
func (f *follower) read(ctx context.Context) error {
	for {
		over := f.over.Load()
		start := time.Now()
		p, err := f.browser.after(ctx, f.after, followPage)
		if err != nil {
			return err
		}
		f.pages.Add(time.Since(start))
		f.report.Pages++
		for _, res := range p.results {
			f.arrived(res)
		}
		if len(p.results) > 0 {
			continue
		}
		if f.report.Empty++; over {
			return nil
		}
		if err := pause(ctx, followPause); err != nil {
			return err
		}
	}
}

func (f *follower) arrived(res result) {
	f.after = res.id
	s, ok := parseStamp(res.text, f.traffic.run.ID)
	switch {
	case !ok:
	case s.lane < 0 || s.lane >= len(f.tracks):
		f.report.Unknown++
	default:
		if f.tracks[s.lane].Arrived(s.n, f.traffic.lanes[s.lane].sent.Load()).New() {
			f.report.Read++
		}
	}
}

// end has the reader come to the end, logs it out, and compares what it read with what was sent: all of which has arrived and, with
// stream management, been acknowledged.
func (f *follower) end(ctx context.Context, complete bool) error {
	f.over.Store(true)
	f.wg.Wait()
	if !complete || ctx.Err() != nil {
		f.browser.session.Abort()
		return nil
	}
	for i := range f.tracks {
		f.report.Faults = f.report.Faults.Add(f.tracks[i].Close(f.traffic.lanes[i].sent.Load()))
	}
	f.report.Latency = f.pages.latencies()
	report := &f.traffic.run.Report
	report.Follow = &f.report
	report.Faults = report.Faults.Add(f.report.Faults)
	if f.report.Read == 0 {
		return errors.Join(errors.New("bench: there is nothing in the archive"), f.browser.session.Close())
	}
	if err := f.browser.session.Close(); err != nil {
		return fmt.Errorf("bench: the reader: %w", err)
	}
	return nil
}
