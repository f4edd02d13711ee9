package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"palabre/daemon"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with the configuration, and what to do",
		Long: `Say what is wrong with the configuration, and what to do: its keys, the data directory, the ports, how many clients the system lets in, the
certificates, the DNS records that clients look for, and how safe the database's settings are. A server that runs is asked.
It changes nothing. The exit status is 1 if something must be mended.`,
		Args: takes(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			findings := daemon.Examine(ctx, cfg)
			err = show(cmd, findings, func(w io.Writer) {
				for _, f := range findings {
					fmt.Fprintf(w, "%-5s  %s: %s\n", f.Level, f.About, f.Text)
				}
			})
			for _, f := range findings {
				if f.Level == daemon.Bad {
					return errSaid
				}
			}
			return err
		},
	}
}
