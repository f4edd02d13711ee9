package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A table has a row per figure and a column per server.
type table struct {
	servers []server
	results []result
}

func newTable(servers []server, results []result) *table { return &table{servers, results} }

// A row takes a figure out of a report.
type row struct {
	title  string
	task   string
	figure func(result) float64
	rate   bool // whether the wall rate is written behind it
}

var rows = []row{
	{"1:1 chat, CPU µs a message", "chat", cpu, true},
	{"1:1 chat with stream management", "chat-sm", cpu, true},
	{"1:1 chat, archive in PostgreSQL", "chat-postgresql", cpu, true},
	{"1:1 chat, archive in SQLite", "chat-sqlite", cpu, true},
	{"last 50 of an archive in PostgreSQL, CPU µs a page", "archive-postgresql", cpu, true},
	{"last 50 of an archive in SQLite, CPU µs a page", "archive-sqlite", cpu, true},
	{"p99 of a lone sender, archive in PostgreSQL, ms", "lone-postgresql", p99, false},
	{"p99 of a lone sender, archive in SQLite, ms", "lone-sqlite", p99, false},
	{"a room of 10, CPU µs a delivery", "room-10", cpu, true},
	{"a room of 50", "room-50", cpu, true},
	{"a room of 200", "room-200", cpu, true},
	{"a room of 10, archive in PostgreSQL, CPU µs a delivery", "room-10-postgresql", cpu, true},
	{"a room of 50, archive in PostgreSQL", "room-50-postgresql", cpu, true},
	{"a room of 200, archive in PostgreSQL", "room-200-postgresql", cpu, true},
	{"entering a room of 1,000, CPU ms", "enter", milli, true},
	{"presence, CPU µs a delivery (50 contacts)", "presence", cpu, true},
	{"a login (TLS, SCRAM, bind), CPU µs", "connect", cpu, true},
	{"memory (RSS) an idle session with roster and presence, KiB", "connect", rss, false},
	{"what 100 unacknowledged messages add to it, KiB", "unacked", rss, false},
	{"login and logout, all at once, CPU µs", "churn", cpu, true},
}

func cpu(r result) float64   { return r.CPU }
func milli(r result) float64 { return r.CPU / 1000 }
func rss(r result) float64   { return r.RSSPerSession }
func p99(r result) float64   { return r.P99 / 1000 }

// Markdown is the table with what is needed to judge and to repeat it.
func (t *table) Markdown() string {
	var b strings.Builder
	b.WriteString("| |")
	for _, s := range t.servers {
		fmt.Fprintf(&b, " %s |", s.Name())
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(t.servers)) + "\n")
	for _, w := range rows {
		if line, ok := t.line(w); ok {
			b.WriteString(line)
		}
	}
	b.WriteString("\n" + t.legend())
	return b.String()
}

func (t *table) line(w row) (string, bool) {
	line, any := "| "+w.title+" |", false
	for _, s := range t.servers {
		var figures, rates []float64
		for _, r := range t.results {
			if r.Server == s.Name() && r.Task == w.task {
				figures = append(figures, w.figure(r))
				rates = append(rates, r.Rate)
			}
		}
		switch {
		case len(figures) == 0:
			line += " |"
			continue
		case w.rate:
			line += fmt.Sprintf(" %s (%.0f/s) |", figure(median(figures)), median(rates))
		default:
			line += fmt.Sprintf(" %s |", figure(median(figures)))
		}
		any = true
	}
	return line + "\n", any
}

// figure writes a number with the digits that mean something.
func figure(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// median of at least one value.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func (t *table) legend() string {
	versions := make([]string, len(t.servers))
	for i, s := range t.servers {
		versions[i] = s.Name() + " " + s.Version()
	}
	rounds, idle, least := 0, 0, 0
	for _, r := range t.results {
		rounds = max(rounds, r.Round)
		if r.Task == "connect" {
			idle = r.Users
		}
		if r.DatabaseCPU > 0 && !slices.Contains(versions, postgresVersion()) {
			versions = append(versions, postgresVersion())
		}
		if r.Archive != nil {
			least = r.Archive.Least
		}
	}
	s := fmt.Sprintf("Median of %d rounds, %s, %s. %s. ", rounds, time.Now().Format("2006-01-02"), machine(), strings.Join(versions, ", "))
	s += "CPU is user and system time of the server and its database together; in brackets units a second by the wall clock, with the load tool on the same machine. "
	s += "TLS 1.3 (ECDSA P-256), SCRAM-SHA-256, archive off unless said, databases as they are out of the box, no rate limits; all that was sent arrived once and in order; each scenario on a server just started. " +
		"Chat: 50 pairs both ways, 4 messages of 100 characters in flight for each sender. Rooms: 5 occupants write, 2 messages in flight for each; a delivery is a message at one occupant. Presence: 100 users, one change in flight for each. "
	s += fmt.Sprintf("Other work kept %.1f cores busy meanwhile (median). ", t.disturbance())
	if least > 0 {
		s += fmt.Sprintf("Archives: %d of %d messages, each read by one session, a page at a time. ", readers, least)
	}
	if idle > 0 {
		s += fmt.Sprintf("Idle: %d sessions. ", idle)
	}
	return s + "Made by: `go run ./bench/compare" + arguments() + "`.\n"
}

// disturbance is how many cores worked for others in the middle one of all runs.
func (t *table) disturbance() float64 {
	var all []float64
	for _, r := range t.results {
		all = append(all, r.OtherCores)
	}
	return median(all)
}

// arguments are those of this run that shape its figures.
func arguments() string {
	var out string
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "out", "raw", "keep", "palabre":
		default:
			out += " -" + f.Name + " " + f.Value.String()
		}
	})
	return out
}

// machine describes this one.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		kernel = []byte(runtime.GOOS)
	}
	return fmt.Sprintf("%d cores, %s, %s", runtime.NumCPU(), model, strings.TrimSpace(string(kernel)))
}
