package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"palabre/history"
	"palabre/server"

	"palabre/store/storetest"
)

// While the database is down, nothing is acknowledged and everybody is told in time; once it is back, all goes on by itself, and
// everything that was acknowledged is there.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	c := storetest.NewCluster(t)
	p := place{Options{URL: c.URL(), Patience: time.Second, Fatal: func(err error) { t.Errorf("fatal: %v", err) }}}
	s := p.open(t)
	allowEntries(t, s)

	var mu sync.Mutex
	acked := map[int64]bool{}
	var last int64
	var stopping bool
	next := func() (n int64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		last++
		return last, !stopping
	}
	var producers sync.WaitGroup
	for range 20 {
		producers.Go(func() {
			for n, ok := next(); ok; n, ok = next() {
				start := time.Now()
				err := commit(s, &entry{n: n})
				switch took := time.Since(start); {
				case err == nil:
					mu.Lock()
					acked[n] = true
					mu.Unlock()
				case !errors.Is(err, ErrAway):
					t.Errorf("%d: %v", n, err)
				case took > 3*time.Second:
					t.Errorf("%d was told after %v", n, took)
				}
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acked)
	}
	more := func(than int) {
		for end := time.Now().Add(20 * time.Second); count() <= than; {
			if time.Now().After(end) {
				t.Fatalf("nothing is acknowledged any more")
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	for range 2 {
		more(count() + 200)
		must(t, c.Stop())
		down := count()
		if err := commit(s, &entry{n: -1}); !errors.Is(err, ErrAway) {
			t.Errorf("while it is down: %v", err)
		}
		if _, err := s.Exists(t.Context(), romeo); !errors.Is(err, ErrAway) {
			t.Errorf("a read while it is down: %v", err)
		}
		if !s.Stats().Away {
			t.Error("the figures do not say that it is away")
		}
		if n := count(); n != down {
			t.Errorf("%d acknowledged while it was down", n-down)
		}
		must(t, c.Start())
	}
	more(count() + 200)
	mu.Lock()
	stopping = true
	mu.Unlock()
	producers.Wait()
	if s.Stats().Away {
		t.Error("the figures still say that it is away")
	}
	stored := entries(t, s)
	for n := range acked {
		if !stored[n] {
			t.Errorf("%d was acknowledged and is lost", n)
		}
	}
	t.Logf("%d acknowledged, %d stored", len(acked), len(stored))
}

// What a server is told to be careless with is reported, and what can be overruled is.
func TestCarelessServer(t *testing.T) {
	t.Parallel()
	c := storetest.NewCluster(t, "fsync=off", "full_page_writes=off", "synchronous_commit=off")
	var log bytes.Buffer
	s := place{Options{URL: c.URL(), Logger: slog.New(slog.NewTextHandler(&log, nil))}}.open(t)
	d, err := s.Durability(t.Context())
	must(t, err)
	if d.Level != Unsafe || len(d.Warnings) != 2 {
		t.Errorf("durability: %+v", d)
	}
	for _, w := range d.Warnings {
		if !strings.Contains(log.String(), w) {
			t.Errorf("not logged: %s", w)
		}
	}
	var commit string
	must(t, s.write(t.Context(), romeo, func(ctx context.Context, t *turn) error {
		return t.QueryRow(ctx, []any{&commit}, `SELECT current_setting('synchronous_commit')`)
	}))
	if commit != "on" {
		t.Errorf("the writer's synchronous_commit is %s", commit)
	}
}

// A proxy stands between the store and the server, and lets a test break what passes.
type proxy struct {
	dir     string
	mu      sync.Mutex
	mode    proxyMode
	clients []net.Conn
	closed  bool
	running sync.WaitGroup
}

type proxyMode int

const (
	pass       proxyMode = iota
	cutAfter             // the next answer of the server ends the connection instead of arriving
	cutForGood           // the same, and then hang
	cut                  // the next request ends the connection instead of arriving
	freeze               // nothing passes on the connections that there are, and neither side sees them end
	hang                 // nor on any other, until the mode changes
)

func newProxy(t testing.TB, p place) (*proxy, place) {
	t.Helper()
	config, err := pgconn.ParseConfig(p.URL)
	must(t, err)
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	x := &proxy{dir: t.TempDir()}
	l, err := net.Listen("unix", filepath.Join(x.dir, ".s.PGSQL.5432"))
	must(t, err)
	x.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			x.serve(client, network, address)
		}
	})
	t.Cleanup(func() {
		l.Close()
		x.mu.Lock()
		x.closed = true
		for _, c := range x.clients {
			c.Close()
		}
		x.mu.Unlock()
		x.running.Wait()
	})
	u, err := url.Parse(p.URL)
	must(t, err)
	q := u.Query()
	q.Set("host", x.dir)
	q.Set("port", "5432")
	u.Host, u.RawQuery = "", q.Encode()
	p.URL = u.String()
	return x, p
}

func (x *proxy) serve(client net.Conn, network, address string) {
	upstream, err := net.Dial(network, address)
	if err != nil {
		client.Close()
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.clients = append(x.clients, client, upstream)
	frozen := new(bool)
	x.running.Go(func() { x.copy(upstream, client, frozen, cut) })
	x.running.Go(func() { x.copy(client, upstream, frozen, cutAfter) })
}

func (x *proxy) set(m proxyMode) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mode = m
}

// reset is a server that has started anew: connections of before end.
func (x *proxy) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mode = pass
	for _, c := range x.clients {
		c.Close()
	}
	x.clients = nil
}

