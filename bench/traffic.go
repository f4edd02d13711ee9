package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"palabre/xmpp"
)

// A traffic is load of stamped stanzas that go from lanes to receivers.
type traffic struct {
	run       *Run
	lanes     []*lane
	receivers []*receiver
	window    int

	phase     atomic.Int32
	missing   atomic.Int64 // sent and not arrived, times receivers
	measured  atomic.Uint64
	latencies Histogram
	enough    chan struct{} // closed when Units have been measured
	drained   chan struct{} // has room for one
}

// The phases of a traffic.
const (
	warming int32 = iota
	measuring
	ending // no more is measured or sent
)

// A lane is a sender and those who receive what it sends.
type lane struct {
	t       *traffic
	index   int
	session *Session
	fan     uint64                         // how many receive each
	compose func(b []byte, s stamp) []byte // writes a stanza that carries the stamp
	arrived atomic.Uint64                  // times receivers
	sent    atomic.Uint64
	mu      sync.Mutex // orders the sending; tier: above a Session's
	scratch []byte
}

// A receiver checks what one session receives.
type receiver struct {
	mu     sync.Mutex
	tracks map[int]*Track // by lane
	astray uint64         // what came from other lanes
}

func newTraffic(r *Run, window int) *traffic {
	if r.Window > 0 {
		window = r.Window
	}
	r.Report.Window, r.Report.OpenRate = window, r.Rate
	if r.Rate > 0 {
		r.Report.Window = 0
	}
	return &traffic{run: r, window: window, enough: make(chan struct{}), drained: make(chan struct{}, 1)}
}

// receiver adds a receiver. All are added before the load starts.
func (t *traffic) receiver() *receiver {
	rc := &receiver{tracks: make(map[int]*Track)}
	t.receivers = append(t.receivers, rc)
	return rc
}

// lane adds a sender. All are added before the load starts.
func (t *traffic) lane(s *Session, to []*receiver, compose func([]byte, stamp) []byte) {
	l := &lane{t: t, index: len(t.lanes), session: s, fan: uint64(len(to)), compose: compose}
	t.lanes = append(t.lanes, l)
	for _, rc := range to {
		rc.tracks[l.index] = new(Track)
	}
}

// send sends one more, due at the given time, unless the load is over.
func (l *lane) send(due time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.t.phase.Load() == ending {
		return
	}
	n := l.sent.Load()
	l.scratch = l.compose(l.scratch[:0], stamp{l.t.run.ID, l.index, n, due})
	l.sent.Store(n + 1) // before it is sent: it may arrive at once
	l.t.missing.Add(int64(l.fan))
	if err := l.session.Send(string(l.scratch)); err != nil {
		l.t.run.fail(l.session.reason(err))
	}
}

// finish returns when whoever was sending as the phase changed has done so.
func (l *lane) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
}

// arrive takes the text of a stanza that came to rc. It runs on the reader of the receiving session.
func (t *traffic) arrive(rc *receiver, text string) {
	s, ok := parseStamp(text, t.run.ID)
	if !ok {
		return
	}
	verdict := Unknown
	rc.mu.Lock()
	if track, ok := rc.tracks[s.lane]; ok {
		verdict = track.Arrived(s.n, t.lanes[s.lane].sent.Load())
	} else {
		rc.astray++
	}
	rc.mu.Unlock()
	if !verdict.New() {
		return
	}
	now := time.Since(t.run.epoch)
	if t.phase.Load() == measuring {
		if n := t.measured.Add(1); n == t.run.Units {
			close(t.enough)
		}
		t.latencies.Add(now - s.at)
	}
	if t.missing.Add(-1) == 0 && t.phase.Load() == ending {
		select {
		case t.drained <- struct{}{}:
		default:
		}
	}
	l := t.lanes[s.lane]
	if l.arrived.Add(1)%l.fan == 0 && t.run.Rate == 0 {
		l.send(now)
	}
}

// load does the whole of it: warm-up, measurement, and the wait for what is still under way.
func (t *traffic) load(ctx context.Context) error {
	r := t.run
	var pacing sync.WaitGroup
	defer pacing.Wait()
	paceCtx, stopPace := context.WithCancel(ctx)
	defer stopPace()
	if r.Rate > 0 {
		pacing.Go(func() { t.pace(paceCtx) })
	} else {
		for range t.window {
			for _, l := range t.lanes {
				l.send(time.Since(r.epoch))
			}
		}
	}
	r.Progress("warming up for %v", r.Warmup)
	if err := pause(ctx, r.Warmup); err != nil {
		return err
	}
	if err := t.measure(ctx); err != nil {
		return err
	}
	stopPace()
	pacing.Wait()
	if err := t.drain(ctx); err != nil {
		return err
	}
	t.check()
	return nil
}

func (t *traffic) measure(ctx context.Context) error {
	r := t.run
	m, err := startMeter(&r.Config)
	if err != nil {
		return err
	}
	defer m.abort()
	t.phase.Store(measuring)
	r.Progress("measuring for %v", r.Duration)
	timer := time.NewTimer(r.Duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.enough:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	t.phase.Store(ending)
	if err := m.end(&r.Report, t.measured.Load()); err != nil {
		return err
	}
	r.Report.latencies(&t.latencies)
	if r.Report.Units == 0 {
		return fmt.Errorf("bench: nothing arrived within %v", r.Duration)
	}
	return nil
}

// pace sends at a fixed rate, whatever the server does: what it keeps waiting is not sent any later, and its latency
// counts from when it was due.
func (t *traffic) pace(ctx context.Context) {
	interval := time.Duration(float64(time.Second) / t.run.Rate)
	due := time.Since(t.run.epoch)
	for i := 0; ; i++ {
		if wait := due - time.Since(t.run.epoch); wait > 0 && pause(ctx, wait) != nil {
			return
		}
		if ctx.Err() != nil {
			return
		}
		t.lanes[i%len(t.lanes)].send(due)
		due += interval
	}
}

// drain waits until all that was sent has arrived, or nothing has for a while. Then each session passes a fence, so
// that what the server had sent twice has come too.
func (t *traffic) drain(ctx context.Context) error {
	for _, l := range t.lanes {
		l.finish()
	}
	for before := t.missing.Load(); before > 0; {
		timer := time.NewTimer(t.run.settle)
		select {
		case <-t.drained:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
		now := t.missing.Load()
		if now == before {
			t.run.Progress("%d did not arrive", now)
			break
		}
		before = now
	}
	return t.run.each(len(t.lanes), func(i int) error { return t.lanes[i].session.Fence(ctx) })
}

// check adds up the faults of all tracks.
func (t *traffic) check() {
	for _, rc := range t.receivers {
		rc.mu.Lock()
		t.run.Report.Unknown += rc.astray
		for lane, track := range rc.tracks {
			t.run.Report.Faults = t.run.Report.Faults.Add(track.Close(t.lanes[lane].sent.Load()))
		}
		rc.mu.Unlock()
	}
}

// textOf is the character data of the first child of this name, without escapes undone: a stamp has none.
func textOf(st *xmpp.Stanza, local string) string {
	for _, c := range st.Children {
		if c.Name.Local == local && c.Name.Space == xmpp.NSClient {
			raw := st.RawChild(c)
			from, to := strings.IndexByte(raw, '>')+1, strings.LastIndexByte(raw, '<')
			return raw[min(from, max(to, 0)):max(to, 0)]
		}
	}
	return ""
}
