package store

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
)

// A sqliteTx is a transaction of the writing connection.
type sqliteTx struct{ *statements }

// byIndex says in a comment which index a table is to be read by. SQLite takes it at its word: it would read all archives in the order of ids when
// it has counted that one of them is large.
var byIndex = regexp.MustCompile(`/\* by (\w+) \*/`)

// prepared has SQLite prepare statements for a connection or a pool.
func prepared(prepare func(context.Context, string) (*sql.Stmt, error)) func(context.Context, string) (*sql.Stmt, error) {
	return func(ctx context.Context, text string) (*sql.Stmt, error) {
		return prepare(ctx, byIndex.ReplaceAllString(text, "INDEXED BY $1"))
	}
}

const sqliteFirstCopy = `SELECT a.id, a.stream, a.kind, a.stanza, a.id <= COALESCE((SELECT upto FROM erasing WHERE archive = a.owner), 0),
	EXISTS (SELECT 1 FROM archive o WHERE o.id = a.id + 1 AND o.owner = $3 AND (o.stanza = a.stanza OR (o.kind | a.kind) & 4 <> 0))
	FROM archive a WHERE a.owner = $1 AND a.digest = $2`

// FirstCopies looks up one after the other.
func (t sqliteTx) FirstCopies(ctx context.Context, want []wanted, found func(int, firstCopy)) error {
	for i, k := range want {
		var c firstCopy
		err := t.QueryRow(ctx, []any{&c.id, &c.stream, &c.kind, &c.stanza, &c.erased, &c.other}, sqliteFirstCopy, k.owner, k.digest, k.other)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		default:
			found(i, c)
		}
	}
	return nil
}

const sqliteAppend = `INSERT INTO archive (owner, id, peer, kind, digest, stream, stanza) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// AppendRows adds one after the other.
func (t sqliteTx) AppendRows(ctx context.Context, rows []archiveRow) error {
	for i := range rows {
		r := &rows[i]
		var digest, stream any
		if r.digest != 0 {
			digest, stream = r.digest, r.stream
		}
		if err := t.Queue(ctx, sqliteAppend, r.owner, r.id, r.peer, int64(r.kind), digest, stream, r.stanza); err != nil {
			return err
		}
	}
	return nil
}
