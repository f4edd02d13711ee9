package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"palabre/history"
	"palabre/xmpp"
)

// The parts that queries of the archive are made of. An address without a number has no rows, and what belonged to an account that
// was deleted is not seen.
const (
	ofOwner = ` WHERE a.owner = (SELECT id FROM jid WHERE bare = $1)
	AND a.id > COALESCE((SELECT e.upto FROM jid j JOIN erasing e ON e.archive = j.id WHERE j.bare = $1), 0)`
	inBounds = ` AND a.kind & 64 = 0 AND a.id > $2 AND a.id < $3`
	withPeer = ` AND a.peer = (SELECT id FROM jid WHERE bare = $4)`
)

// fromArchive names the index that rows are to be read by, for an engine that would rather be told.
func (s *Store) fromArchive(index string) string {
	return ` FROM archive a` + s.engine.By(index) + ofOwner
}

// scanned is how many rows a query with a full address reads at a time.
const scanned = 100

// archiveSQL is what asks for rows, or counts them; the arguments are those of archiveArgs, and where ids are asked for a list of them is to
// follow. There are few such texts, each always the same.
func (s *Store) archiveSQL(what string, q *history.Query) string {
	switch {
	case q.IDs != nil:
		text := `SELECT ` + what + ` FROM archive a` + ofOwner + inBounds
		if !q.With.IsZero() {
			text += withPeer
		}
		return text + ` AND a.id IN `
	case !q.With.IsZero():
		return `SELECT ` + what + s.fromArchive("archive_peer") + inBounds + withPeer
	}
	return `SELECT ` + what + s.fromArchive("archive_owner") + inBounds
}

func archiveArgs(q *history.Query) []any {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	args := []any{q.Owner.String(), q.After, before}
	if !q.With.IsZero() {
		args = append(args, q.With.Bare().String())
	}
	return args
}

const rowColumns = `a.id, a.kind, a.stanza`

func scanRow(scan scanner) (r history.Row, err error) {
	var kind int64
	err = scan(&r.ID, &kind, &r.Stanza)
	r.Kind = history.Kind(kind)
	return r, err
}

// Rows is history.Store's.
func (s *Store) Rows(ctx context.Context, q history.Query) ([]history.Row, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	var out []history.Row
	var err error
	if q.With.IsBare() {
		out, err = s.rows(ctx, &q)
	} else {
		err = s.eachOfAddress(ctx, q, func(r history.Row) (full bool) {
			out = append(out, r)
			return len(out) == q.Limit
		})
	}
	if err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	slices.SortFunc(out, byID)
	return out, nil
}

func byID(a, b history.Row) int { return cmp.Compare(a.ID, b.ID) }

// rows asks for rows, those first that are wanted first.
func (s *Store) rows(ctx context.Context, q *history.Query) (out []history.Row, err error) {
	take := func(scan scanner) error {
		r, err := scanRow(scan)
		out = append(out, r)
		return err
	}
	text, args := s.archiveSQL(rowColumns, q), archiveArgs(q)
	if q.IDs == nil {
		text += ` ORDER BY a.id`
		if q.Backwards {
			text += ` DESC`
		}
		err = s.db.Query(ctx, take, text+fmt.Sprintf(` LIMIT $%d`, len(args)+1), append(args, q.Limit)...)
		return out, err
	}
	err = eachMany(q.IDs, func(ids []any) error {
		return s.db.Query(ctx, take, text+`(`+placeholders(len(args)+1, len(ids))+`)`, append(slices.Clip(args), ids...)...)
	})
	slices.SortFunc(out, byID)
	out = slices.CompactFunc(out, func(a, b history.Row) bool { return a.ID == b.ID }) // one may be asked for twice
	if q.Backwards {
		slices.Reverse(out)
	}
	return out[:min(q.Limit, len(out))], err
}

