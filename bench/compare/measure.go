package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"palabre/bench"
)

// A result is a report with the server that it is about.
type result struct {
	Server  string `json:"server"`
	Version string `json:"version"`
	Round   int    `json:"round"`
	bench.Report
}

// measure does all rounds, each with all servers in turn. The data of a round stays for the next.
func measure(ctx context.Context, o options, s *site, servers []server) ([]result, error) {
	raw := io.Discard
	if o.raw != "" {
		if err := os.MkdirAll(filepath.Dir(o.raw), 0o755); err != nil {
			return nil, err
		}
		file, err := os.Create(o.raw)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		raw = file
	}
	lines := json.NewEncoder(raw)
	var all []result
	for round := range o.rounds {
		for _, sv := range servers {
			progress("round %d of %d: %s %s", round+1, o.rounds, sv.Name(), sv.Version())
			reports, err := visit(ctx, o, s, sv)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sv.Name(), err)
			}
			for _, r := range reports {
				res := result{sv.Name(), sv.Version(), round + 1, r}
				if err := lines.Encode(res); err != nil {
					return nil, err
				}
				all = append(all, res)
			}
		}
	}
	return all, nil
}

// settingUp bounds a scenario: making 5,000 subscriptions takes a server minutes on a machine that is busy.
const settingUp = 20 * time.Minute

// visit runs the scenarios against a server. Each has it started afresh: what one leaves on the heap is no matter of the next.
func visit(ctx context.Context, o options, s *site, sv server) (reports []bench.Report, err error) {
	for name := range strings.SplitSeq(o.scenarios, ",") {
		r, err := scenario(ctx, o, s, sv, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		progress("  %v", &r)
		reports = append(reports, r)
	}
	return reports, nil
}

func scenario(ctx context.Context, o options, s *site, sv server, name string) (r bench.Report, err error) {
	p, err := sv.Start(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	c := bench.Config{
		Scenario: name,
		Dialer:   &bench.Dialer{Address: p.address, MinTLS: tls.VersionTLS13},
		Users:    s.active,
		Duration: o.duration,
		Timeout:  settingUp,
		Server:   []int{p.cmd.Process.Pid},
		Progress: func(format string, args ...any) { progress("  "+name+": "+format, args...) },
	}
	if name == "connect" {
		c.Users = s.idle
	}
	return bench.Do(ctx, c)
}
