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
	acked     Histogram     // from a stanza to its acknowledgement
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
	limit   uint64                         // how many it sends in all; 0: no end
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
	order  uint64         // of what arrived for the first time, a hash of which it was in which order
}

// orderFactor is odd, so no difference between two orders is shifted out of the hash. It is that of FNV-1a for 64 bits.
const orderFactor = 1<<40 + 0x1b3

func newTraffic(r *Run, window int) *traffic {
	if r.Window > 0 {
		window = r.Window
	}
	r.Report.Window, r.Report.OpenRate, r.every = window, r.Rate, min(askEvery, uint64(window))
	if r.Rate > 0 {
		r.Report.Window, r.every = 0, askEvery
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
func (t *traffic) lane(s *Session, to []*receiver, compose func([]byte, stamp) []byte) *lane {
	l := &lane{t: t, index: len(t.lanes), session: s, fan: uint64(len(to)), compose: compose}
	t.lanes = append(t.lanes, l)
	for _, rc := range to {
		rc.tracks[l.index] = new(Track)
	}
	return l
}

// send sends one more, due at the given time, unless the load is over.
func (l *lane) send(due time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.sent.Load()
	if l.t.phase.Load() == ending || l.limit > 0 && n == l.limit {
		return
	}
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
		if verdict = track.Arrived(s.n, t.lanes[s.lane].sent.Load()); verdict.New() {
			rc.order = rc.order*orderFactor + s.n<<16 + uint64(s.lane) + 1
		}
	} else {
		rc.astray++
	}
	rc.mu.Unlock()
	if !verdict.New() {
		return
	}
	now := time.Since(t.run.epoch)
	t.done(now - s.at)
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

// done counts what is done, if that is measured.
func (t *traffic) done(took time.Duration) {
	if t.phase.Load() != measuring {
		return
	}
	if n := t.measured.Add(1); n == t.run.Units {
		close(t.enough)
	}
	t.latencies.Add(took)
}

// acknowledge counts how long a sender has waited for an acknowledgement.
func (t *traffic) acknowledge(took time.Duration) {
	if t.phase.Load() == measuring {
		t.acked.Add(took)
	}
}

// load does the whole of it: warm-up, measurement, and the wait for what is still under way.
func (t *traffic) load(ctx context.Context) error {
	r := t.run
	for _, l := range t.lanes {
		l.session.acks.watch(t.acknowledge)
	}
	var pacing sync.WaitGroup
	defer pacing.Wait()
	paceCtx, stopPace := context.WithCancel(ctx)
	defer stopPace()
	if r.Rate > 0 {
		pacing.Go(func() { t.pace(paceCtx) })
	} else {
		t.open()
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
	return t.acknowledged(ctx)
}

// open begins a closed loop.
func (t *traffic) open() {
	for range t.window {
		for _, l := range t.lanes {
			l.send(time.Since(t.run.epoch))
		}
	}
}

// acknowledged has what was sent acknowledged, with stream management.
func (t *traffic) acknowledged(ctx context.Context) error {
	sessions := make([]*Session, len(t.lanes))
	for i, l := range t.lanes {
		sessions[i] = l.session
	}
	err := t.run.acknowledged(ctx, sessions)
	if t.run.Report.Acks != nil {
		t.run.Report.Acks.Latency = t.acked.latencies()
	}
	return err
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
