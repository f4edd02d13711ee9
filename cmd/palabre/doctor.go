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
		Long: `Say what is wrong with the configuration, and what to do: its keys, the ports, the certificates, the DNS records that clients look for, and how safe
the database's settings are. It changes nothing. The exit status is 1 if something must be mended.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, path, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			findings := daemon.Examine(ctx, cfg)
			if path == "" {
				path = "none: the defaults, for this machine only"
			}
			findings = append([]daemon.Finding{{Level: daemon.Fine, About: "configuration", Text: path}}, findings...)
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