// copy hands bytes on until one side ends, or cutAt is the mode.
func (x *proxy) copy(dst, src net.Conn, frozen *bool, cutAt proxyMode) {
	b := make([]byte, 64<<10)
	for {
		n, err := src.Read(b)
		x.mu.Lock()
		switch {
		case x.mode == hang:
			*frozen = true
		case x.mode == freeze:
			x.mode, *frozen = pass, true
		case x.mode == cutForGood && cutAt == cutAfter:
			x.mode, err = hang, io.ErrUnexpectedEOF
		case x.mode == cutAt:
			x.mode, err = pass, io.ErrUnexpectedEOF
		}
		dead := *frozen
		x.mu.Unlock()
		if dead {
			if err != nil {
				return // the other side never hears of it
			}
			continue
		}
		if err == nil {
			_, err = dst.Write(b[:n])
		}
		if err != nil {
			dst.Close()
			src.Close()
			return
		}
	}
}

// A commit whose answer is lost is asked after: it is carried out once, and acknowledged once.
func TestCommitUnanswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode proxyMode
		runs int
	}{
		"committed": {cutAfter, 1},
		"aborted":   {cut, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, p := newProxy(t, postgresPlace(t))
			s := p.open(t)
			allowEntries(t, s)
			runs := 0
			err := s.write(t.Context(), romeo, func(ctx context.Context, t *turn) error {
				runs++
				if _, err := t.Exec(ctx, `INSERT INTO entry (n, owner, text) VALUES (1, 1, '')`); err != nil {
					return err
				}
				if runs == 1 {
					x.set(c.mode) // what comes next is the commit
				}
				return nil
			})
			must(t, err)
			if runs != c.runs {
				t.Errorf("carried out %d times, want %d", runs, c.runs)
			}
			if n := len(entries(t, s)); n != 1 {
				t.Errorf("%d entries", n)
			}
		})
	}
}

// A server that crashes with a transaction of which it has kept nothing does not know its number any more: it is carried out again.
func TestCrashInTransaction(t *testing.T) {
	t.Parallel()
	c := storetest.NewCluster(t)
	s := place{Options{URL: c.URL(), Patience: 20 * time.Second}}.open(t)
	allowEntries(t, s)
	runs, n := 0, 0
	must(t, s.write(t.Context(), romeo, func(ctx context.Context, t *turn) error {
		if _, err := t.Exec(ctx, `INSERT INTO entry (n, owner, text) VALUES (1, 1, '')`); err != nil {
			return err
		}
		if runs++; runs == 1 {
			return errors.Join(c.Stop(), c.Start())
		}
		return nil
	}))
	must(t, s.write(t.Context(), romeo, func(ctx context.Context, t *turn) error {
		return t.QueryRow(ctx, []any{&n}, `SELECT count(*) FROM entry`)
	}))
	if runs != 2 || n != 1 {
		t.Errorf("carried out %d times: %d entries", runs, n)
	}
}

// When one has waited too long, what was sent after it is not stored without it.
func TestRefusedInOrder(t *testing.T) {
	t.Parallel()
	x, p := newProxy(t, postgresPlace(t))
	var clock later
	p.Now, p.Patience = clock.now, 3*time.Second
	s := p.open(t)
	allowEntries(t, s)
	x.set(hang)
	outcomes := make(chan error, 2)
	add := func(n int64) { s.Commit([]server.Write{&entry{n: n}}, func(err error) { outcomes <- err }) }
	add(1)
	clock.move(p.Patience - shortestTry/2)
	add(2)
	if err := <-outcomes; !errors.Is(err, ErrAway) {
		t.Errorf("the first: %v", err)
	}
	x.reset()
	if err := <-outcomes; !errors.Is(err, ErrAway) {
		t.Errorf("the second: %v", err)
	}
}

