package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A look finds what is there, is refused while a server runs, and changes nothing.
func TestLook(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		before, err := Look(t.Context(), p.Options)
		must(t, err)
		if before.Engine == "" || before.Schema != 0 || before.Known == 0 {
			t.Errorf("before the first start: %+v", before)
		}
		s := p.open(t)
		addAccounts(t, s, romeo)
		if _, err := Look(t.Context(), p.Options); err == nil || !strings.Contains(err.Error(), "in use by another palabre; stop that one first") {
			t.Errorf("while a server runs: %v", err)
		}
		must(t, s.Close())
		after, err := Look(t.Context(), p.Options)
		must(t, err)
		if after.Schema != after.Known || after.Version == "" || after.Level == "" {
			t.Errorf("after it: %+v", after)
		}
		p.tamper(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)")
		if _, err := Look(t.Context(), p.Options); err == nil || !strings.Contains(err.Error(), "written by a newer palabre") {
			t.Errorf("a newer schema: %v", err)
		}
	})
}

func TestLookMakesNoDatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, err := Look(t.Context(), Options{DataDir: dir})
	must(t, err)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data directory: %v", err)
	}
}
