package daemon_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"palabre/server/servertest"
)

// TestOrderOfHooks compares the order in which modules take part with testdata/hooks.txt: a change of it is a decision, and is to be seen in a commit.
// PALABRE_UPDATE=1 rewrites the file.
func TestOrderOfHooks(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, s := range servertest.Start(t).Host.Stages() {
		fmt.Fprintf(&b, "%-16s %s\n", s.Name, strings.Join(s.Modules, " "))
	}
	const golden = "testdata/hooks.txt"
	if os.Getenv("PALABRE_UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the order of hooks has changed; if that is meant, run PALABRE_UPDATE=1 go test ./daemon\ngot\n%swant\n%s", b.String(), want)
	}
}