// A commit of which nothing can be learned is not done again, for those neither who could wait longer.
func TestCommitUnknown(t *testing.T) {
	t.Parallel()
	x, p := newProxy(t, postgresPlace(t))
	var clock later
	p.Now = clock.now
	p.Patience = 3 * time.Second
	s := p.open(t)
	must(t, commit(s, only(romeo, laptop, phone, history.Sent, "0"))) // the statements are prepared
	release := hold(t, s)
	first, second := make(chan error, 1), make(chan error, 1)
	s.Commit([]server.Write{only(romeo, laptop, phone, history.Sent, "a")}, func(err error) { first <- err })
	clock.move(p.Patience - shortestTry/2)
	s.Commit([]server.Write{only(romeo, laptop, phone, history.Sent, "b"), &call{romeo, t.Context(), func(ctx context.Context, t *turn) error {
		var one int
		err := t.QueryRow(ctx, []any{&one}, `SELECT 1`)
		x.set(cutForGood) // what comes next is the commit
		return err
	}}}, func(err error) { second <- err })
	release()
	if err := <-first; !errors.Is(err, ErrUnknown) {
		t.Errorf("the first: %v", err)
	}
	x.reset()
	if err := <-second; !errors.Is(err, ErrUnknown) {
		t.Errorf("the second: %v", err)
	}
	must(t, commit(s, only(romeo, laptop, phone, history.Sent, "c")))
	expectRows(t, s, history.Query{Owner: romeo}, "0", "a", "b", "c")
}

// What refused a passage in a try that was lost does not refuse it in the one that is committed.
func TestRefusedThenLost(t *testing.T) {
	t.Parallel()
	x, p := newProxy(t, postgresPlace(t))
	s := p.open(t)
	allowEntries(t, s)
	release := hold(t, s)
	first, second := make(chan error, 1), make(chan error, 1)
	s.Commit([]server.Write{&entry{n: 1}}, func(err error) { first <- err })
	runs := 0
	s.Commit([]server.Write{&call{romeo, t.Context(), func(ctx context.Context, t *turn) error {
		switch runs++; runs {
		case 1: // without savepoints
			return errRefused
		case 2: // behind one, which can't be rolled back to
			x.set(cut)
			return errRefused
		}
		_, err := t.Exec(ctx, `INSERT INTO entry (n, owner, text) VALUES (2, 1, '')`)
		return err
	}}}, func(err error) { second <- err })
	release()
	must(t, <-first)
	must(t, <-second)
	if got := entries(t, s); runs != 3 || !got[1] || !got[2] {
		t.Errorf("%d runs, entries %v", runs, got)
	}
}

// A connection that dies without a word keeps the lock at the server. The next one of ours ends it.
func TestConnectionFrozen(t *testing.T) {
	t.Parallel()
	x, p := newProxy(t, postgresPlace(t))
	p.Patience = time.Second
	s := p.open(t)
	allowEntries(t, s)
	x.set(freeze)
	if err := commit(s, &entry{n: 1}); !errors.Is(err, ErrAway) {
		t.Errorf("on the frozen connection: %v", err)
	}
	must(t, commit(s, &entry{n: 2}))
	if got := entries(t, s); got[1] || !got[2] {
		t.Errorf("entries: %v", got)
	}
}

// Who comes while the database does not answer is not kept waiting by each thing that it does, but once; and notices soon that it is back.
func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(s *Store) error{
		"commit": func(s *Store) error { return commit(s, &entry{n: 1}) },
		"read":   func(s *Store) error { _, err := s.Exists(context.Background(), romeo); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, p := newProxy(t, postgresPlace(t))
			p.Patience = 2 * time.Second
			s := p.open(t)
			allowEntries(t, s)
			x.set(hang)
			start := time.Now()
			for i := range 10 {
				if err := use(s); !errors.Is(err, ErrAway) {
					t.Errorf("%d: %v", i, err)
				}
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("ten times, one after the other, took %v", took)
			}
			x.reset()
			for back := time.Now(); use(s) != nil; <-time.After(20 * time.Millisecond) {
				if time.Since(back) > 20*time.Second {
					t.Fatal("it does not come back")
				}
			}
		})
	}
}
