package directory_test

import (
	"os"
	"path/filepath"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
)

func rosterGroups(c *daemon.Config) { c.Directory.RosterGroups = []string{"staff", "board"} }

// The members of some groups are in everybody's roster.
func TestSharedGroups(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/shared/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			servertest.Play(t, servertest.StartWith(t, rosterGroups), file, string(raw))
		})
	}
}
