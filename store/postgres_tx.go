package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A pgTx is a transaction whose statements are sent together as far as their results are not needed: one that only writes
// costs two round trips.
type pgTx struct {
	conn  *pgx.Conn
	queue *pgx.Batch
	xid   int64 // of the transaction, once it is known that it has begun, and that the epoch is ours
}

// fence fails to find its row when the epoch is not ours any more, and holds up whoever would raise it until we have committed.
// The transaction's number is for asking after a commit that was not answered.
const fence = `SELECT txid_current() FROM epoch WHERE one = 1 AND epoch = $1 FOR SHARE`

// InTx keeps its promise over the loss of the connection too: see settle.
func (db *postgresDB) InTx(ctx context.Context, fn func(context.Context, tx) error) error {
	conn, err := db.writing(ctx)
	if err != nil {
		return err
	}
	t := db.begin(conn)
	err = fn(ctx, t)
	if err == nil && t.xid == 0 {
		err = t.flush(ctx) // nothing is committed before the fence has been passed
	}
	if err == nil {
		if err = t.commit(ctx); err != nil && conn.IsClosed() {
			return db.settle(ctx, t.xid, err)
		}
	}
	if err != nil && !conn.IsClosed() {
		db.rollback(conn)
	}
	return lost(conn, err)
}

func (db *postgresDB) begin(conn *pgx.Conn) *pgTx {
	t := &pgTx{conn: conn, queue: &pgx.Batch{}}
	t.queue.Queue(`BEGIN`)
	t.queue.Queue(fence, db.epoch).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&t.xid)
		if errors.Is(err, pgx.ErrNoRows) {
			return errStolen
		}
		return err
	})
	return t
}

func (db *postgresDB) rollback(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, `ROLLBACK`); err != nil {
		db.hangUpWriter() // which rolls back
	}
}

// settle asks what became of a transaction whose commit was not answered.
func (db *postgresDB) settle(ctx context.Context, xid int64, cause error) error {
	for {
		status, err := db.status(ctx, xid)
		switch {
		case errors.Is(err, errStolen):
			return err
		case err != nil:
		case status == "committed":
			return nil
		case status == "aborted":
			return &lostError{cause}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnknown, cause)
		case <-time.After(firstPause):
		}
	}
}

func (db *postgresDB) status(ctx context.Context, xid int64) (string, error) {
	conn, err := db.writing(ctx)
	if err != nil {
		return "", err
	}
	var status *string // null: too long ago
	var e *pgconn.PgError
	switch err := conn.QueryRow(ctx, `SELECT txid_status($1)`, xid).Scan(&status); {
	case errors.As(err, &e) && e.Code == pgInvalidParameter: // in the future: the server has crashed before it kept anything of it, the number included
		return "aborted", nil
	case err != nil || status == nil:
		return "", err
	}
	return *status, nil
}

// flush sends what is queued and reads the results.
func (t *pgTx) flush(ctx context.Context) error {
	queue := t.queue
	t.queue = &pgx.Batch{}
	return t.conn.SendBatch(ctx, queue).Close()
}

// commit makes sure that what the server did was a commit: of a transaction that has failed it makes a rollback, and calls that success.
func (t *pgTx) commit(ctx context.Context) error {
	t.queue.Queue(`COMMIT`).Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return fmt.Errorf("the database answered %s", tag)
		}
		return nil
	})
	return t.flush(ctx)
}

func (t *pgTx) Queue(_ context.Context, sql string, args ...any) error {
	t.queue.Queue(sql, args...)
	return nil
}

func (t *pgTx) Exec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	t.queue.Queue(sql, args...).Exec(func(tag pgconn.CommandTag) error {
		n = tag.RowsAffected()
		return nil
	})
	err = lost(t.conn, t.flush(ctx))
	return n, err
}

func (t *pgTx) QueryRow(ctx context.Context, dest []any, sql string, args ...any) error {
	t.queue.Queue(sql, args...).QueryRow(func(row pgx.Row) error { return row.Scan(dest...) })
	return lost(t.conn, t.flush(ctx))
}

func (t *pgTx) Query(ctx context.Context, row func(scanner) error, sql string, args ...any) error {
	t.queue.Queue(sql, args...).Query(func(rows pgx.Rows) error { return eachRow(rows, row) })
	return lost(t.conn, t.flush(ctx))
}
