package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// process writes one process into a made-up /proc.
func process(t *testing.T, dir string, pid, parent int, name string, ticks [4]int, rss int) {
	t.Helper()
	d := filepath.Join(dir, strconv.Itoa(pid))
	if err := os.MkdirAll(d, 0o755); err != nil {
		t.Fatal(err)
	}
	stat := fmt.Sprintf("%d (%s) S %d %d 1 0 -1 4194560 7 8 9 10 %d %d %d %d 20 0 3 0 99 123456 77 18446744073709551615\n",
		pid, name, parent, pid, ticks[0], ticks[1], ticks[2], ticks[3])
	status := fmt.Sprintf("Name:\t%s\nVmHWM:\t  999999 kB\nVmRSS:\t  %d kB\nThreads:\t3\n", name, rss)
	for file, text := range map[string]string{"stat": stat, "status": status} {
		if err := os.WriteFile(filepath.Join(d, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	process(t, dir, 1, 0, "init", [4]int{1000, 1000, 1000, 1000}, 5000)
	process(t, dir, 20, 1, "server", [4]int{10, 5, 2, 1}, 300)
	process(t, dir, 30, 20, "a (worker) of 20", [4]int{100, 0, 0, 0}, 40)
	process(t, dir, 31, 30, "worker's ) child", [4]int{0, 7, 0, 0}, 5)
	process(t, dir, 40, 1, "stranger", [4]int{900, 900, 0, 0}, 7000)
	process(t, dir, 50, 1, "second root", [4]int{1, 1, 0, 0}, 11)
	p := Proc{Dir: dir}

	for _, c := range []struct {
		name  string
		roots []int
		want  Usage
	}{
		{"a tree", []int{20}, Usage{125 * clockTick, 345, 3}},
		{"two trees", []int{20, 50}, Usage{127 * clockTick, 356, 4}},
		{"a root inside another's tree counts once", []int{20, 30}, Usage{125 * clockTick, 345, 3}},
		{"a leaf", []int{31}, Usage{7 * clockTick, 5, 1}},
		{"nothing asked", nil, Usage{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := p.Tree(c.roots...)
			if err != nil || got != c.want {
				t.Errorf("Tree(%v) = %+v, %v; want %+v", c.roots, got, err, c.want)
			}
		})
	}
	if _, err := p.Tree(20, 99); err == nil {
		t.Error("a process that is not there was accepted")
	}
	if _, err := (Proc{Dir: t.TempDir()}).Tree(20); err == nil {
		t.Error("an empty process table was accepted")
	}
}

func TestParseStatRefuses(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"",
		"12 server S 1",
		"12 (server) S 1 2 3",
		"12 (server) S one 12 1 0 -1 4194560 7 8 9 10 1 2 3 4 20",
		"12 (server) S 1 12 1 0 -1 4194560 7 8 9 10 1 x 3 4 20",
	} {
		if s, err := parseStat(line); err == nil {
			t.Errorf("parseStat(%q) = %+v without an error", line, s)
		}
	}
}

func TestParseRSS(t *testing.T) {
	t.Parallel()
	if n, err := parseRSS("Name:\tkthreadd\n"); n != 0 || err != nil {
		t.Errorf("a kernel thread has %d, %v", n, err)
	}
	if _, err := parseRSS("VmRSS:\tmuch kB\n"); err == nil {
		t.Error("a size that is no number was accepted")
	}
}

func TestParseBusy(t *testing.T) {
	t.Parallel()
	got, err := parseBusy("cpu  1 20 300 4000 50000 6 70 800 9000 90000\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	if want := 1197 * clockTick; err != nil || got != want {
		t.Errorf("busy for %v, %v; want %v", got, err, want)
	}
	for _, text := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8 9 10", "cpu 1 2 3 4 5 6 x 8 9 10"} {
		if got, err := parseBusy(text); err == nil {
			t.Errorf("%q gives %v without an error", text, got)
		}
	}
}

// The real table: this process burns CPU and takes memory, and both show.
func TestTreeOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /proc")
	}
	p := Proc{Dir: "/proc"}
	before, err := p.Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	held := make([]byte, 64<<20)
	for start, n := time.Now(), 0; time.Since(start) < 200*time.Millisecond; n++ {
		for i := range held {
			held[i] += byte(n)
		}
	}
	after, err := p.Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	used := after.Sub(before)
	if used.CPU < 20*time.Millisecond || used.RSS < 32<<10 {
		t.Errorf("used %v and %d KiB; spent about 200 ms and 65536 KiB", used.CPU, used.RSS)
	}
	runtime.KeepAlive(held)
}
