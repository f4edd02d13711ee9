package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"palabre/daemon"
)

// A clean end takes no more than 5 s, stopTime of it for the clients. A database that hangs does not hold it up: what was acknowledged is stored.
const (
	stopTime = 3500 * time.Millisecond
	lastTime = 700 * time.Millisecond
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is told to stop (SIGTERM, or Ctrl-C). SIGHUP reads the certificate's files anew.

Without a configuration it serves "localhost" on this machine only, keeps its data in ./palabre-data, signs a certificate by itself and
makes an account admin@localhost. It logs text to a terminal, and lines of JSON to anything else.`,
		Args: takes(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, path, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			log := newLogger(cmd.ErrOrStderr(), asJSON(cmd))
			d, err := daemon.Open(cmd.Context(), cfg, log, version, func(err error) {
				log.Error("the database can't be used any longer; ending, so that nothing is said to be stored that is not", "err", err)
				os.Exit(1)
			})
			if err != nil {
				return err
			}
			g := greeting{d: d, out: cmd.ErrOrStderr(), terminal: isTerminal(cmd.ErrOrStderr()) && !asJSON(cmd), defaults: path == ""}
			return serve(cmd.Context(), g)
		},
	}
}

// serve runs a server that has taken its ports until the context ends, or a listener does.
func serve(ctx context.Context, g greeting) error {
	d := g.d
	hup := make(chan os.Signal, 1) // before anybody can be told that it runs
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	d.Start()
	if err := g.say(ctx); err != nil {
		return errors.Join(err, stop(d))
	}
	for {
		select {
		case <-hup:
			if err := d.Reload(); err != nil {
				d.Log.Error("the certificate stays as it was", "err", err)
			} else {
				d.Log.Info("certificate read anew")
			}
		case err := <-d.Failed():
			return errors.Join(err, stop(d))
		case <-ctx.Done():
			d.Log.Info("stopping")
			err := stop(d)
			if err == nil {
				d.Log.Info("stopped")
			}
			return err
		}
	}
}

func stop(d *daemon.Daemon) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Stop(ctx) }() // if it is not waited for, the process ends
	var err error
	select {
	case err = <-done:
	case <-time.After(stopTime + lastTime):
		err = context.DeadlineExceeded
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it could not end in good order within %v; what was acknowledged is stored. Does the database hang?", stopTime)
	}
	return err
}

// newLogger writes text to a terminal, with the time of day, and JSON to anything else.
func newLogger(w io.Writer, asJSON bool) *slog.Logger {
	if asJSON || !isTerminal(w) {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			a.Value = slog.StringValue(a.Value.Time().Local().Format(time.TimeOnly))
		}
		return a
	}}))
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
