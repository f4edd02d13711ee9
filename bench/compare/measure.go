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

	"palabre/bench"
)

// A result is a report with the server that it is about.
type result struct {
	Server  string `json:"server"`
	Version string `json:"version"`
	Round   int    `json:"round"`
	bench.Report
}

// measure does all rounds. Each starts each server anew, with the data of the round before.
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

// visit starts a server, runs the scenarios against it and stops it.
func visit(ctx context.Context, o options, s *site, sv server) (reports []bench.Report, err error) {
	p, err := sv.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	for name := range strings.SplitSeq(o.scenarios, ",") {
		c := bench.Config{
			Scenario: name,
			Dialer:   &bench.Dialer{Address: p.address, MinTLS: tls.VersionTLS13},
			Users:    s.active,
			Duration: o.duration,
			Server:   []int{p.cmd.Process.Pid},
			Progress: func(format string, args ...any) { progress("  "+name+": "+format, args...) },
		}
		if name == "connect" {
			c.Users = s.idle
		}
		r, err := bench.Do(ctx, c)
		if err != nil {
			return nil, err
		}
		progress("  %v", &r)
		reports = append(reports, r)
	}
	return reports, nil
}
