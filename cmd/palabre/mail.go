package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"palabre/admin"
)

func mailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mail",
		Short: "Mail that waits to be sent",
		Long: `Mail that waits to be sent. While a server runs, the commands reach it through its data directory; otherwise they work on the
database directly, and nothing is sent.`,
	}
	cmd.AddCommand(
		mailQueueCommand(), mailShowCommand(),
		oneMailCommand("retry", "Try a mail now, with all its recipients who have not got it, for as long as a new one", "mail.retry", "is tried"),
		oneMailCommand("drop", "Take a mail out of the outbox; nobody is told", "mail.drop", "is dropped"),
		mailTestCommand(),
	)
	return cmd
}

// oneMailCommand is a command that names one mail.
func oneMailCommand(use, short, function, did string) *cobra.Command {
	return &cobra.Command{
		Use: use + " ID", Short: short, Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r admin.MailResult
			if err := call(cmd, function, admin.MailParams{ID: args[0]}, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n", r.ID, did) })
		},
	}
}

func mailQueueCommand() *cobra.Command {
	return &cobra.Command{
		Use: "queue", Short: "List the mails that wait, the next one first, and those that have failed", Args: takes(0),
		Long: `List the mails that wait, the next one first, and those that have failed. These are kept for seven days: 'palabre mail retry' tries them again.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, done, err := caller(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			all := admin.MailQueueResult{Mails: []admin.Mail{}}
			p := admin.MailQueueParams{Limit: 1000}
			for more := true; more; {
				var r admin.MailQueueResult
				if err := c.Call(cmd.Context(), "mail.queue", p, &r); err != nil {
					return err
				}
				all.Relay, all.Away, all.Next = r.Relay, r.Away, r.Next
				all.Mails = append(all.Mails, r.Mails...)
				if more = r.More; more {
					last := r.Mails[len(r.Mails)-1]
					p.After = admin.MailMark{State: last.State, Due: last.Due, ID: last.ID}
				}
			}
			return show(cmd, all, func(w io.Writer) { printMails(w, &all) })
		},
	}
}

func printMails(w io.Writer, r *admin.MailQueueResult) {
	switch {
	case r.Relay == "":
		fmt.Fprintln(w, "No mail is sent: [smtp] is not set up.")
	case r.Away != "":
		fmt.Fprintf(w, "No mail can be sent at the moment: %s. The next try: %s.\n", printable(r.Away), r.Next.Local().Format(time.DateTime))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "ID\tSTATE\tQUEUED\tNEXT\tTRIES\tBYTES\tASKED FOR BY\tPROBLEM")
	for _, m := range r.Mails {
		next := m.Due.Local().Format(time.DateTime)
		if m.State != "waits" {
			next = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", m.ID, m.State, m.Queued.Local().Format(time.DateTime), next, m.Tries, m.Size, m.Requester, printable(m.Problem))
	}
}

func mailShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a mail's recipients, and what the mail relay has said of each; not its text", Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r admin.MailDetails
			if err := call(cmd, "mail.show", admin.MailParams{ID: args[0]}, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) { printMail(w, &r) })
		},
	}
}

func printMail(w io.Writer, r *admin.MailDetails) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "mail\t%s\nmessage-id\t%s\nstate\t%s\nqueued\t%s\n", r.ID, r.MessageID, r.State, r.Queued.Local().Format(time.DateTime))
	if r.State == "waits" {
		fmt.Fprintf(t, "next try\t%s\n", r.Due.Local().Format(time.DateTime))
	}
	fmt.Fprintf(t, "tries\t%d\nbytes\t%d\nsubject\t%s\n", r.Tries, r.Size, printable(r.Subject))
	for _, line := range [][2]string{{"asked for by", r.Requester}, {"about", r.About}, {"answers to", r.ReplyTo}, {"problem", r.Problem}} {
		if line[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", line[0], printable(line[1]))
		}
	}
	for _, to := range r.Recipients {
		fmt.Fprintf(t, "to\t%s\t%s\t%s\n", printable(to.Address), to.State, printable(to.Answer))
	}
}

func mailTestCommand() *cobra.Command {
	var away bool
	cmd := &cobra.Command{
		Use: "test ADDRESS", Short: "Send a mail to an address, and say what the mail relay answers", Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r admin.MailTestResult
			if err := call(cmd, "mail.test", admin.MailTestParams{Address: args[0], Wait: !away}, &r); err != nil {
				return err
			}
			err := show(cmd, r, func(w io.Writer) {
				switch {
				case away:
					fmt.Fprintf(w, "%s is queued\n", r.ID)
				case r.Sent:
					fmt.Fprintf(w, "%s is sent; the mail relay says: %s\n", r.ID, printable(r.Answer))
				case r.Failed:
					fmt.Fprintf(w, "%s has failed; the mail relay says: %s\n", r.ID, printable(r.Answer))
				default:
					fmt.Fprintf(w, "%s is not sent so far: %s. 'palabre mail queue' shows when it is tried again\n", r.ID, printable(r.Answer))
				}
			})
			if err == nil && !away && !r.Sent {
				return errSaid
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&away, "no-wait", false, "do not wait for the mail relay's answer")
	return cmd
}
