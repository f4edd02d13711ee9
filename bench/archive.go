package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"palabre/xmpp"
)

// archive is what a client does first when it comes back: it asks for the newest page of its archive (XEP-0313). Each user has an
// archive of some size, which half of them have filled by writing to the other half.
type archive struct{}

func (archive) Name() string { return "archive" }
func (archive) About() string {
	return "users ask for the last page of a large archive, again and again"
}
func (archive) Unit() string { return "page" }

func (archive) Users(_ *Config, given int) (int, error) { return chat{}.Users(nil, given) }

// An ArchiveReport is what is peculiar to the scenario archive.
type ArchiveReport struct {
	Page   int    `json:"page"`   // messages in a page
	Least  int    `json:"least"`  // messages in the smallest archive
	Filled uint64 `json:"filled"` // messages that this run sent before it measured
}

const (
	pageSize   = 50
	fillWindow = 16
)

func (archive) Run(ctx context.Context, r *Run) (err error) {
	r.Rate, r.Senders = 0, 0 // what fills an archive is not measured
	t := newTraffic(r, fillWindow)
	r.Report.Body, r.Report.Window = r.Body, 1
	browsers := make([]*browser, len(r.Users))
	for i := range r.Users {
		t.receiver()
		browsers[i] = new(browser)
	}
	r.Progress("logging in %d users", len(r.Users))
	sessions, err := r.loginAll(ctx, func(i int) Handler {
		return func(_ *Session, st *xmpp.Stanza) {
			if st.Kind == xmpp.Message && !browsers[i].handle(st) {
				t.arrive(t.receivers[i], textOf(st, "body"))
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
	for i, s := range sessions {
		browsers[i].session = s
	}
	if err := t.fillArchives(ctx, browsers); err != nil {
		return err
	}
	return t.browse(ctx, browsers)
}

// fillArchives has every other user write to the next one until both their archives hold enough. At least one message is sent: the newest is one of ours.
func (t *traffic) fillArchives(ctx context.Context, browsers []*browser) error {
	r := t.run
	report := &ArchiveReport{Page: pageSize}
	r.Report.Archive = report
	counts, err := r.countArchives(ctx, browsers)
	if err != nil {
		return err
	}
	for i := 0; i < len(browsers); i += 2 {
		l := t.lane(browsers[i].session, t.receivers[i+1:i+2], r.composeMessage(r.Users[i+1].JID))
		l.limit = uint64(max(1, r.Fill-min(counts[i], counts[i+1])))
		report.Filled += l.limit
	}
	r.Progress("%d messages fill the archives; the smallest had %d", report.Filled, slices.Min(counts))
	if err := t.fill(ctx); err != nil {
		return err
	}
	if counts, err = r.countArchives(ctx, browsers); err != nil {
		return err
	}
	if report.Least = slices.Min(counts); report.Least < r.Fill {
		return fmt.Errorf("bench: an archive holds %d messages after it was filled with %d: is the archive on?", report.Least, r.Fill)
	}
	return nil
}

func (r *Run) countArchives(ctx context.Context, browsers []*browser) ([]int, error) {
	counts := make([]int, len(browsers))
	return counts, r.each(len(browsers), func(i int) (err error) {
		counts[i], err = browsers[i].count(ctx)
		return err
	})
}

// browse is the load: everybody asks for their last page, and again when it has come.
func (t *traffic) browse(ctx context.Context, browsers []*browser) error {
	r := t.run
	want := make([][]string, len(browsers))
	if err := r.each(len(browsers), func(i int) error {
		p, err := browsers[i].last(ctx, pageSize)
		if err != nil {
			return err
		}
		want[i], err = t.newest(p, t.lanes[i/2])
		return err
	}); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer t.phase.Store(ending)
	for i, b := range browsers {
		wg.Go(func() {
			for t.phase.Load() != ending {
				if err := t.browseOnce(ctx, b, want[i]); err != nil {
					r.fail(err)
					return
				}
			}
		})
	}
	r.Progress("warming up for %v", r.Warmup)
	if err := pause(ctx, r.Warmup); err != nil {
		return err
	}
	return t.measure(ctx)
}

func (t *traffic) browseOnce(ctx context.Context, b *browser, want []string) error {
	start := time.Now()
	p, err := b.last(ctx, pageSize)
	if err != nil {
		return err
	}
	t.done(time.Since(start))
	if !slices.Equal(p.ids(), want) {
		return fmt.Errorf("bench: archive of %s: the last page has changed, though nothing was sent", b.session.JID.Bare())
	}
	return nil
}

func (p page) ids() []string {
	ids := make([]string, len(p.results))
	for i, r := range p.results {
		ids[i] = r.id
	}
	return ids
}

// newest checks that a page is the end of an archive which the lane was the last to fill: full, in the order of sending, the newest
// message at its end. It gives the ids.
func (t *traffic) newest(p page, l *lane) ([]string, error) {
	if want := min(pageSize, t.run.Report.Archive.Least); len(p.results) < want {
		return nil, fmt.Errorf("bench: a page has %d messages, of %d", len(p.results), want)
	}
	next := make(map[string]uint64) // by run and lane, since an earlier run may have filled most of it
	for i, res := range p.results {
		run, _, _ := strings.Cut(res.text, " ")
		s, ok := parseStamp(res.text, run)
		if !ok {
			continue // somebody has used the account for something else
		}
		lane := fmt.Sprint(s.run, s.lane)
		if n, seen := next[lane]; seen && n != s.n {
			return nil, fmt.Errorf("bench: a page has number %d of a sender where number %d is due, in place %d", s.n, n, i+1)
		}
		next[lane] = s.n + 1
	}
	last, _ := parseStamp(p.results[len(p.results)-1].text, t.run.ID)
	if last.run == "" || last.lane != l.index || last.n+1 != l.sent.Load() {
		return nil, errors.New("bench: the last page does not end with the newest message")
	}
	return p.ids(), nil
}
