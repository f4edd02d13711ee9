package store

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/history"
	"palabre/store/storetest"
)

// smallPostgres is a server whose tables are on a small disk, and its log is not: that would end the server.
func smallPostgres(t testing.TB, dir string) place {
	t.Helper()
	c := storetest.NewCluster(t)
	server, err := user.Lookup("postgres") // who mounts disks is root, for whom PostgreSQL does not run
	must(t, err)
	uid, err := strconv.Atoi(server.Uid)
	must(t, err)
	must(t, os.Chown(dir, uid, -1))
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	storetest.Execute(t, c.URL(), `CREATE TABLESPACE small LOCATION '`+dir+`'`)
	return place{Options{URL: c.URL() + "&default_tablespace=small"}}
}

// The disk gets full under archives: each message is in both or in none, what was acknowledged is there and what was not is not, what is there
// can be read all the time, and all goes on by itself when there is room again.
func TestDiskFullOfArchives(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(testing.TB, string) place{
		"sqlite":   func(_ testing.TB, dir string) place { return place{Options{DataDir: dir}} },
		"postgres": smallPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := smallDisk(t)
			p := at(t, dir)
			p.Patience = time.Second
			p.Fatal = func(err error) { t.Errorf("fatal: %v", err) }
			s := p.open(t)
			must(t, commit(s, line(romeo, juliet, "first")))
			ballast := filepath.Join(dir, "ballast")
			must(t, os.WriteFile(ballast, make([]byte, 5<<19), 0o600))

			acked := appendUntilFull(t, s)
			if !s.Stats().Away {
				t.Error("the figures do not say that the store is away")
			}
			expectRows(t, s, history.Query{Owner: romeo, Limit: 1}, "first")
			must(t, os.Remove(ballast))
			must(t, commit(s, line(romeo, juliet, "last")))
			acked = append(acked, "last")
			must(t, s.Close())

			s = p.open(t)
			for _, q := range []history.Query{{Owner: romeo, Limit: 10_000}, {Owner: juliet, Limit: 10_000}} {
				rows, err := s.Rows(t.Context(), q)
				must(t, err)
				got := texts(rows)[1:]
				for i := range got {
					got[i], _, _ = strings.Cut(got[i], " ")
				}
				slices.Sort(got)
				slices.Sort(acked)
				if !slices.Equal(got, acked) {
					t.Errorf("%s has %d, %d were acknowledged", q.Owner, len(got), len(acked))
				}
			}
		})
	}
}

// large is a line of 20 KB that can't be made shorter, as PostgreSQL would.
func large(name string) *history.Append {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, " %x", uint64(i+1)*0x9E3779B97F4A7C15)
	}
	return line(romeo, juliet, name+b.String())
}

// appendUntilFull has many append at once until each has been told that the store is away.
func appendUntilFull(t testing.TB, s *Store) (acked []string) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for who := range 8 {
		all.Go(func() {
			for i := range 1000 {
				name := fmt.Sprintf("%d-%d", who, i)
				err := commit(s, large(name))
				switch {
				case err == nil:
					mu.Lock()
					acked = append(acked, name)
					mu.Unlock()
					continue
				case !errors.Is(err, ErrAway):
					t.Errorf("%s: %v", name, err)
				}
				return
			}
			t.Error("the disk does not get full")
		})
	}
	all.Wait()
	return acked
}
