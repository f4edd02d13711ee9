package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"palabre/admin"
	"palabre/directory"
)

func directoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "directory",
		Short: "Who is who: people and shared mailboxes",
		Long: `Who is who: people, their groups ('palabre group') and shared mailboxes. An entry is named by its ID, alice, or with its domain, alice@example.org.
While a server runs, the commands reach it through its data directory; otherwise they work on the database directly.`,
	}
	cmd.AddCommand(directoryAddCommand(), entrySetCommand("directory", ""), entryShowCommand("directory"), directoryListCommand(), directoryImportCommand(), entryDeleteCommand("directory"))
	return cmd
}

// entryFields reads NAME=VALUE.
func entryFields(args []string) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || !slices.Contains(directory.FieldNames(), name) {
			return nil, fmt.Errorf("'%s' is not NAME=VALUE; the names are: %s", printable(a), strings.Join(directory.FieldNames(), ", "))
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		out[name] = value
	}
	return out, nil
}

// entryFlags are those of commands that say what an entry is.
func entryFlags(cmd *cobra.Command, p *admin.EntrySetParams) (photo *string) {
	cmd.Flags().StringVar(&p.Domain, "domain", "", "the `DOMAIN` of the directory; without it the first of the configuration")
	return cmd.Flags().String("photo", "", "a `FILE` with a PNG, JPEG, GIF or WebP picture of at most 256 KiB; with an empty name the photo is taken away")
}

// readPhoto reads the file that --photo names.
func readPhoto(cmd *cobra.Command, name string) (*[]byte, error) {
	data := []byte{}
	if !cmd.Flags().Changed("photo") || name == "" {
		if cmd.Flags().Changed("photo") {
			return &data, nil
		}
		return nil, nil
	}
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, directory.LargestPhoto+1)) // one more is refused
	if err != nil {
		return nil, fmt.Errorf("the photo can't be read: %w", err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("the photo %s is empty", name)
	}
	return &data, nil
}

// changeEntry carries out a function that says what an entry is.
func changeEntry(cmd *cobra.Command, function string, p admin.EntrySetParams, did string) error {
	var r admin.EntryResult
	if err := call(cmd, function, p, &r); err != nil {
		return err
	}
	return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "%s %s of %s %s\n", r.Kind, r.ID, r.Domain, did) })
}

func directoryAddCommand() *cobra.Command {
	var p admin.EntrySetParams
	cmd := &cobra.Command{
		Use: "add ID [NAME=VALUE...]", Short: "Add a person or a shared mailbox", Args: takes(1, 100),
		Long: `Add a person or a shared mailbox. A person who is named like an account, alice@example.org, has that account unless it is said otherwise; a mailbox that is
named like an address has that address.

  palabre directory add alice@example.org "name=Alice Smith" email=alice.smith@example.org unit=Sales --photo alice.jpg
  palabre directory add --kind mailbox info@example.org "name=Information desk"

The names are: ` + strings.Join(directory.FieldNames(), ", ") + `.`,
	}
	photo := entryFlags(cmd, &p)
	cmd.Flags().StringVar(&p.Kind, "kind", "person", "`KIND`: person or mailbox; 'palabre group add' adds a group")
	cmd.RunE = addEntry(&p, photo)
	return cmd
}

// addEntry carries out a command that adds an entry.
func addEntry(p *admin.EntrySetParams, photo *string) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		p.ID = args[0]
		if p.Fields, err = entryFields(args[1:]); err != nil {
			return err
		}
		if p.Photo, err = readPhoto(cmd, *photo); err != nil {
			return err
		}
		return changeEntry(cmd, "directory.add", *p, "added")
	}
}

// entrySetCommand is a command that changes an entry, of a kind if that is not empty.
func entrySetCommand(noun, kind string) *cobra.Command {
	var p admin.EntrySetParams
	cmd := &cobra.Command{
		Use: "set ID [NAME=VALUE...]", Short: "Change what the directory says", Args: takes(1, 100),
		Long: `Change what the directory says; 'palabre ` + noun + ` show ID' shows what it says now. An empty value empties a field.

  palabre ` + noun + ` set ` + map[string]string{"directory": "alice title=Director phone=", "group": `sales "name=Sales and support" chat=yes`}[noun] + `

The names are: ` + strings.Join(directory.FieldNames(), ", ") + `.`,
	}
	photo := entryFlags(cmd, &p)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		p.ID, p.Kind = args[0], kind
		if p.Fields, err = entryFields(args[1:]); err != nil {
			return err
		}
		if p.Photo, err = readPhoto(cmd, *photo); err != nil {
			return err
		}
		if len(p.Fields) == 0 && p.Photo == nil {
			return errors.New("say what is to be changed, as NAME=VALUE or --photo FILE; the names are: " + strings.Join(directory.FieldNames(), ", "))
		}
		return changeEntry(cmd, "directory.set", p, "changed")
	}
	return cmd
}

// entryDomain lets a command have --domain.
func entryDomain(cmd *cobra.Command, domain *string) *cobra.Command {
	cmd.Flags().StringVar(domain, "domain", "", "the `DOMAIN` of the directory; without it the first of the configuration")
	return cmd
}

func entryShowCommand(noun string) *cobra.Command {
	var p admin.EntryParams
	return entryDomain(&cobra.Command{
		Use: "show ID", Short: "Show all that the directory says", Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.ID = args[0]
			var r admin.DirectoryEntry
			if err := call(cmd, "directory.show", p, &r); err != nil {
				return err
			}
			if noun == "group" && r.Kind != "group" {
				return fmt.Errorf("%s is a %s; 'palabre directory show' shows it", r.ID, r.Kind)
			}
			return show(cmd, r, func(w io.Writer) { printEntry(w, &r) })
		},
	}, &p.Domain)
}

