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
	"time"

	"palabre/bench"
)

// A result is a report with the server that it is about.
type result struct {
	Server  string `json:"server"`
	Version string `json:"version"`
	Round   int    `json:"round"`
	Task    string `json:"task"`
	bench.Report
}

// measure does all rounds, each with all servers in turn. The data of a round stays for the next.
func measure(ctx context.Context, o options, s *site, servers []server, chosen []task) ([]result, error) {
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
			for _, t := range chosen {
				report, err := visit(ctx, o, s, sv, t)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", sv.Name(), t.name, err)
				}
				progress("  %s: %v", t.name, &report)
				res := result{sv.Name(), sv.Version(), round + 1, t.name, report}
				if err := lines.Encode(res); err != nil {
					return nil, err
				}
				all = append(all, res)
			}
		}
	}
	return all, nil
}

// settingUp bounds a scenario: on a machine that is busy, making 5,000 subscriptions or filling archives takes a server minutes.
const settingUp = 20 * time.Minute

// visit does a task against a server that is started afresh: what one leaves on the heap is no matter of the next.
func visit(ctx context.Context, o options, s *site, sv server, t task) (r bench.Report, err error) {
	p, err := sv.Start(ctx, t.archive)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	c := bench.Config{
		Scenario: t.scenario,
		Dialer:   &bench.Dialer{Address: p.address, MinTLS: tls.VersionTLS13},
		Users:    t.users(s),
		Duration: o.duration,
		Timeout:  settingUp,
		Fill:     o.fill,
		Server:   []int{p.cmd.Process.Pid},
		Progress: func(format string, args ...any) { progress("  "+t.name+": "+format, args...) },
	}
	if p.database != nil {
		c.Database = []int{p.database.cmd.Process.Pid}
	}
	if t.change != nil {
		t.change(&c)
	}
	if r, err = bench.Do(ctx, c); err == nil {
		err = kept(t, r)
	}
	return r, err
}

// kept compares what the archives of rooms hold with what they should.
func kept(t task, r bench.Report) error {
	if t.scenario != "muc" {
		return nil
	}
	switch sent, archived := r.Rooms.Sent, uint64(r.Rooms.Archived); {
	case t.archive == off && archived > 0:
		return fmt.Errorf("the archive is off, but there are %d messages in it", archived)
	case t.archive != off && archived < sent:
		return fmt.Errorf("there are %d messages in the archive, of %d", archived, sent)
	}
	return nil
}
