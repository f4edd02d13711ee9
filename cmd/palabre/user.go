package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"palabre/admin"
)

func userCommand() *cobra.Command {
	user := &cobra.Command{
		Use:   "user",
		Short: "Accounts and sessions",
		Long: `Accounts and sessions. While a server runs, the commands reach it through its data directory; otherwise they work on the
database directly.`,
	}
	user.AddCommand(
		passwordCommand("add", "Make an account", "user.add", "made"),
		passwordCommand("password", "Set an account's password; its sessions stay", "user.password", "has a new password"),
		importCommand(), listCommand(), sessionsCommand(), kickCommand(),
		accountCommand("disable", "Forbid an account to log in, and end its sessions", "user.disable", "is disabled"),
		accountCommand("enable", "Let an account log in again", "user.enable", "is enabled"),
		deleteCommand(),
	)
	return user
}

// call carries out one function for a command.
func call(cmd *cobra.Command, name string, params, result any) (err error) {
	c, done, err := caller(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return c.Call(cmd.Context(), name, params, result)
}

// accountCommand is a command that names one account.
func accountCommand(use, short, function, did string) *cobra.Command {
	return &cobra.Command{
		Use: use + " ADDRESS", Short: short, Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r admin.UserResult
			if err := call(cmd, function, admin.UserParams{JID: args[0]}, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n", r.JID, did) })
		},
	}
}

func deleteCommand() *cobra.Command {
	cmd := accountCommand("delete", "Delete an account and everything that it owns, and end its sessions", "user.delete", "is deleted")
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	do := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !*yes {
			fmt.Fprintf(cmd.ErrOrStderr(), "Delete %s and everything that it owns? This can't be undone. Type the address again: ", args[0])
			line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
			if strings.TrimSpace(line) != args[0] {
				return errors.Join(errors.New("nothing was deleted; --yes does it without asking"), ignoreEOF(err))
			}
		}
		return do(cmd, args)
	}
	return cmd
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// passwordCommand is a command that sets a password, which it asks for.
func passwordCommand(use, short, function, did string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " ADDRESS", Short: short, Args: takes(1),
		Long: short + `.

The password is asked for on a terminal; otherwise it is the first line of the input. A password is no argument: everybody on the machine could read it.`,
	}
	random := cmd.Flags().Bool("random", false, "make a random password, and print it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		password := rand.Text()
		if _, err := admin.ParseAccount(args[0]); err != nil {
			return err // before anybody types a password
		}
		if !*random {
			var err error
			if password, err = askPassword(cmd); err != nil {
				return err
			}
			if !utf8.ValidString(password) { // clients send it as UTF-8
				return errors.New("the password is not UTF-8, so nothing was changed; set the terminal to UTF-8, or take other characters")
			}
		}
		var r admin.UserResult
		if err := call(cmd, function, admin.UserParams{JID: args[0], Password: password}, &r); err != nil {
			return err
		}
		if !*random {
			return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n%s", r.JID, did, noteOf(r)) })
		}
		made := map[string]string{"jid": r.JID, "password": password}
		if r.Note != "" {
			made["note"] = r.Note
		}
		return show(cmd, made, func(w io.Writer) {
			fmt.Fprintf(w, "%s %s\npassword: %s\n%s", r.JID, did, password, noteOf(r))
		})
	}
	return cmd
}

// noteOf is what is to be done yet, as a line.
func noteOf(r admin.UserResult) string {
	if r.Note == "" {
		return ""
	}
	return r.Note + "\n"
}

func askPassword(cmd *cobra.Command) (string, error) {
	if f, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return askTwice(cmd.ErrOrStderr(), func() ([]byte, error) { return term.ReadPassword(int(f.Fd())) })
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.Join(errors.New("no password came: give it on the first line of the input, or use --random"), ignoreEOF(err))
	}
	return line, nil
}

func askTwice(w io.Writer, read func() ([]byte, error)) (string, error) {
	fmt.Fprint(w, "Password: ")
	first, err := read()
	fmt.Fprint(w, "\nAgain: ")
	if err != nil {
		return "", err
	}
	second, err := read()
	fmt.Fprintln(w)
	if err != nil {
		return "", err
	}
	if string(first) != string(second) {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return string(first), nil
}

func listCommand() *cobra.Command {
	var p admin.ListParams
	cmd := &cobra.Command{
		Use: "list", Short: "List the accounts of a domain", Args: takes(0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, done, err := caller(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			all := []admin.User{}
			for more := true; more; {
				page := p
				page.Limit = 1000
				var r admin.ListResult
				if err := c.Call(cmd.Context(), "user.list", page, &r); err != nil {
					return err
				}
				all = append(all, r.Users...)
				if more = r.More; more {
					local, _, _ := strings.Cut(r.Users[len(r.Users)-1].JID, "@")
					p.After = local
				}
			}
			return show(cmd, admin.ListResult{Users: all}, func(w io.Writer) { printUsers(w, all) })
		},
	}
	cmd.Flags().StringVar(&p.Domain, "domain", "", "the `DOMAIN` whose accounts to list; without it the first of the configuration")
	return cmd
}

func printUsers(w io.Writer, users []admin.User) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "ADDRESS\tSESSIONS\tLAST SEEN\tCREATED")
	for _, u := range users {
		seen, created := "never", u.Created.Local().Format(time.DateOnly)
		switch {
		case u.Sessions > 0:
			seen = "now"
		case u.LastSeen != nil:
			seen = u.LastSeen.Local().Format(time.DateTime)
		}
		switch {
		case u.Disabled:
			created += "\tdisabled"
		case !u.Granted:
			created += "\tchat not granted"
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", u.JID, u.Sessions, seen, created)
	}
}

func sessionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sessions [ADDRESS]", Short: "List the sessions of an account, or all", Args: takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r admin.SessionsResult
			if err := call(cmd, "user.sessions", admin.SessionsParams{JID: strings.Join(args, "")}, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				defer t.Flush()
				fmt.Fprintln(t, "SESSION\tFROM\tSINCE\tAVAILABLE")
				for _, s := range r.Sessions {
					fmt.Fprintf(t, "%s\t%s\t%s\t%v\n", s.JID, s.Address, s.Since.Local().Format(time.DateTime), s.Available)
				}
			})
		},
	}
}

func kickCommand() *cobra.Command {
	var p admin.KickParams
	cmd := &cobra.Command{
		Use: "kick ADDRESS[/RESOURCE]", Short: "End the sessions of an account, or one of them", Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.JID = args[0]
			var r admin.KickResult
			if err := call(cmd, "user.kick", p, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "ended: %d\n", r.Ended) })
		},
	}
	cmd.Flags().StringVar(&p.Reason, "reason", "", "a `TEXT` that the user is shown")
	return cmd
}