// eachOfAddress reads all rows with a bare address, and calls fn for those with the full one, until it has enough.
func (s *Store) eachOfAddress(ctx context.Context, q history.Query, fn func(history.Row) (full bool)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Patience, ErrAway)
	defer cancel()
	page := q
	page.Limit = scanned
	if q.IDs != nil {
		page.Limit = len(q.IDs)
	}
	for {
		rows, err := s.rows(ctx, &page)
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		for _, r := range rows {
			if addressOf(r) == q.With && fn(r) {
				return nil
			}
		}
		switch {
		case len(rows) < scanned || q.IDs != nil:
			return nil
		case q.Backwards:
			page.Before = rows[len(rows)-1].ID
		default:
			page.After = rows[len(rows)-1].ID
		}
	}
}

// addressOf is who else a row concerns, with the resource.
func addressOf(r history.Row) xmpp.JID {
	st, err := xmpp.ParseStanza(string(r.Stanza))
	switch {
	case err != nil:
		return xmpp.JID{}
	case r.Kind&history.Sent != 0:
		return st.To
	}
	return st.From
}

// Count is history.Store's.
func (s *Store) Count(ctx context.Context, q history.Query) (n int, err error) {
	switch {
	case !q.With.IsBare():
		err = s.eachOfAddress(ctx, q, func(history.Row) bool { n++; return false })
	case q.IDs != nil:
		q.Limit = len(q.IDs)
		var rows []history.Row
		rows, err = s.rows(ctx, &q)
		n = len(rows)
	default:
		err = s.db.QueryRow(ctx, []any{&n}, s.archiveSQL(`COUNT(*)`, &q), archiveArgs(&q)...)
	}
	if err != nil {
		return 0, fmt.Errorf("store: archive: %w", err)
	}
	return n, nil
}

// Edges is history.Store's.
func (s *Store) Edges(ctx context.Context, owner xmpp.JID) (first, last history.Row, ok bool, err error) {
	for _, q := range []history.Query{{Owner: owner, Limit: 1}, {Owner: owner, Limit: 1, Backwards: true}} {
		rows, err := s.rows(ctx, &q)
		if err != nil {
			return first, last, false, fmt.Errorf("store: archive: %w", err)
		}
		if len(rows) == 0 {
			return first, last, false, nil
		}
		first, last = last, rows[0]
	}
	return first, last, true, nil
}

// ByID is history.Store's.
func (s *Store) ByID(ctx context.Context, owner xmpp.JID, ids []int64) ([]history.Row, error) {
	var out []history.Row
	err := eachMany(ids, func(ids []any) error {
		return s.db.Query(ctx, func(scan scanner) error {
			r, err := scanRow(scan)
			out = append(out, r)
			return err
		}, `SELECT `+rowColumns+` FROM archive a`+ofOwner+` AND a.id IN (`+placeholders(2, len(ids))+`)`, append([]any{owner.String()}, ids...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	slices.SortFunc(out, byID)
	return slices.CompactFunc(out, func(a, b history.Row) bool { return a.ID == b.ID }), nil
}

const stillWaiting = ` AND a.kind & 2 <> 0 AND a.id > $2
	AND a.id > COALESCE((SELECT d.upto FROM jid j JOIN delivered d ON d.owner = j.id WHERE j.bare = $1), 0)
	ORDER BY a.id LIMIT $3`

// Waiting is history.Store's.
func (s *Store) Waiting(ctx context.Context, owner xmpp.JID, after int64, limit int) (rows []history.Row, err error) {
	err = s.db.Query(ctx, func(scan scanner) error {
		var r history.Row
		err := scan(&r.ID, &r.Kind)
		rows = append(rows, r)
		return err
	}, `SELECT a.id, a.kind`+s.fromArchive("archive_owner")+stillWaiting, owner.String(), after, limit)
	if err != nil {
		return nil, fmt.Errorf("store: waiting: %w", err)
	}
	return rows, nil
}

// Upto is history.Store's.
func (s *Store) Upto(ctx context.Context, owner xmpp.JID) (upto int64, err error) {
	err = s.db.QueryRow(ctx, []any{&upto}, `SELECT d.upto FROM jid j JOIN delivered d ON d.owner = j.id WHERE j.bare = $1`, owner.String())
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("store: waiting: %w", err)
	}
	return upto, nil
}
