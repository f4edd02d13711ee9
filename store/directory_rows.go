package store

import (
	"context"
	"errors"

	"palabre/directory"
	"palabre/xmpp"
)

// carryOut writes what was decided.
func (t *turn) carryOut(ctx context.Context, domain xmpp.JID, all []decision) error {
	of, err := t.id(ctx, domain)
	if err != nil {
		return err
	}
	var last int64
	var words newWords
	for i := range all {
		d := &all[i]
		number := int64(0)
		switch d.Did {
		case directory.Deleted:
			err = t.dropEntry(ctx, of, d.old)
		case directory.Changed:
			number = d.old.number
			err = t.changeEntry(ctx, number, d.next)
		case directory.Added:
			if last == 0 {
				err = t.QueryRow(ctx, []any{&last}, `SELECT COALESCE(MAX(entry), 0) FROM directory`)
			}
			last++
			number = last
			err = errors.Join(err, t.addEntry(ctx, of, number, d.next))
		}
		if err == nil && number != 0 {
			err = t.putWords(ctx, &words, wordsOwner{of, number}, d)
		}
		if err == nil && number != 0 {
			err = t.putPhoto(ctx, number, d)
		}
		if err != nil {
			return err
		}
	}
	return words.flush(ctx, t)
}

// empty is what a unique index takes any number of times.
func empty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (t *turn) addEntry(ctx context.Context, domain, number int64, e *directory.Entry) error {
	rest, err := restOfEntry(e)
	if err != nil {
		return err
	}
	return t.Queue(ctx, `INSERT INTO directory (entry, domain, id, kind, account, mail, chat, name, rest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		number, domain, e.ID, int64(e.Kind), empty(e.Account.String()), empty(directory.FoldEmail(e.Email)), bit(e.Chat), e.Name, rest)
}

func (t *turn) changeEntry(ctx context.Context, number int64, e *directory.Entry) error {
	rest, err := restOfEntry(e)
	if err != nil {
		return err
	}
	return t.Queue(ctx, `UPDATE directory SET account = $2, mail = $3, chat = $4, name = $5, rest = $6 WHERE entry = $1`,
		number, empty(e.Account.String()), empty(directory.FoldEmail(e.Email)), bit(e.Chat), e.Name, rest)
}

func (t *turn) dropEntry(ctx context.Context, domain int64, old *keptEntry) error {
	err := t.putWords(ctx, nil, wordsOwner{domain, old.number}, &decision{old: old})
	for _, erasure := range []string{
		`DELETE FROM directory_member WHERE team = $1`,
		`DELETE FROM directory_member WHERE person = $1`,
		`DELETE FROM directory_photo WHERE entry = $1`,
		`DELETE FROM directory WHERE entry = $1`,
	} {
		if err == nil {
			err = t.Queue(ctx, erasure, old.number)
		}
	}
	return err
}

// A wordsOwner is an entry.
type wordsOwner struct{ domain, entry int64 }

// putWords takes away the words that an entry has no more, and gathers those that are new.
func (t *turn) putWords(ctx context.Context, words *newWords, of wordsOwner, d *decision) error {
	before, after := keysOf(d.old), map[placedKey]bool{}
	if d.next != nil {
		after = keysOf(&keptEntry{Entry: *d.next})
	}
	for k := range before {
		if after[k] {
			continue
		}
		if err := t.Queue(ctx, `DELETE FROM directory_word WHERE domain = $1 AND place = $2 AND initial = $3 AND word = $4 AND other = $5 AND entry = $6`,
			of.domain, k.place, k.Initial(), k.Word, k.Other, of.entry); err != nil {
			return err
		}
	}
	for k := range after {
		if before[k] {
			continue
		}
		words.args = append(words.args, of.domain, k.place, k.Initial(), k.Word, k.Other, of.entry)
		if len(words.args) < wordsAtOnce*wordColumns {
			continue
		}
		if err := words.flush(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// newWords are rows of directory_word that are written together: one by one, they took most of the time of an import.
type newWords struct{ args []any }

const (
	wordColumns = 6
	wordsAtOnce = 10
)

// insertWords takes the same row more than once.
var insertWords = `INSERT INTO directory_word (domain, place, initial, word, other, entry) VALUES (` + placeholders(1, 6) + `), (` + placeholders(7, 6) + `), (` +
	placeholders(13, 6) + `), (` + placeholders(19, 6) + `), (` + placeholders(25, 6) + `), (` + placeholders(31, 6) + `), (` + placeholders(37, 6) + `), (` +
	placeholders(43, 6) + `), (` + placeholders(49, 6) + `), (` + placeholders(55, 6) + `) ON CONFLICT DO NOTHING`

// flush writes what has been gathered, filled up with its last row.
func (w *newWords) flush(ctx context.Context, t *turn) error {
	if len(w.args) == 0 {
		return nil
	}
	for len(w.args) < wordsAtOnce*wordColumns {
		w.args = append(w.args, w.args[len(w.args)-wordColumns:]...)
	}
	args := w.args
	w.args = nil // PostgreSQL is sent them later
	return t.Queue(ctx, insertWords, args...)
}

// A placedKey is a key as it stands in directory_word.
type placedKey struct {
	place int64
	directory.Key
}

func keysOf(e *keptEntry) map[placedKey]bool {
	out := map[placedKey]bool{}
	if e != nil {
		for _, k := range directory.Keys(&e.Entry) {
			out[placedKey{placeOf(k.Class, e.Kind), k}] = true
		}
	}
	return out
}

func (t *turn) putPhoto(ctx context.Context, number int64, d *decision) error {
	before, after := "", d.next.Photo
	if d.old != nil {
		before = d.old.Photo.SHA1
	}
	switch {
	case before == after.SHA1:
		return nil
	case after.SHA1 == "":
		return t.Queue(ctx, `DELETE FROM directory_photo WHERE entry = $1`, number)
	}
	return t.Queue(ctx, `INSERT INTO directory_photo (entry, photo) VALUES ($1, $2) ON CONFLICT (entry) DO UPDATE SET photo = excluded.photo`, number, after.Data)
}
