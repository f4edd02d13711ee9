package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"palabre/account"
	"palabre/roster"
	"palabre/server"
	"palabre/xmpp"
)

// entry is a write that appends a row to a table of the tests' own, as an archive would.
type entry struct {
	n    int64
	text string
}

func (e *entry) Owner() xmpp.JID { return romeo }

// allowEntries makes the table, and teaches the writer. A number that is there already is refused by the database itself.
func allowEntries(t testing.TB, s *Store) {
	t.Helper()
	must(t, teachEntries(s))
}

func teachEntries(s *Store) error {
	carries(s.writer.carriers, func(ctx context.Context, t *turn, e *entry) error {
		owner, err := t.id(ctx, e.Owner())
		if err != nil {
			return err
		}
		return t.Queue(ctx, `INSERT INTO entry (n, owner, text) VALUES ($1, $2, $3)`, e.n, owner, e.text)
	})
	return s.write(context.Background(), romeo, func(ctx context.Context, t *turn) error {
		return t.Queue(ctx, `CREATE TABLE IF NOT EXISTS entry (n BIGINT NOT NULL PRIMARY KEY, owner BIGINT NOT NULL, text TEXT NOT NULL)`)
	})
}

func entries(t testing.TB, s *Store) map[int64]bool {
	t.Helper()
	out := map[int64]bool{}
	must(t, s.db.Query(context.Background(), func(scan scanner) error {
		var n int64
		err := scan(&n)
		out[n] = true
		return err
	}, `SELECT n FROM entry`))
	return out
}

// hold keeps the writer busy until release is called, so that what is committed in the meantime is one batch.
func hold(t testing.TB, s *Store) (release func()) {
	t.Helper()
	busy, free := make(chan struct{}), make(chan struct{})
	s.Commit(nil, func(error) { close(busy); <-free })
	<-busy
	return func() { close(free) }
}

func TestOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		addAccounts(t, s, romeo)
		const n = 1300 // several batches
		release := hold(t, s)
		var told []int
		var all sync.WaitGroup
		all.Add(n)
		changes := make([]*roster.Change, n)
		for i := range n {
			changes[i] = set(romeo, juliet, roster.Item{Listed: true, Name: fmt.Sprint(i)})
			var writes []server.Write
			if i%5 != 0 { // one in five has nothing to write, and keeps its place
				writes = []server.Write{changes[i]}
			}
			s.Commit(writes, func(err error) {
				if err != nil {
					t.Errorf("passage %d: %v", i, err)
				}
				told = append(told, i)
				all.Done()
			})
		}
		release()
		all.Wait()
		last, ver := "", int64(0)
		for i := range n {
			if told[i] != i {
				t.Fatalf("passage %d was told at place %d", told[i], i)
			}
			if i%5 == 0 {
				continue
			}
			c := changes[i]
			if c.Before.Name != last || c.Before.Ver != ver || c.Ver <= ver {
				t.Fatalf("passage %d: before %q, version %d after %d; want %q, %d", i, c.Before.Name, c.Ver, c.Before.Ver, last, ver)
			}
			last, ver = fmt.Sprint(i), c.Ver
		}
		if b := s.Stats().Batches; b.Counts[9] < 2 { // up to 512
			t.Errorf("batches: %v", b.Counts)
		}
	})
}

// A passage that fails takes nobody with it, and leaves nothing behind.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		allowEntries(t, s)
		allowRefused(s)
		addAccounts(t, s, romeo)
		must(t, commit(s, &entry{n: 7}))
		passages := []struct {
			writes []server.Write
			want   string // in the error; empty: none
		}{
			{[]server.Write{&entry{n: 1}}, ""},
			{[]server.Write{&entry{n: 2}, &entry{n: 7}}, "entry"}, // taken
			{[]server.Write{&entry{n: 3}, refused{romeo}}, "refused"},
			{[]server.Write{&entry{n: 4}, stranger{}}, "nothing carries out"},
			{[]server.Write{&entry{n: 5}, &roster.Change{Account: romeo, Contact: juliet, Next: func(roster.Item) roster.Item { panic("bug") }}}, "bug"},
			{nil, ""},
			{[]server.Write{&entry{n: 2}, &entry{n: 6}, set(romeo, juliet, roster.Item{Listed: true})}, ""},
		}
		release := hold(t, s)
		errs := make([]chan error, len(passages))
		for i, p := range passages {
			errs[i] = make(chan error, 1)
			s.Commit(p.writes, func(err error) { errs[i] <- err })
		}
		release()
		for i, p := range passages {
			err := <-errs[i]
			if (err == nil) != (p.want == "") || err != nil && !strings.Contains(err.Error(), p.want) {
				t.Errorf("passage %d: %v, want %q", i, err, p.want)
			}
			if errors.Is(err, ErrAway) {
				t.Errorf("passage %d: the database is not away: %v", i, err)
			}
		}
		if got := fmt.Sprint(entries(t, s)); got != "map[1:true 2:true 6:true 7:true]" {
			t.Errorf("entries: %s", got)
		}
		// The number that the refused passage made for an address is not believed to be there.
		must(t, commit(s, set(romeo, xmpp.MustParseJID("trace@example.org"), roster.Item{Listed: true})))
		items, _, err := s.Roster(t.Context(), romeo)
		must(t, err)
		if len(items) != 2 {
			t.Errorf("roster: %+v", items)
		}
	})
}

// stranger is a write that nobody carries out.
type stranger struct{}

func (stranger) Owner() xmpp.JID { return romeo }

// A call whose caller has gone before its turn changes nothing.
func TestCallGivenUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		release := hold(t, s)
		done := make(chan error, 1)
		s.Commit([]server.Write{&call{romeo, ctx, func(ctx context.Context, t *turn) error {
			return insertAccount(ctx, t, 1, &account.Account{JID: romeo})
		}}}, func(err error) { done <- err })
		cancel()
		release()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		if ok, err := s.Exists(t.Context(), romeo); ok || err != nil {
			t.Errorf("exists: %v, %v", ok, err)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		s := p.open(t)
		allowEntries(t, s)
		release := hold(t, s)
		var told sync.WaitGroup
		for i := range 1000 {
			told.Add(1)
			s.Commit([]server.Write{&entry{n: int64(i)}}, func(err error) {
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
				told.Done()
			})
		}
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		release()
		must(t, <-closed)
		told.Wait()
		if err := commit(s, &entry{n: 1000}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		s = p.open(t)
		if n := len(entries(t, s)); n != 1000 {
			t.Errorf("%d entries", n)
		}
	})
}

// Readers see whole passages, while they are written.
func TestReadersDuringWrites(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		addAccounts(t, s, romeo)
		nurse := xmpp.MustParseJID("nurse@example.org")
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					items, ver, err := s.Roster(context.Background(), romeo)
					if err != nil {
						t.Error(err)
						return
					}
					if len(items) > 0 && (len(items) != 2 || items[0].Name != items[1].Name || max(items[0].Ver, items[1].Ver) != ver) {
						t.Errorf("half a passage: %d %+v", ver, items)
						return
					}
				}
			})
		}
		for i := range 300 {
			it := roster.Item{Listed: true, Name: fmt.Sprint(i)}
			must(t, commit(s, set(romeo, juliet, it), set(romeo, nurse, it)))
		}
		close(stop)
		readers.Wait()
	})
}
