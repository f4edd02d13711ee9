package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"palabre/admin"
	"palabre/directory"
)

const (
	entryPage = 200     // records that go in one call
	entryRoom = 1 << 20 // and their bytes, more or less: photos are large, and grow by a third
	mostTold  = 1000    // problems that are told; the others are counted
)

// An entryImporter sends a file page by page, and says how far it has come.
type entryImporter struct {
	cmd      *cobra.Command
	caller   admin.Caller
	page     admin.EntryImportParams
	bytes    int
	problems []admin.EntryProblem // of records that could not be read, of this page
	total    admin.EntryImportResult
	progress bool // somebody watches
}

func importEntries(cmd *cobra.Command, c admin.Caller, p admin.EntryImportParams, in io.Reader) error {
	start := time.Now()
	im := entryImporter{cmd: cmd, caller: c, page: p, progress: isTerminal(cmd.ErrOrStderr()) && !asJSON(cmd)}
	err := im.send(in)
	if im.progress {
		fmt.Fprint(cmd.ErrOrStderr(), clearLine)
	}
	t := im.total
	switch {
	case err != nil && cmd.Context().Err() != nil:
		err = errors.New("the import was broken off; to do the rest, run it again")
	case err != nil:
		err = fmt.Errorf("%w; what came before is done: to do the rest, run the import again", err)
	case t.Refused > 0:
		err = fmt.Errorf("records refused: %d; mend them and run the import again: what is so already is left as it is", t.Refused)
	}
	shown := show(cmd, t, func(w io.Writer) {
		words := "%d added, %d changed, %d left as they were, %d refused, in %.1f s\n"
		if p.Rehearsal {
			words = "it would be: %d added, %d changed, %d left as they are, %d refused (%.1f s; nothing was changed)\n"
		}
		fmt.Fprintf(w, words, t.Added, t.Changed, t.Left, t.Refused, time.Since(start).Seconds())
	})
	return errors.Join(err, shown)
}

func (im *entryImporter) send(in io.Reader) error {
	domain := im.page.Domain
	if domain == "" {
		cfg, _, err := loadConfig(im.cmd)
		if err != nil {
			return err
		}
		domain = cfg.Domains[0]
	}
	for row := range directory.ReadRows(in, domain) {
		if row.Err != nil {
			im.problems = append(im.problems, admin.EntryProblem{Line: row.Line, ID: row.ID, Error: row.Err.Error()})
		} else {
			im.add(&row)
		}
		if len(im.page.Records)+len(im.problems) < entryPage && im.bytes < entryRoom {
			continue
		}
		if err := im.flush(); err != nil {
			return err
		}
	}
	return im.flush()
}

// add puts a record on the page.
func (im *entryImporter) add(row *directory.Row) {
	r := admin.EntryRecord{Line: row.Line, ID: row.ID, Kind: row.Kind, Fields: row.Fields}
	if row.Photo != nil {
		r.Photo = &row.Photo.Data
		im.bytes += len(row.Photo.Data) / 3 * 4
	}
	for _, value := range row.Fields {
		im.bytes += len(value)
	}
	im.page.Records = append(im.page.Records, r)
}

// flush sends what has been gathered.
func (im *entryImporter) flush() error {
	var r admin.EntryImportResult
	if len(im.page.Records) > 0 {
		if err := im.caller.Call(im.cmd.Context(), "directory.import", im.page, &r); err != nil {
			return err
		}
	}
	r.Refused += len(im.problems)
	r.Problems = append(im.problems, r.Problems...)
	im.page.Records, im.problems, im.bytes = im.page.Records[:0], nil, 0
	t := &im.total
	t.Added, t.Changed, t.Left, t.Refused = t.Added+r.Added, t.Changed+r.Changed, t.Left+r.Left, t.Refused+r.Refused
	room := max(0, mostTold-len(t.Problems))
	tell := r.Problems[:min(room, len(r.Problems))]
	t.Problems = append(t.Problems, tell...)
	im.tell(tell)
	return nil
}

func (im *entryImporter) tell(problems []admin.EntryProblem) {
	if asJSON(im.cmd) {
		return // they are in the result
	}
	w := im.cmd.ErrOrStderr()
	if im.progress {
		fmt.Fprint(w, clearLine)
	}
	for _, p := range problems {
		if strings.Contains(p.Error, p.ID) { // or there is none
			fmt.Fprintf(w, "line %d: %s\n", p.Line, printable(p.Error))
		} else {
			fmt.Fprintf(w, "line %d: %q: %s\n", p.Line, p.ID, printable(p.Error))
		}
	}
	if len(problems) > 0 && len(im.total.Problems) == mostTold {
		fmt.Fprintln(w, "there are more; from here on they are only counted")
	}
	if im.progress {
		fmt.Fprintf(w, "%d added, %d changed, %d left, %d refused", im.total.Added, im.total.Changed, im.total.Left, im.total.Refused)
	}
}
