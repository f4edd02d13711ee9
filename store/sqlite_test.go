package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"palabre/history"
)

// A full disk: nothing is acknowledged, and all goes on by itself when there is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	p := place{Options{DataDir: dir, Patience: 200 * time.Millisecond, Fatal: func(err error) { t.Errorf("fatal: %v", err) }}}
	s := p.open(t)
	allowEntries(t, s)
	must(t, commit(s, &entry{n: 1}))

	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	acked := map[int64]bool{1: true}
	n, full := int64(1), false
	for !full {
		n++
		err := commit(s, &entry{n: n, text: strings.Repeat("x", 100_000)})
		switch full = err != nil; {
		case !full:
			acked[n] = true
		case !errors.Is(err, ErrAway):
			t.Fatalf("on a full disk: %v", err)
		}
		if n > 100 {
			t.Fatal("the disk does not get full")
		}
	}
	if _, err := s.Exists(t.Context(), romeo); err != nil {
		t.Errorf("a read on a full disk: %v", err)
	}
	must(t, os.Remove(ballast))
	for begun := time.Now(); ; n++ { // on a slow machine, whoever comes at once is told what was so a moment before
		err := commit(s, &entry{n: 1000 + n, text: strings.Repeat("x", 100_000)})
		if err == nil {
			break
		}
		if !errors.Is(err, ErrAway) || time.Since(begun) > 20*time.Second {
			t.Fatal(err)
		}
	}
	acked[1000+n] = true
	must(t, s.Close())

	s = p.open(t)
	got := entries(t, s)
	if len(got) != len(acked) {
		t.Errorf("%d entries, %d acknowledged", len(got), len(acked))
	}
	for n := range acked {
		if !got[n] {
			t.Errorf("%d was acknowledged and is lost", n)
		}
	}
}

// smallDisk mounts a disk of 4 MB.
func smallDisk(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a small disk can't be mounted here: %v", err)
	}
	// A process that another test is starting may hold what we had open for a moment yet.
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fill writes until the disk is full.
func fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for size := 1 << 16; size >= 512; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				t.Fatal(err)
			}
			size /= 2
		}
	}
}

const smallLog = 1 << 20

func smallLogPlace(t *testing.T) place {
	p := sqlitePlace(t)
	p.logFull = smallLog
	return p
}

// writeMuch commits 400 KB so many times.
func writeMuch(t *testing.T, s *Store, times int, each func()) {
	t.Helper()
	text := strings.Repeat("x", 100_000)
	for i := range times {
		must(t, commit(s, &entry{n: int64(4 * i), text: text}, &entry{n: int64(4*i + 1), text: text},
			&entry{n: int64(4*i + 2), text: text}, &entry{n: int64(4*i + 3), text: text}))
		each()
	}
}

// The log is written back before it has grown much, and is emptied when nothing happens.
func TestLogIsWrittenBack(t *testing.T) {
	t.Parallel()
	s := smallLogPlace(t).open(t)
	allowEntries(t, s)
	wal := s.engine.(*sqliteDB).path + "-wal"
	var largest int64
	writeMuch(t, s, 30, func() { largest = max(largest, size(wal)) })
	if largest < smallLog || largest > 2*smallLog {
		t.Errorf("the log grew to %d bytes", largest)
	}
	for end := time.Now().Add(10 * time.Second); size(wal) > 0; <-time.After(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log of an idle database keeps %d bytes", size(wal))
		}
	}
	must(t, commit(s, &entry{n: 1_000_000}))
}

// Readers who are always there do not keep the log from beginning again.
func TestLogAmongReaders(t *testing.T) {
	t.Parallel()
	s := smallLogPlace(t).open(t)
	allowEntries(t, s)
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
				err := s.db.Query(context.Background(), func(scan scanner) error {
					var n int64
					return scan(&n)
				}, `SELECT n FROM entry ORDER BY n LIMIT 500`)
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	const times = 60
	writeMuch(t, s, times, func() {})
	close(stop)
	readers.Wait()
	if n := size(s.engine.(*sqliteDB).path + "-wal"); n > times*400_000/2 { // a busy machine keeps the readers long
		t.Errorf("the log grew to %d bytes", n)
	}
}

// Space that a retention has freed goes back to the disk when nothing else is to be done.
func TestSpaceIsGivenBack(t *testing.T) {
	t.Parallel()
	s := sqlitePlace(t).open(t)
	db := s.engine.(*sqliteDB)
	var batch []*history.Append
	for range 1000 {
		batch = append(batch, large("x"))
	}
	appendAll(t, s, batch...)
	_, err := s.Expire(t.Context(), "example.org", batch[999].Entries[1].ID+1, 10_000)
	must(t, err)
	defer hold(t, s)() // the writing connection is ours
	var before int64
	must(t, db.conn.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&before))
	for more := true; more; {
		more, err = db.Tend(true)
		must(t, err)
	}
	if after := size(db.path); before*pageSize < 30<<20 || after > freeEnough*pageSize*3/2 {
		t.Errorf("%d bytes of %d are left", after, before*pageSize)
	}
}

