package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"palabre/history"
)

// resendsWithin is how long a first copy is known as one. Who sends again after that has sent another message.
const resendsWithin = 7 * 24 * time.Hour

// An appending is an Append with the numbers of those whom it concerns; or, without one, what takes a place between others.
type appending struct {
	*history.Append
	owners, peers [2]int64
	place         func(ctx context.Context, id int64) error
	size          int // of the stanzas that wait with it and before it
}

// appendedAtOnce is how many bytes of stanzas may wait to be added.
const appendedAtOnce = 4 << 20

// An archiveRow is a row of the archive, as it is added.
type archiveRow struct {
	owner, id, peer int64
	kind            history.Kind
	digest, stream  int64 // digest 0: both are null
	stanza          []byte
}

// A copyKey is what a first copy is found by.
type copyKey struct{ owner, digest int64 }

// A wanted first copy, and the owner of the other entry, or 0.
type wanted struct {
	copyKey
	other int64
}

// A firstCopy is a message that another may be a resend of.
type firstCopy struct {
	id, stream int64
	kind       history.Kind
	stanza     []byte
	other      bool // the other entry has a row, too
	erased     bool // it was of an account that was deleted
	row        int  // its place among the rows that are to be added, from 1; 0: it is stored
}

// appendEntries leaves an Append to flush, which gives it its ids.
func appendEntries(ctx context.Context, t *turn, a *history.Append) error {
	if len(a.Entries) < 1 || len(a.Entries) > 2 || a.Inner < 0 || a.Inner > len(a.Stanza) {
		return fmt.Errorf("an append of %d entries, with its content at %d of %d bytes", len(a.Entries), a.Inner, len(a.Stanza))
	}
	p := appending{Append: a, size: t.appended() + len(a.Entries)*len(a.Stanza)}
	for i := range a.Entries {
		var err error
		if p.owners[i], err = t.id(ctx, a.Entries[i].Owner); err != nil {
			return err
		}
		if p.peers[i], err = t.id(ctx, a.Entries[i].Peer); err != nil {
			return err
		}
	}
	t.appends = append(t.appends, p)
	if p.size >= appendedAtOnce {
		return t.flush(ctx)
	}
	return nil
}

// appended is the size of what waits.
func (t *turn) appended() int {
	if n := len(t.appends); n > 0 {
		return t.appends[n-1].size
	}
	return 0
}

// afterAppends has place called at the next flush, with an id that is above those of what was appended before, and below those of what is appended later.
func (t *turn) afterAppends(place func(ctx context.Context, id int64) error) {
	t.appends = append(t.appends, appending{place: place, size: t.appended()})
}

// flush adds what was appended so far in this turn to the archives, all at once. Whoever reads or changes rows of the archive in a
// turn, or takes an id, calls it before.
func (t *turn) flush(ctx context.Context) error {
	if len(t.appends) == 0 {
		return nil
	}
	appends := t.appends
	t.appends = nil
	known, err := t.firstCopies(ctx, appends)
	if err != nil {
		return err
	}
	b := builder{turn: t, known: known, rows: make([]archiveRow, 0, 2*len(appends))}
	for _, a := range appends {
		if a.place != nil {
			err = a.place(ctx, t.clock.next())
		} else {
			err = b.add(ctx, a)
		}
		if err != nil {
			return err
		}
	}
	if len(b.rows) == 0 {
		return nil
	}
	return t.AppendRows(ctx, b.rows)
}

// firstCopies finds the stored ones of what is appended.
func (t *turn) firstCopies(ctx context.Context, appends []appending) (map[copyKey]firstCopy, error) {
	want := make([]wanted, 0, len(appends))
	for i := range appends {
		if appends[i].place == nil && appends[i].Digest != 0 {
			want = append(want, wanted{appends[i].key(), appends[i].owners[1]})
		}
	}
	if len(want) == 0 {
		return nil, nil
	}
	known := make(map[copyKey]firstCopy, len(want))
	err := t.FirstCopies(ctx, want, func(i int, c firstCopy) { known[want[i].copyKey] = c })
	return known, err
}

func (a *appending) key() copyKey { return copyKey{a.owners[0], a.Digest} }

// A builder makes the rows of what is appended, in its order.
type builder struct {
	*turn
	known map[copyKey]firstCopy // the first copies by now
	rows  []archiveRow
}

