package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"palabre/admin"
	"palabre/directory"
)

func groupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "group",
		Short: "Groups of people in the directory",
		Long: `Groups of people in the directory. A group has persons of its domain as members; groups inside groups there are not. While a server runs, the commands
reach it through its data directory; otherwise they work on the database directly.`,
	}
	members := &cobra.Command{Use: "members", Short: "Who is in a group"}
	members.AddCommand(membersCommand("add", "Put people into a group"), membersCommand("remove", "Take people out of a group"))
	cmd.AddCommand(groupAddCommand(), entrySetCommand("group", "group"), groupListCommand(), entryShowCommand("group"), entryDeleteCommand("group"), group(members))
	return cmd
}

func groupAddCommand() *cobra.Command {
	p := admin.EntrySetParams{Kind: "group"}
	cmd := &cobra.Command{
		Use: "add ID [NAME=VALUE...]", Short: "Add a group", Args: takes(1, 100),
		Long: `Add a group, which has no members yet.

  palabre group add sales "name=Sales" email=sales@example.org chat=yes

The names are: ` + strings.Join(directory.FieldNames(), ", ") + `. With chat=yes its members may use chat, where that is granted to some only.`,
	}
	photo := entryFlags(cmd, &p)
	cmd.RunE = addEntry(&p, photo)
	return cmd
}

func groupListCommand() *cobra.Command {
	p := admin.EntryListParams{Kind: "group"}
	return entryDomain(&cobra.Command{
		Use: "list [WORDS]", Short: "List the groups, or find those with these words", Args: takes(0, 20),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Text = strings.Join(args, " ")
			return listEntries(cmd, p)
		},
	}, &p.Domain)
}

// membersPage is how many members go in one call.
const membersPage = 500

func membersCommand(use, short string) *cobra.Command {
	var p admin.MembersParams
	cmd := entryDomain(&cobra.Command{
		Use: use + " GROUP ID...", Short: short, Args: takes(2, 100_000),
		Long: short + `: the IDs of persons, or "-" for those in the input, with spaces or ends of lines between them.

  palabre group members ` + use + ` sales alice bob
  palabre group members ` + use + ` sales - <sales.txt`,
	}, &p.Domain)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		c, done, err := caller(cmd)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, done()) }()
		p.ID = args[0]
		var total admin.MembersResult
		for people := range pages(cmd, args[1:], &err) {
			page := p
			*map[string]*[]string{"add": &page.Add, "remove": &page.Remove}[use] = people
			var r admin.MembersResult
			if err := c.Call(cmd.Context(), "group.members", page, &r); err != nil {
				return err
			}
			r.Added, r.Removed = r.Added+total.Added, r.Removed+total.Removed
			total = r
		}
		if err != nil {
			return err
		}
		return show(cmd, total, func(w io.Writer) {
			fmt.Fprintf(w, "group %s of %s: %d added, %d removed\n", total.ID, total.Domain, total.Added, total.Removed)
		})
	}
	return cmd
}

// pages gives names page by page, at least one: those of the arguments, or of the input, whose error is left in err.
func pages(cmd *cobra.Command, args []string, err *error) iter.Seq[[]string] {
	if len(args) != 1 || args[0] != "-" {
		return slices.Chunk(args, membersPage)
	}
	return func(yield func([]string) bool) {
		words := bufio.NewScanner(cmd.InOrStdin())
		words.Split(bufio.ScanWords)
		for more := true; more; {
			var page []string
			for more = false; len(page) < membersPage && words.Scan(); more = len(page) == membersPage {
				page = append(page, words.Text())
			}
			if *err = words.Err(); *err != nil || !yield(page) {
				return
			}
		}
	}
}
