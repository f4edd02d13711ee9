package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"palabre/resumption"
	"palabre/xmpp"
)

// savedPage is how many stored sessions are read at once.
const savedPage = 200

// A counter is a stream, by the number of its owner and its identifier.
type counter struct {
	owner int64
	id    string
}

// A countRow is how far a stream has got.
type countRow struct {
	counter
	handled uint32
	changed int64
}

// count leaves a Counted to flushCounts: of those of one stream in a turn the last one is the highest.
func count(ctx context.Context, t *turn, c *resumption.Counted) error {
	owner, err := t.id(ctx, c.Account)
	if err != nil {
		return err
	}
	if t.counts == nil {
		t.counts = map[counter]uint32{}
	}
	k := counter{owner, c.ID}
	if before, there := t.counts[k]; !there || int32(c.Handled-before) > 0 {
		t.counts[k] = c.Handled
	}
	return nil
}

// flushCounts stores what was counted in this turn.
func (t *turn) flushCounts(ctx context.Context) error {
	if len(t.counts) == 0 {
		return nil
	}
	now := micros(t.clock.now())
	rows := make([]countRow, 0, len(t.counts))
	for k, h := range t.counts {
		rows = append(rows, countRow{k, h, now})
	}
	clear(t.counts)
	return t.KeepCounts(ctx, rows)
}

func forget(ctx context.Context, t *turn, f *resumption.Forgotten) error {
	owner, err := t.id(ctx, f.Account)
	if err != nil {
		return err
	}
	delete(t.counts, counter{owner, f.ID})
	return t.Queue(ctx, `DELETE FROM resumable WHERE owner = $1 AND id = $2`, owner, f.ID)
}

// Handled is resumption.Store's.
func (s *Store) Handled(ctx context.Context, account xmpp.JID, id string) (h uint32, ok bool, err error) {
	err = s.db.QueryRow(ctx, []any{&h}, `SELECT r.handled FROM jid j JOIN resumable r ON r.owner = j.id WHERE j.bare = $1 AND r.id = $2`,
		account.String(), id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("store: resumption: %w", err)
	}
	return h, true, nil
}

// SaveSessions is resumption.Store's.
func (s *Store) SaveSessions(ctx context.Context, rows []resumption.Row) error {
	err := s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		for i := range rows {
			r := &rows[i]
			owner, err := t.id(ctx, r.Account)
			if err != nil {
				return err
			}
			err = t.Queue(ctx, `INSERT INTO resumable (owner, id, handled, changed, session)
				SELECT owner, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT), $5 FROM account WHERE owner = $1
				ON CONFLICT (owner, id) DO UPDATE SET handled = excluded.handled, changed = excluded.changed, session = excluded.session`,
				owner, r.ID, int64(r.Handled), micros(r.At), r.Session)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: resumption: %w", err)
	}
	return nil
}

const selectSessions = `SELECT r.owner, r.id, j.bare, r.handled, r.changed, r.session
	FROM resumable r JOIN account a ON a.owner = r.owner JOIN jid j ON j.id = r.owner
	WHERE r.session IS NOT NULL AND a.disabled = 0 AND (r.owner > $1 OR r.owner = $1 AND r.id > $2)
	ORDER BY r.owner, r.id LIMIT $3`

// SavedSessions is resumption.Store's.
func (s *Store) SavedSessions(ctx context.Context, fn func(resumption.Row) error) error {
	last := counter{owner: -1}
	for {
		page := make([]resumption.Row, 0, savedPage)
		err := s.db.Query(ctx, func(scan scanner) error {
			var r resumption.Row
			var bare string
			var changed int64
			if err := scan(&last.owner, &r.ID, &bare, &r.Handled, &changed, &r.Session); err != nil {
				return err
			}
			last.id, r.At = r.ID, instant(changed)
			var err error
			r.Account, err = xmpp.ParseJID(bare)
			page = append(page, r)
			return err
		}, selectSessions, last.owner, last.id, savedPage)
		if err != nil {
			return fmt.Errorf("store: resumption: %w", err)
		}
		for _, r := range page {
			if err := fn(r); err != nil {
				return err
			}
		}
		if len(page) < savedPage {
			return nil
		}
	}
}

// DropSessions is resumption.Store's.
func (s *Store) DropSessions(ctx context.Context) error {
	return s.changeStreams(ctx, `UPDATE resumable SET session = NULL WHERE session IS NOT NULL`)
}

// ForgetStreams is resumption.Store's.
func (s *Store) ForgetStreams(ctx context.Context, before time.Time) error {
	return s.changeStreams(ctx, `DELETE FROM resumable WHERE session IS NULL AND changed < $1`, micros(before))
}

func (s *Store) changeStreams(ctx context.Context, sql string, args ...any) error {
	err := s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error { return t.Queue(ctx, sql, args...) })
	if err != nil {
		return fmt.Errorf("store: resumption: %w", err)
	}
	return nil
}

const pgKeepCounts = `INSERT INTO resumable (owner, id, handled, changed)
	SELECT k.owner, k.id, k.handled, k.changed
	FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS k (owner, id, handled, changed) JOIN account a ON a.owner = k.owner
	ON CONFLICT (owner, id) DO UPDATE SET handled = excluded.handled, changed = excluded.changed
	WHERE (excluded.handled - resumable.handled) & 4294967295 < 2147483648`

// KeepCounts sends the columns as arrays.
func (t *pgTx) KeepCounts(_ context.Context, rows []countRow) error {
	owners, ids := make([]int64, len(rows)), make([]string, len(rows))
	handled, changed := make([]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		owners[i], ids[i], handled[i], changed[i] = r.owner, r.id, int64(r.handled), r.changed
	}
	t.queue.Queue(pgKeepCounts, owners, ids, handled, changed)
	return nil
}

const sqliteKeepCount = `INSERT INTO resumable (owner, id, handled, changed) SELECT owner, $2, $3, $4 FROM account WHERE owner = $1
	ON CONFLICT (owner, id) DO UPDATE SET handled = excluded.handled, changed = excluded.changed
	WHERE (excluded.handled - resumable.handled) & 4294967295 < 2147483648`

// KeepCounts raises one after the other.
func (t sqliteTx) KeepCounts(ctx context.Context, rows []countRow) error {
	for _, r := range rows {
		if err := t.Queue(ctx, sqliteKeepCount, r.owner, r.id, int64(r.handled), r.changed); err != nil {
			return err
		}
	}
	return nil
}
