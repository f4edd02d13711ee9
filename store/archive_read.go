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
// was deleted is not seen. For the comments see byIndex. The + leaves the other bounds to the index: of two lower ones SQLite seeks one, and with this one
// each page forward would begin at the first row of the archive.
const (
	rowColumns = `a.id, a.kind, a.stanza`
	peerColumn = `, (SELECT p.bare FROM jid p WHERE p.id = a.peer)`
	ofOwner    = ` WHERE a.owner = (SELECT id FROM jid WHERE bare = $1)
	AND +a.id > COALESCE((SELECT e.upto FROM jid j JOIN erasing e ON e.archive = j.id WHERE j.bare = $1), 0)`
	inBounds = ` AND a.kind & 64 = 0 AND a.id > $2 AND a.id < $3`
	withPeer = ` AND a.peer = (SELECT id FROM jid WHERE bare = $4)`

	fromOwner = ` FROM archive a /* by archive_owner */` + ofOwner
	fromAll   = fromOwner + inBounds
	fromPeer  = ` FROM archive a /* by archive_peer */` + ofOwner + inBounds + withPeer
	byIDs     = ` FROM archive a` + ofOwner
)

// pageful is how many rows are often asked for.
const pageful = 64

// scanned is how many rows a query with a full address reads at a time.
const scanned = 100

// A listed query ends with a list of ids: see eachMany.
type listed struct{ few, many string }

// listing makes one of a query up to its list, of which the first argument is this one.
func listing(query string, first int) listed {
	return listed{query + placeholders(first, few) + `)`, query + placeholders(first, many) + `)`}
}

func (l listed) of(ids []any) string {
	if len(ids) == few {
		return l.few
	}
	return l.many
}

// An asking is what a Query is asked with.
type asking struct {
	forwards, backwards, count string
	ids, countIDs              listed
}

const (
	selectRows      = `SELECT ` + rowColumns
	selectWithPeers = selectRows + peerColumn
	countRows       = `SELECT COUNT(*)`

	firstOfAll, lastOfAll   = ` ORDER BY a.id LIMIT $4`, ` ORDER BY a.id DESC LIMIT $4`
	firstOfPeer, lastOfPeer = ` ORDER BY a.id LIMIT $5`, ` ORDER BY a.id DESC LIMIT $5`

	allByIDs  = byIDs + inBounds + ` AND a.id IN (`
	peerByIDs = byIDs + inBounds + withPeer + ` AND a.id IN (`
	anyByIDs  = selectRows + byIDs + ` AND a.id IN (`
)

var (
	askAll = asking{
		selectRows + fromAll + firstOfAll, selectRows + fromAll + lastOfAll, countRows + fromAll,
		listing(selectRows+allByIDs, 4), listing(countRows+allByIDs, 4),
	}
	askPeer = asking{
		selectRows + fromPeer + firstOfPeer, selectRows + fromPeer + lastOfPeer, countRows + fromPeer,
		listing(selectRows+peerByIDs, 5), listing(countRows+peerByIDs, 5),
	}
	askAllPeers = asking{
		selectWithPeers + fromAll + firstOfAll, selectWithPeers + fromAll + lastOfAll, askAll.count,
		listing(selectWithPeers+allByIDs, 4), askAll.countIDs,
	}
	askPeerPeers = asking{
		selectWithPeers + fromPeer + firstOfPeer, selectWithPeers + fromPeer + lastOfPeer, askPeer.count,
		listing(selectWithPeers+peerByIDs, 5), askPeer.countIDs,
	}
	selectByID = listing(anyByIDs, 2)
)

// ask gives what a Query is asked with, and the arguments, behind which those for the limit or the ids come.
func ask(q *history.Query) (*asking, []any) {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	all, peer := &askAll, &askPeer
	if q.Peers {
		all, peer = &askAllPeers, &askPeerPeers
	}
	if q.With.IsZero() {
		return all, []any{q.Owner.String(), q.After, before}
	}
	return peer, []any{q.Owner.String(), q.After, before, q.With.Bare().String()}
}

func scanRow(scan scanner) (r history.Row, err error) {
	var kind int64
	err = scan(&r.ID, &kind, &r.Stanza)
	r.Kind = history.Kind(kind)
	return r, err
}

