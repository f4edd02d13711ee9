package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"palabre/account"
	"palabre/admin"
)

// importPage is how many accounts go in one call.
const importPage = 250

func importCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Make many accounts from a file", Args: cobra.ExactArgs(1),
		Long: `Make many accounts from a file, "-" for the input: JSON lines such as {"jid": "alice@example.org", "password": "..."}, or CSV with the
columns jid and password (a first line "jid,password" is skipped).

Accounts that exist are left as they are, so that an import that was broken off can be run again.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("the file can't be read: %w", err)
				}
				defer f.Close()
				in = f
			}
			c, done, err := caller(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			return importUsers(cmd, c, in)
		},
	}
}

// importUsers sends the file page by page, and says how far it has come.
func importUsers(cmd *cobra.Command, c admin.Caller, in io.Reader) error {
	start := time.Now()
	total := admin.ImportResult{}
	page := admin.ImportParams{}
	flush := func() error {
		if len(page.Rows) == 0 {
			return nil
		}
		var r admin.ImportResult
		if err := c.Call(cmd.Context(), "user.import", page, &r); err != nil {
			return err
		}
		page.Rows = page.Rows[:0]
		total.Created, total.Existing, total.Refused = total.Created+r.Created, total.Existing+r.Existing, total.Refused+r.Refused
		total.Problems = append(total.Problems, r.Problems...)
		for _, p := range r.Problems {
			fmt.Fprintf(cmd.ErrOrStderr(), "\rline %d: %s: %s\n", p.Line, p.JID, p.Error)
		}
		if isTerminal(cmd.ErrOrStderr()) {
			fmt.Fprintf(cmd.ErrOrStderr(), "\r%d made, %d there already, %d refused", total.Created, total.Existing, total.Refused)
		}
		return nil
	}
	for row := range account.ReadRows(in) {
		r := admin.ImportRow{Line: row.Line, JID: row.JID, Password: row.Password}
		if row.Err != nil {
			r.Error = row.Err.Error()
		}
		if page.Rows = append(page.Rows, r); len(page.Rows) >= importPage {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if isTerminal(cmd.ErrOrStderr()) {
		fmt.Fprint(cmd.ErrOrStderr(), "\r")
	}
	err := show(cmd, total, func(w io.Writer) {
		fmt.Fprintf(w, "%d made, %d there already, %d refused, in %.1f s\n", total.Created, total.Existing, total.Refused, time.Since(start).Seconds())
	})
	if err == nil && total.Refused > 0 {
		err = fmt.Errorf("%d lines were refused; mend them and run the import again: what is there already is left as it is", total.Refused)
	}
	return err
}
