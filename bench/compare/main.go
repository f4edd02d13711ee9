// Command compare measures Palabre, ejabberd and Prosody on this machine under the same load, and writes the table.
//
// It takes Debian's packages of the peers, and says which are missing; it configures all alike: loopback only, TLS 1.3 with one
// certificate (ECDSA P-256), SCRAM-SHA-256, no rate limits, roster, presence, carbons, stream management and rooms on, and the archive off,
// or on for everybody, in PostgreSQL or in SQLite, as a scenario has it. Servers run one at a time, each as an unprivileged user where this runs as root, in a
// folder that is removed afterwards; only processes started here are ended. Rounds go through all servers in turn, so that
// what else the machine does falls on all alike, and each figure is the median of the rounds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"palabre/bench"
)

// options is the command line.
type options struct {
	servers   string
	scenarios string
	rounds    int
	sessions  int
	duration  time.Duration
	fill      int
	palabre   string
	out       string
	raw       string
	keep      bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, parse()); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		stop()
		os.Exit(1)
	}
}

func parse() options {
	var o options
	flag.StringVar(&o.servers, "servers", "ejabberd,prosody,palabre", "servers to measure, in this order")
	flag.StringVar(&o.scenarios, "scenarios", usual, "what to measure, among "+strings.Join(taskNames(), ", "))
	flag.IntVar(&o.rounds, "rounds", 3, "how often; figures are medians")
	flag.IntVar(&o.sessions, "sessions", 2000, "idle sessions in connect")
	flag.DurationVar(&o.duration, "duration", 10*time.Second, "how long each scenario is measured")
	flag.IntVar(&o.fill, "fill", bench.Defaults.Fill, "messages in an archive of which the last page is read")
	flag.StringVar(&o.palabre, "palabre", "", "the palabre binary; without it, it is built from this module")
	flag.StringVar(&o.out, "out", "", "file for the table; without it, it goes to standard output")
	flag.StringVar(&o.raw, "raw", "", "file for the single results, a line of JSON each")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder with configurations, data and logs")
	flag.Parse()
	return o
}

func run(ctx context.Context, o options) error {
	chosen, err := choose(o.scenarios)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "palabre-compare-")
	if err != nil {
		return err
	}
	if o.keep {
		progress("configurations, data and logs are in %s", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the servers run as other users
		return err
	}
	site, err := newSite(dir, o.sessions)
	if err != nil {
		return err
	}
	servers, err := prepare(ctx, o, site, engines(chosen))
	if err != nil {
		return err
	}
	results, err := measure(ctx, o, site, servers, chosen)
	if err != nil {
		return err
	}
	return publish(o, newTable(servers, results))
}

// prepare makes the chosen servers ready to be started.
func prepare(ctx context.Context, o options, s *site, engines []engine) ([]server, error) {
	known := map[string]server{"ejabberd": &ejabberd{site: s}, "prosody": &prosody{site: s}, "palabre": &palabre{site: s, binary: o.palabre}}
	var all []server
	var packages []string
	for name := range strings.SplitSeq(o.servers, ",") {
		sv, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("there is no server %q: choose among ejabberd, prosody and palabre", name)
		}
		all = append(all, sv)
		packages = append(packages, sv.Packages(engines)...)
	}
	if slices.Contains(engines, inPostgreSQL) {
		packages = append(packages, "postgresql")
	}
	if err := require(packages); err != nil {
		return nil, err
	}
	for _, sv := range all {
		if err := sv.Prepare(ctx, engines); err != nil {
			return nil, fmt.Errorf("%s: %w", sv.Name(), err)
		}
	}
	return all, nil
}

func publish(o options, t *table) error {
	text := t.Markdown()
	if o.out == "" {
		fmt.Print(text)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
