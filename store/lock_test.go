package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A data directory is free when a server has ended, even while a program that it was starting has not run yet, and so has all its files open.
func TestDataDirectoryIsFreed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := lockDir(dir)
	must(t, err)
	inherited, err := unix.Dup(int(f.Fd()))
	must(t, err)
	must(t, unlockDir(f))
	if f, err = lockDir(dir); err != nil {
		t.Error(err)
	} else {
		must(t, unlockDir(f))
	}
	must(t, unix.Close(inherited))
}

// What a server keeps beside its database, such as its control socket, is one server's too.
func TestDataDirectoryIsLockedWithPostgreSQL(t *testing.T) {
	t.Parallel()
	p := postgresPlace(t)
	p.DataDir = filepath.Join(t.TempDir(), "data")
	s := p.open(t)
	info, err := os.Stat(p.DataDir)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory has the mode %v", info.Mode())
	}
	other, err := Open(t.Context(), Options{DataDir: p.DataDir})
	if err == nil {
		must(t, other.Close())
		t.Fatal("two servers have one data directory")
	}
	if !strings.Contains(err.Error(), "is in use by another palabre; stop that one first") {
		t.Errorf("refused with %q", err)
	}
	must(t, s.Close())
	other, err = Open(t.Context(), Options{DataDir: p.DataDir})
	must(t, err)
	must(t, other.Close())
}
