package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"palabre/daemon"
)

// stopTime is how long a clean end may take.
const stopTime = 5 * time.Second

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is told to stop (SIGTERM, or Ctrl-C). SIGHUP reads the certificate's files anew.

Without a configuration it serves "localhost" on this machine only, keeps its data in ./palabre-data, signs a certificate by itself and
makes an account admin@localhost.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, path, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), cfg, path, cmd.ErrOrStderr())
		},
	}
}

func serve(ctx context.Context, cfg daemon.Config, path string, errs io.Writer) error {
	log := newLogger(errs)
	d, err := daemon.Open(ctx, cfg, log, version, func(err error) {
		log.Error("the database can't be used any longer; ending, so that nothing is said to be stored that is not", "err", err)
		os.Exit(1)
	})
	if err != nil {
		return err
	}
	d.Start()
	if err := greet(ctx, d, path, errs); err != nil {
		return errors.Join(err, stop(d))
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-hup:
			if err := d.Reload(); err != nil {
				log.Error("the certificate stays as it was", "err", err)
			} else {
				log.Info("certificate read anew")
			}
		case err := <-d.Failed():
			return errors.Join(err, stop(d))
		case <-ctx.Done():
			log.Info("stopping")
			return stop(d)
		}
	}
}

func stop(d *daemon.Daemon) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	return d.Stop(ctx)
}

// newLogger writes text to a terminal, JSON to anything else.
func newLogger(w io.Writer) *slog.Logger {
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// greet says where to connect and, at the very first start without a configuration, as whom.
func greet(ctx context.Context, d *daemon.Daemon, path string, errs io.Writer) error {
	for _, b := range d.Bound() {
		d.Log.Info("listening", "service", b.Service, "addr", b.Addr.String())
	}
	if path != "" {
		return nil
	}
	first, err := d.FirstAccount(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(errs, "\nPalabre serves localhost, on this machine only. Connect a client to 127.0.0.1, port 5222 (STARTTLS) or 5223 (TLS),\nand accept the certificate, which the server has signed by itself.\n")
	if first.Password != "" {
		if isTerminal(errs) {
			fmt.Fprintf(errs, "  address   %s\n  password  %s\n", first.JID, first.Password)
		} else {
			file := filepath.Join(d.Config.DataDir, "admin-password")
			if err := os.WriteFile(file, []byte(first.Password+"\n"), 0o600); err != nil {
				return fmt.Errorf("the password of %s can't be kept: %w", first.JID, err)
			}
			fmt.Fprintf(errs, "  address   %s\n  password  in %s\n", first.JID, file)
		}
	}
	fmt.Fprintf(errs, "More accounts: palabre user add alice@localhost\n\n")
	return nil
}
