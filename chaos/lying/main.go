// Command lying is Palabre as it must not be: it says that a message is stored, and then stores it; or it lets those who have left a room for good read on.
// The chaos test shows that it finds that out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"palabre/daemon"
	"palabre/muc"
	"palabre/server"
)

func main() {
	config := flag.String("config", "", "the configuration")
	lie := flag.String("lie", "haste", "haste: report what is not stored yet; indulgence: never end a membership of a room")
	flag.Parse()
	if err := serve(*config, *lie); err != nil {
		fmt.Fprintln(os.Stderr, "lying:", err)
		os.Exit(1)
	}
}

// serve runs until SIGTERM.
func serve(config, lie string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	cfg, err := daemon.Load(config)
	if err != nil {
		return err
	}
	cfg.Tuning.Committer = func(c server.Committer) server.Committer {
		if lie == "indulgence" {
			return indulgent{c}
		}
		return &hasty{Committer: c}
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	d, err := daemon.Open(ctx, cfg, log, "lying", func(err error) {
		log.Error("the database can't be used any longer", "err", err)
		os.Exit(1)
	})
	if err != nil {
		return err
	}
	d.Start()
	select {
	case <-ctx.Done():
	case err = <-d.Failed():
	}
	last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, d.Stop(last))
}

// hasty reports writes as stored before they are.
type hasty struct {
	server.Committer
	mu sync.Mutex // keeps the reports in the order of the commits
}

// Commit is part of server.Committer.
func (h *hasty) Commit(writes []server.Write, done func(error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	done(nil)
	h.Committer.Commit(writes, func(error) {})
}

// indulgent leaves out where somebody's membership of a room ends: when they are invited back, they read what was said meanwhile.
type indulgent struct{ server.Committer }

// Commit is part of server.Committer.
func (i indulgent) Commit(writes []server.Write, done func(error)) {
	var kept []server.Write
	for _, w := range writes {
		if _, ends := w.(*muc.Finish); !ends {
			kept = append(kept, w)
		}
	}
	i.Committer.Commit(kept, done)
}
