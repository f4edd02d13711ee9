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
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Make many accounts from a file", Args: takes(1),
		Long: `Make many accounts from a file, "-" for the input: JSON lines such as {"jid": "alice@example.org", "password": "..."}, or CSV with the
columns jid and password (a first line "jid,password" is skipped).

Accounts that exist are left as they are, so that an import that was broken off can be run again.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := openFile(args[0])
				if err != nil {
					return err
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
	cmd.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	return cmd
}

func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the file can't be read: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, fmt.Errorf("%s is a folder; name a file", name)
	}
	return f, nil
}

// An importer sends a file page by page, and says how far it has come.
type importer struct {
	cmd      *cobra.Command
	caller   admin.Caller
	page     admin.ImportParams
	total    admin.ImportResult
	progress bool // somebody watches
}

func importUsers(cmd *cobra.Command, c admin.Caller, in io.Reader) error {
	start := time.Now()
	im := importer{cmd: cmd, caller: c, progress: isTerminal(cmd.ErrOrStderr()) && !asJSON(cmd)}
	err := im.send(in)
	if im.progress {
		fmt.Fprint(cmd.ErrOrStderr(), clearLine)
	}
	if err == nil && im.total.Refused > 0 {
		err = fmt.Errorf("lines refused: %d; mend them and run the import again: what is there already is left as it is", im.total.Refused)
	} else if err != nil {
		err = fmt.Errorf("%w; %d accounts were made before: to make the rest, run the import again", im.why(err), im.total.Created)
	}
	t := im.total
	shown := show(cmd, t, func(w io.Writer) {
		fmt.Fprintf(w, "%d made, %d there already, %d refused, in %.1f s\n", t.Created, t.Existing, t.Refused, time.Since(start).Seconds())
	})
	return errors.Join(err, shown)
}

// clearLine goes back to the beginning of a terminal's line, and empties it.
const clearLine = "\r\x1b[K"

// why is what ended an import, for people.
func (im *importer) why(err error) error {
	if im.cmd.Context().Err() != nil {
		return errors.New("the import was broken off")
	}
	return err
}

func (im *importer) send(in io.Reader) error {
	for row := range account.ReadRows(in) {
		r := admin.ImportRow{Line: row.Line, JID: row.JID, Password: row.Password}
		if row.Err != nil {
			r.Error = row.Err.Error()
		}
		if im.page.Rows = append(im.page.Rows, r); len(im.page.Rows) < importPage {
			continue
		}
		if err := im.flush(); err != nil {
			return err
		}
	}
	return im.flush()
}

// flush sends what has been gathered.
func (im *importer) flush() error {
	if len(im.page.Rows) == 0 {
		return nil
	}
	var r admin.ImportResult
	if err := im.caller.Call(im.cmd.Context(), "user.import", im.page, &r); err != nil {
		return err
	}
	im.page.Rows = im.page.Rows[:0]
	t := &im.total
	t.Created, t.Existing, t.Refused = t.Created+r.Created, t.Existing+r.Existing, t.Refused+r.Refused
	t.Problems = append(t.Problems, r.Problems...)
	im.tell(r.Problems)
	return nil
}

func (im *importer) tell(problems []admin.ImportProblem) {
	if asJSON(im.cmd) {
		return // they are in the result
	}
	w := im.cmd.ErrOrStderr()
	if im.progress {
		fmt.Fprint(w, clearLine)
	}
	for _, p := range problems {
		if p.JID == "" {
			fmt.Fprintf(w, "line %d: %s\n", p.Line, p.Error)
		} else {
			fmt.Fprintf(w, "line %d: %q: %s\n", p.Line, p.JID, p.Error)
		}
	}
	if im.progress {
		fmt.Fprintf(w, "%d made, %d there already, %d refused", im.total.Created, im.total.Existing, im.total.Refused)
	}
}