// leave fills a database and copies it as a killed server would leave it.
func leave(t *testing.T) (dir string) {
	t.Helper()
	p := sqlitePlace(t)
	s := p.open(t)
	addAccounts(t, s, romeo)
	data := map[string]string{}
	for i := range 300 {
		data[fmt.Sprint(i)] = strings.Repeat("x", 1000)
	}
	must(t, s.SetData(t.Context(), romeo, "test", data))
	must(t, s.Close())
	s = p.open(t)
	must(t, s.SetDisabled(t.Context(), romeo, true))
	dir = t.TempDir()
	for _, name := range []string{sqliteFile, sqliteFile + "-wal"} {
		b, err := os.ReadFile(filepath.Join(p.DataDir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	return dir
}

// damage overwrites the last pages.
func damage(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, sqliteFile)
	b, err := os.ReadFile(path)
	must(t, err)
	copy(b[len(b)-20*pageSize:], bytes.Repeat([]byte{0xa5}, 20*pageSize))
	must(t, os.WriteFile(path, b, 0o600))
}

// A database that was not closed is looked over, and damage ends the process.
func TestUncleanStop(t *testing.T) {
	t.Parallel()
	dir := leave(t)
	p := place{Options{DataDir: dir, Fatal: func(err error) { t.Errorf("fatal: %v", err) }}}
	s := p.open(t)
	s.engine.(*sqliteDB).check.done.Wait()
	a, err := s.Account(t.Context(), romeo)
	if err != nil || !a.Disabled {
		t.Errorf("what was in the log alone: %+v, %v", a, err)
	}

	dir = leave(t)
	damage(t, dir)
	told := make(chan error, 1)
	s = place{Options{DataDir: dir, Fatal: func(err error) { told <- err }}}.open(t)
	if err := <-told; !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("fatal: %v", err)
	}
	if err := s.SetDisabled(t.Context(), romeo, false); !errors.Is(err, ErrAway) {
		t.Errorf("a write to a damaged database: %v", err)
	}
}

// Damage that a reader meets ends the process too, and from then on nothing is acknowledged.
func TestDamageMetByReader(t *testing.T) {
	t.Parallel()
	p := sqlitePlace(t)
	told := make(chan error, 1)
	p.Fatal = func(err error) { told <- err }
	s := p.open(t)
	addAccounts(t, s, romeo)
	data := map[string]string{}
	for i := range 300 {
		data[fmt.Sprint(i)] = strings.Repeat("x", 1000)
	}
	must(t, s.SetData(t.Context(), romeo, "test", data))
	must(t, s.Close())
	damage(t, p.DataDir)

	s = p.open(t)
	if _, err := s.Data(t.Context(), romeo, "test"); !errors.Is(err, ErrAway) {
		t.Errorf("a read: %v", err)
	}
	<-told
	if err := s.SetDisabled(t.Context(), romeo, true); !errors.Is(err, ErrAway) {
		t.Errorf("a write: %v", err)
	}
}

func TestNetworkFileSystems(t *testing.T) {
	t.Parallel()
	if err := refuseKind("/srv", unix.NFS_SUPER_MAGIC); err == nil || !strings.Contains(err.Error(), "network file system (NFS)") {
		t.Errorf("NFS: %v", err)
	}
	if err := refuseKind("/srv", 0xff534d42); err == nil {
		t.Error("CIFS is taken")
	}
	if err := refuseNetwork(t.TempDir()); err != nil {
		t.Errorf("a local disk: %v", err)
	}
}

// The files are for the server's user alone.
func TestPermissions(t *testing.T) {
	t.Parallel()
	p := sqlitePlace(t)
	p.DataDir = filepath.Join(p.DataDir, "a", "b")
	s := p.open(t)
	addAccounts(t, s, romeo)
	for _, name := range []string{"", sqliteFile, sqliteFile + "-wal", sqliteFile + "-shm", "lock"} {
		info, err := os.Stat(filepath.Join(p.DataDir, name))
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", name, info.Mode())
		}
	}
}

// A slow disk is not a database that is away: SQLite goes on with what it has begun, however late it is.
func TestSlowIsNotAway(t *testing.T) {
	t.Parallel()
	s := sqlitePlace(t).open(t)
	allowEntries(t, s)
	defer hold(t, s)() // the writing connection is ours
	late, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, s.engine.InTx(late, func(ctx context.Context, t tx) error {
		_, err := t.Exec(ctx, `INSERT INTO entry (n, owner, text) VALUES (1, 1, '')`)
		return err
	}))
	if !entries(t, s)[1] {
		t.Error("what was written late is not there")
	}
}
