package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// The child writes entries to the database that these name, and prints the number of each that was acknowledged.
const childDir, childURL, childFrom = "PALABRE_CHILD_DIR", "PALABRE_CHILD_URL", "PALABRE_CHILD_FROM"

// child is what the test program does when TestKill starts it. It ends by being killed.
func child() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s, err := Open(context.Background(), Options{DataDir: os.Getenv(childDir), URL: os.Getenv(childURL), Fatal: fail})
	if err != nil {
		fail(err)
	}
	from, err := strconv.ParseInt(os.Getenv(childFrom), 10, 64)
	if err != nil {
		fail(err)
	}
	if err := teachEntries(s); err != nil {
		fail(err)
	}
	var next atomic.Int64
	next.Store(from)
	var producers sync.WaitGroup
	for range 16 {
		producers.Go(func() {
			for {
				n := next.Add(1)
				if err := commit(s, &entry{n: 2 * n}, &entry{n: 2*n + 1, text: "the second half"}); err != nil {
					fail(err)
				}
				fmt.Println(n)
			}
		})
	}
	producers.Wait()
}

// Killed at any instant, the database has what was acknowledged, and no half of a passage.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	eachPlace(t, func(t *testing.T, p place) {
		acked := map[int64]bool{}
		for round := range rounds {
			for _, n := range killOne(t, p, int64(round)*1_000_000) {
				acked[n] = true
			}
			s, err := Open(t.Context(), p.Options)
			must(t, err)
			stored := entries(t, s)
			for n := range acked {
				if !stored[2*n] {
					t.Errorf("round %d: %d was acknowledged and is lost", round, n)
				}
			}
			for n := range stored {
				if !stored[n^1] {
					t.Errorf("round %d: half of passage %d", round, n/2)
				}
			}
			must(t, s.Close())
			t.Logf("round %d: %d acknowledged, %d stored", round, len(acked), len(stored)/2)
		}
	})
}

// killOne runs a child for some hundred acknowledgements, and gives all those that it gave.
func killOne(t *testing.T, p place, from int64) (acked []int64) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDir+"="+p.DataDir, childURL+"="+p.URL, childFrom+"="+fmt.Sprint(from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // the last line may be cut short
		}
		if acked = append(acked, n); len(acked) == 500 {
			must(t, cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); len(acked) < 500 {
		t.Fatalf("the child ended after %d: %v", len(acked), err)
	}
	return acked
}
