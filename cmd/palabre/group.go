package main

import (
	"fmt"
	"io"
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
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		p.ID = args[0]
		if p.Fields, err = entryFields(args[1:]); err != nil {
			return err
		}
		if p.Photo, err = readPhoto(cmd, *photo); err != nil {
			return err
		}
		return changeEntry(cmd, "directory.add", p, "added")
	}
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
	}, &p.Domain)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		total := admin.MembersResult{}
		for people := args[1:]; len(people) > 0; people = people[min(membersPage, len(people)):] {
			page := p
			page.ID = args[0]
			list := map[string]*[]string{"add": &page.Add, "remove": &page.Remove}[use]
			*list = people[:min(membersPage, len(people))]
			var r admin.MembersResult
			if err := call(cmd, "group.members", page, &r); err != nil {
				return err
			}
			r.Added, r.Removed = r.Added+total.Added, r.Removed+total.Removed
			total = r
		}
		return show(cmd, total, func(w io.Writer) {
			fmt.Fprintf(w, "group %s of %s: %d added, %d removed\n", total.ID, total.Domain, total.Added, total.Removed)
		})
	}
	return cmd
}