func printEntry(w io.Writer, r *admin.DirectoryEntry) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "id\t%s\ndomain\t%s\nkind\t%s\n", r.ID, r.Domain, r.Kind)
	for _, name := range directory.FieldNames() {
		for i, line := range strings.Split(r.Fields[name], "\n") {
			if i > 0 {
				fmt.Fprintf(t, "\t%s\n", printable(line))
			} else if line != "" {
				fmt.Fprintf(t, "%s\t%s\n", name, printable(line))
			}
		}
	}
	if r.Photo != nil {
		fmt.Fprintf(t, "photo\t%s, %d bytes, SHA-1 %s\n", r.Photo.Type, r.Photo.Size, r.Photo.SHA1)
	}
	for _, g := range r.Groups {
		fmt.Fprintf(t, "group\t%s\n", g)
	}
	for _, m := range r.Members {
		fmt.Fprintf(t, "member\t%s\n", m)
	}
}

func directoryListCommand() *cobra.Command {
	var p admin.EntryListParams
	cmd := entryDomain(&cobra.Command{
		Use: "list [WORDS]", Short: "List the directory, or find who has these words, or words that begin with them", Args: takes(0, 20),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Text = strings.Join(args, " ")
			return listEntries(cmd, p)
		},
	}, &p.Domain)
	cmd.Flags().StringVar(&p.Kind, "kind", "", "list only those of a `KIND`: person, group or mailbox")
	return cmd
}

// listEntries prints all pages of a list, each as it comes: a directory may be large.
func listEntries(cmd *cobra.Command, p admin.EntryListParams) (err error) {
	c, done, err := caller(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	out := bufio.NewWriter(cmd.OutOrStdout())
	defer func() { err = errors.Join(err, out.Flush()) }()
	all := []admin.DirectoryEntry{}
	if !asJSON(cmd) {
		fmt.Fprintf(out, entryLine, "ID", "KIND", "ADDRESS", "NAME")
	}
	for more := true; more; {
		page := p
		if page.Limit = 1000; p.Text != "" {
			page.Limit = directory.MaxFound
		}
		var r admin.EntryListResult
		if err := c.Call(cmd.Context(), "directory.list", page, &r); err != nil {
			return err
		}
		if asJSON(cmd) {
			all = append(all, r.Entries...)
		} else {
			for _, e := range r.Entries {
				fmt.Fprintf(out, entryLine, e.ID, e.Kind, printable(e.Fields["email"]), printable(e.Fields["name"]))
			}
		}
		if more = r.More; more {
			p.After = r.Entries[len(r.Entries)-1].ID
		}
	}
	return show(cmd, admin.EntryListResult{Entries: all}, func(io.Writer) {})
}

// entryLine has columns of fixed width, since what follows is not known yet.
const entryLine = "%-20s  %-7s  %-32s  %s\n"

func entryDeleteCommand(noun string) *cobra.Command {
	var p admin.EntryParams
	cmd := entryDomain(&cobra.Command{
		Use: "delete ID", Short: "Take an entry out of the directory; an account of that name stays", Args: takes(1),
	}, &p.Domain)
	if noun == "group" {
		cmd.Short = "Take a group out of the directory; its members stay"
	}
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p.ID = args[0]
		if !*yes {
			fmt.Fprintf(cmd.ErrOrStderr(), "Take %s out of the directory? This can't be undone. Type the ID again: ", args[0])
			line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
			if strings.TrimSpace(line) != args[0] {
				return errors.Join(errors.New("nothing was deleted; --yes does it without asking"), ignoreEOF(err))
			}
		}
		if noun == "group" {
			var e admin.DirectoryEntry
			if err := call(cmd, "directory.show", p, &e); err != nil {
				return err
			}
			if e.Kind != "group" {
				return fmt.Errorf("%s is a %s; 'palabre directory delete' deletes it", e.ID, e.Kind)
			}
		}
		var r admin.EntryResult
		if err := call(cmd, "directory.delete", p, &r); err != nil {
			return err
		}
		return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "%s of %s deleted\n", r.ID, r.Domain) })
	}
	return cmd
}

func directoryImportCommand() *cobra.Command {
	var p admin.EntryImportParams
	cmd := entryDomain(&cobra.Command{
		Use: "import FILE", Short: "Add and change many entries from a CSV or vCard file", Args: takes(1),
		Long: `Add and change many entries from a file, "-" for the input: CSV with a header, or vCards (version 3 or 4).

The header of a CSV file names its columns, in any order: id, kind, ` + strings.Join(directory.FieldNames(), ", ") + `. Fields that have no column stay as
they are; an empty cell empties its field. Where the ID is left out, it is what stands before the @ of the account, or of an e-mail address of the domain.

An import can be run again: what is so already is left as it is. --dry-run says what an import would do, and does nothing.`,
	}, &p.Domain)
	cmd.Flags().BoolVar(&p.Rehearsal, "dry-run", false, "change nothing; say what would be added, changed, left alone and refused")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		in := cmd.InOrStdin()
		if args[0] != "-" {
			var f *os.File
			if f, err = openFile(args[0]); err != nil {
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
		return importEntries(cmd, c, p, in)
	}
	cmd.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	return cmd
}
