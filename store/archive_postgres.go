package store

import (
	"context"
)

const pgFirstCopies = `SELECT k.n, a.id, a.stream, a.kind, a.stanza, o.id IS NOT NULL, a.id <= COALESCE(e.upto, 0)
	FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS k (owner, digest, other, n)
	JOIN archive a ON a.owner = k.owner AND a.digest = k.digest AND a.digest IS NOT NULL
	LEFT JOIN archive o ON o.owner = k.other AND o.id = a.id + 1 AND (o.stanza = a.stanza OR (o.kind | a.kind) & 4 <> 0)
	LEFT JOIN erasing e ON e.archive = a.owner`

// FirstCopies asks for all of them at once.
func (t *pgTx) FirstCopies(ctx context.Context, want []wanted, found func(int, firstCopy)) error {
	owners, digests, others := make([]int64, len(want)), make([]int64, len(want)), make([]int64, len(want))
	for i, k := range want {
		owners[i], digests[i], others[i] = k.owner, k.digest, k.other
	}
	return t.Query(ctx, func(scan scanner) error {
		var n int
		var c firstCopy
		if err := scan(&n, &c.id, &c.stream, &c.kind, &c.stanza, &c.other, &c.erased); err != nil {
			return err
		}
		found(n-1, c)
		return nil
	}, pgFirstCopies, owners, digests, others)
}

const pgAppend = `INSERT INTO archive (owner, id, peer, kind, digest, stream, stanza)
	SELECT owner, id, peer, kind, NULLIF(digest, 0), CASE WHEN digest <> 0 THEN stream END, stanza
	FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bytea[])
	AS r (owner, id, peer, kind, digest, stream, stanza)`

// AppendRows sends the columns as arrays.
func (t *pgTx) AppendRows(_ context.Context, rows []archiveRow) error {
	var c struct {
		owner, id, peer, digest, stream []int64
		kind                            []int16
		stanza                          [][]byte
	}
	for i := range rows {
		r := &rows[i]
		c.owner, c.id, c.peer = append(c.owner, r.owner), append(c.id, r.id), append(c.peer, r.peer)
		c.digest, c.stream = append(c.digest, r.digest), append(c.stream, r.stream)
		c.kind, c.stanza = append(c.kind, int16(r.kind)), append(c.stanza, r.stanza)
	}
	t.queue.Queue(pgAppend, c.owner, c.id, c.peer, c.kind, c.digest, c.stream, c.stanza)
	return nil
}
