package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"palabre/admin"
	"palabre/daemon"
)

// places are where the configuration is looked for when nobody names it.
var places = []string{"palabre.toml", "/etc/palabre/palabre.toml"}

// loadConfig reads the configuration; path is where it came from, empty for the defaults.
func loadConfig(cmd *cobra.Command) (cfg daemon.Config, path string, err error) {
	path, err = cmd.Flags().GetString("config")
	if err != nil {
		return daemon.Config{}, "", err
	}
	if path == "" {
		for _, p := range places {
			if _, err := os.Stat(p); err == nil {
				path = p
				break
			}
		}
	}
	if path == "" {
		return daemon.Default(), "", nil
	}
	cfg, err = daemon.Load(path)
	return cfg, path, err
}

// caller reaches the running server or, if none runs, the database. done must be called at the end.
func caller(cmd *cobra.Command) (c admin.Caller, done func() error, err error) {
	cfg, _, err := loadConfig(cmd)
	if err != nil {
		return nil, nil, err
	}
	remote, err := admin.Dial(cfg.DataDir)
	if err == nil {
		return remote, func() error { remote.Close(); return nil }, nil
	}
	if !errors.Is(err, admin.ErrNoServer) {
		return nil, nil, err
	}
	return offline(cmd.Context(), cfg)
}

// offline works on the database of a server that does not run.
func offline(ctx context.Context, cfg daemon.Config) (admin.Caller, func() error, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	api, done, err := daemon.Offline(ctx, cfg, log, func(err error) {
		fmt.Fprintf(os.Stderr, "palabre: the database can't be used: %v\n", err)
		os.Exit(1)
	})
	if err != nil {
		return nil, nil, err
	}
	return api, done, nil
}
