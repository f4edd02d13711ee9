package daemon

import (
	"context"

	"palabre/history"
	"palabre/letter"
)

// A letterArchive is the archive as letters know it.
type letterArchive struct{ *history.Module }

// LetterArchive gives letters what the archive holds.
func LetterArchive(past *history.Module) letter.Archive { return letterArchive{past} }

// Read is part of letter.Archive.
func (a letterArchive) Read(ctx context.Context, r letter.Reading, fn func(letter.Row) error) error {
	within := make([]history.Span, len(r.Within))
	for i, s := range r.Within {
		within[i] = history.Span(s)
	}
	return a.Module.Read(ctx, history.Reading{
		Archive: r.Archive, With: r.With, Within: within, IDs: r.IDs, Before: r.Before, Since: r.Since, Until: r.Until, Backwards: r.Backwards,
	}, func(row history.RoomRow) error {
		st := row.Stanza
		if row.Sender == r.Archive && r.With.IsZero() { // whatever nick the room speaks under
			own := *st
			own.From, st = r.Archive, &own
		}
		return fn(letter.Row{ID: row.ID, At: history.TimeOf(row.ID), Stanza: st, Sender: row.Sender, Tombstone: row.Tombstone})
	})
}
