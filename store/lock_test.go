package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