func (b *builder) add(ctx context.Context, a appending) error {
	a.Resent = false
	digest := a.Digest
	var first firstCopy
	if digest != 0 {
		var there bool
		first, there = b.known[a.key()]
		switch {
		case !there:
		case first.stream == a.Stream && !first.erased: // a script may send id='1' for ever
			digest = 0
		case first.is(a.Append, b.clock.now()):
			a.resent(first)
			return nil
		default:
			if err := b.forget(ctx, a.owners[0], first); err != nil {
				return err
			}
		}
	}
	id := b.clock.take(len(a.Entries))
	for i := range a.Entries {
		e := &a.Entries[i]
		e.ID = id + int64(i)
		row := archiveRow{owner: a.owners[i], id: e.ID, peer: a.peers[i], kind: e.Kind, stanza: a.Stanza}
		if i == 0 {
			row.digest, row.stream = digest, a.Stream
		}
		b.rows = append(b.rows, row)
	}
	if digest != 0 {
		b.known[a.key()] = firstCopy{id: a.Entries[0].ID, stream: a.Stream, kind: a.Entries[0].Kind, stanza: a.Stanza,
			other: len(a.Entries) == 2, row: len(b.rows) - len(a.Entries) + 1}
	}
	return nil
}

// is tells whether what was sent again is this. The content of one that was retracted since is not there to be compared.
func (c *firstCopy) is(a *history.Append, now time.Time) bool {
	return !c.erased && c.id >= history.FirstAt(now.Add(-resendsWithin)) &&
		(c.kind&history.Tombstone != 0 || bytes.HasSuffix(c.stanza, a.Stanza[a.Inner:]))
}

// resent gives the entries the ids of the first copy, which rise by one.
func (a *appending) resent(first firstCopy) {
	a.Resent = true
	a.Entries[0].ID = first.id
	if len(a.Entries) == 2 {
		a.Entries[1].ID = 0
		if first.other {
			a.Entries[1].ID = first.id + 1
		}
	}
}

// forget takes the digest away from a first copy: the next message is the one to be known by it.
func (b *builder) forget(ctx context.Context, owner int64, first firstCopy) error {
	if first.row > 0 {
		b.rows[first.row-1].digest = 0
		return nil
	}
	return b.Queue(ctx, `UPDATE archive SET digest = NULL, stream = NULL WHERE owner = $1 AND id = $2`, owner, first.id)
}

func bury(ctx context.Context, t *turn, b *history.Bury) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	owner, err := t.id(ctx, b.Archive)
	if err != nil {
		return err
	}
	return t.Queue(ctx, `UPDATE archive SET stanza = $3, kind = kind | $4 WHERE owner = $1 AND id = $2`,
		owner, b.ID, b.Stanza, int64(history.Tombstone))
}

// reached never goes back. An account that is not there any more gets nothing.
func reached(ctx context.Context, t *turn, r *history.Reached) error {
	owner, err := t.id(ctx, r.Account)
	if err != nil {
		return err
	}
	err = t.Queue(ctx, `INSERT INTO delivered (owner, upto) SELECT owner, CAST($2 AS BIGINT) FROM account WHERE owner = $1
		ON CONFLICT (owner) DO UPDATE SET upto = excluded.upto WHERE delivered.upto < excluded.upto`, owner, r.Upto)
	if err != nil || len(r.Gone) == 0 {
		return err
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	return eachMany(r.Gone, func(ids []any) error {
		return t.Queue(ctx, deleteHidden.of(ids), append([]any{owner}, ids...)...)
	})
}

var deleteHidden = listing(`DELETE FROM archive WHERE kind & 64 <> 0 AND owner = $1 AND id IN (`, 2)

// few is how many ids a query takes that takes not many.
const few = 8

// eachMany calls fn with ids, many or few at a time; fewer are filled up with the last.
func eachMany(ids []int64, fn func(ids []any) error) error {
	for len(ids) > 0 {
		args := make([]any, few, many)
		if len(ids) > few {
			args = args[:many]
		}
		for i := range args {
			args[i] = ids[min(i, len(ids)-1)]
		}
		ids = ids[min(len(args), len(ids)):]
		if err := fn(args); err != nil {
			return err
		}
	}
	return nil
}