func scanRowAndPeer(scan scanner) (r history.Row, err error) {
	var kind int64
	var peer string
	if err := scan(&r.ID, &kind, &r.Stanza, &peer); err != nil {
		return r, err
	}
	r.Kind = history.Kind(kind)
	r.Peer, err = xmpp.ParseJID(peer)
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
	read := scanRow
	if q.Peers {
		read = scanRowAndPeer
	}
	take := func(scan scanner) error {
		r, err := read(scan)
		out = append(out, r)
		return err
	}
	out = make([]history.Row, 0, min(q.Limit, pageful))
	asking, args := ask(q)
	if q.IDs == nil {
		query := asking.forwards
		if q.Backwards {
			query = asking.backwards
		}
		err = s.db.Query(ctx, take, query, append(args, q.Limit)...)
		return out, err
	}
	for ids := wantedIDs(q); err == nil && len(ids) > 0 && len(out) < q.Limit; {
		n := min(len(ids), max(q.Limit-len(out), few)) // the next only if some of these are not there
		err = eachMany(ids[:n], func(ids []any) error {
			return s.db.Query(ctx, take, asking.ids.of(ids), append(slices.Clip(args), ids...)...)
		})
		ids = ids[n:]
	}
	slices.SortFunc(out, byID)
	if q.Backwards {
		slices.Reverse(out)
	}
	return out[:min(q.Limit, len(out))], err
}

// wantedIDs are those that a Query asks for, each once, those first that are wanted first.
func wantedIDs(q *history.Query) []int64 {
	ids := slices.DeleteFunc(slices.Clone(q.IDs), func(id int64) bool { return id <= q.After || q.Before != 0 && id >= q.Before })
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if q.Backwards {
		slices.Reverse(ids)
	}
	return ids
}

// eachOfAddress reads all rows with a bare address, and calls fn for those with the full one, until it has enough.
func (s *Store) eachOfAddress(ctx context.Context, q history.Query, fn func(history.Row) (full bool)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Patience, ErrAway)
	defer cancel()
	page := q
	page.Limit = scanned
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
		case len(rows) < scanned:
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
	asking, args := ask(&q)
	switch {
	case !q.With.IsBare():
		err = s.eachOfAddress(ctx, q, func(history.Row) bool { n++; return false })
	case q.IDs != nil:
		err = eachMany(wantedIDs(&q), func(ids []any) error {
			var some int
			err := s.db.QueryRow(ctx, []any{&some}, asking.countIDs.of(ids), append(slices.Clip(args), ids...)...)
			n += some
			return err
		})
	default:
		err = s.db.QueryRow(ctx, []any{&n}, asking.count, args...)
	}
	if err != nil {
		return 0, fmt.Errorf("store: archive: %w", err)
	}
	return n, nil
}

// ByID is history.Store's.
func (s *Store) ByID(ctx context.Context, owner xmpp.JID, ids []int64) ([]history.Row, error) {
	var out []history.Row
	err := eachMany(ids, func(ids []any) error {
		return s.db.Query(ctx, func(scan scanner) error {
			r, err := scanRow(scan)
			out = append(out, r)
			return err
		}, selectByID.of(ids), append([]any{owner.String()}, ids...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	slices.SortFunc(out, byID)
	return slices.CompactFunc(out, func(a, b history.Row) bool { return a.ID == b.ID }), nil
}

const selectWaiting = `SELECT a.id, a.kind` + fromOwner + ` AND a.kind & 2 <> 0 AND a.id > $2
	AND a.id > COALESCE((SELECT d.upto FROM jid j JOIN delivered d ON d.owner = j.id WHERE j.bare = $1), 0)
	ORDER BY a.id LIMIT $3`

// Waiting is history.Store's.
func (s *Store) Waiting(ctx context.Context, owner xmpp.JID, after int64, limit int) (rows []history.Row, err error) {
	err = s.db.Query(ctx, func(scan scanner) error {
		var r history.Row
		err := scan(&r.ID, &r.Kind)
		rows = append(rows, r)
		return err
	}, selectWaiting, owner.String(), after, limit)
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
