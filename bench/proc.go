package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100 on all that Go runs on (proc_pid_stat(5)).
const clockTick = 10 * time.Millisecond

// A Usage is what processes have used so far, those that they started included.
type Usage struct {
	CPU       time.Duration // user and system time, in steps of 10 ms each
	RSS       int64         // KiB resident now; a page that processes share counts in each of them
	Processes int
}

// Sub is what was used since before. Processes stays what it is now.
func (u Usage) Sub(before Usage) Usage {
	return Usage{CPU: u.CPU - before.CPU, RSS: u.RSS - before.RSS, Processes: u.Processes}
}

// A Proc reads the process table, /proc.
type Proc struct{ Dir string }

// Tree sums the usage of the given processes and of all that descend from them. It is an error if one of the given is gone.
func (p Proc) Tree(roots ...int) (Usage, error) {
	if len(roots) == 0 {
		return Usage{}, nil
	}
	all, err := p.processes()
	if err != nil {
		return Usage{}, err
	}
	for _, pid := range roots {
		if _, ok := all[pid]; !ok {
			return Usage{}, fmt.Errorf("bench: process %d is not running", pid)
		}
	}
	var sum Usage
	for pid := range descendants(all, roots) {
		rss, err := p.rss(pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it ended meanwhile: its parent has its times
		}
		if err != nil {
			return Usage{}, err
		}
		sum.CPU += all[pid].cpu
		sum.RSS += rss
		sum.Processes++
	}
	return sum, nil
}

// Busy is how long all processors together have worked since the machine started: what it does besides is idle time.
func (p Proc) Busy() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(p.Dir, "stat"))
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	return parseBusy(string(text))
}

// parseBusy adds up the first line of /proc/stat: user, nice, system, then not idle and iowait, but irq, softirq and
// steal. Time for guests is in user and nice already (proc_stat(5)).
func parseBusy(text string) (time.Duration, error) {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, errors.New("bench: /proc/stat is not as expected")
	}
	var busy time.Duration
	for _, i := range [...]int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("bench: /proc/stat: %w", err)
		}
		busy += time.Duration(n) * clockTick
	}
	return busy, nil
}

// stat is what we take of /proc/PID/stat. cpu includes the children that ended and were waited for, so that the sum
// over a tree does not go back when one of its processes ends.
type stat struct {
	parent int
	cpu    time.Duration
}

func (p Proc) processes() (map[int]stat, error) {
	names, err := filepath.Glob(filepath.Join(p.Dir, "[0-9]*"))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("bench: no processes in %s; CPU and memory of a server can be read on Linux only", p.Dir)
	}
	all := make(map[int]stat, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join(name, "stat"))
		if err != nil {
			continue // it ended between the two calls
		}
		s, err := parseStat(string(line))
		if err != nil {
			return nil, fmt.Errorf("bench: process %d: %w", pid, err)
		}
		all[pid] = s
	}
	return all, nil
}

// parseStat reads a line of /proc/PID/stat. The second field, the name in parentheses, may itself hold blanks and
// parentheses, so the fields are counted from the last one (proc_pid_stat(5)).
func parseStat(line string) (stat, error) {
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return stat{}, errors.New("stat without a process name")
	}
	f := strings.Fields(line[end+1:])
	if len(f) < 15 {
		return stat{}, fmt.Errorf("stat with %d fields", len(f)+2)
	}
	var s stat
	var err error
	if s.parent, err = strconv.Atoi(f[1]); err != nil {
		return stat{}, fmt.Errorf("stat: parent: %w", err)
	}
	for _, ticks := range f[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("stat: times: %w", err)
		}
		s.cpu += time.Duration(n) * clockTick
	}
	return s, nil
}

func descendants(all map[int]stat, roots []int) map[int]bool {
	children := make(map[int][]int, len(all))
	for pid, s := range all {
		children[s.parent] = append(children[s.parent], pid)
	}
	in := make(map[int]bool)
	for todo := append([]int(nil), roots...); len(todo) > 0; {
		pid := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !in[pid] {
			in[pid] = true
			todo = append(todo, children[pid]...)
		}
	}
	return in
}

func (p Proc) rss(pid int) (int64, error) {
	status, err := os.ReadFile(filepath.Join(p.Dir, strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	return parseRSS(string(status))
}

// parseRSS reads VmRSS, in KiB, of a /proc/PID/status. A kernel thread and a process that ended have none: 0.
func parseRSS(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("bench: status: VmRSS: %w", err)
			}
			return n, nil
		}
	}
	return 0, nil
}
