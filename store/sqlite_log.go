package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	lite "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

const (
	passive     = `PRAGMA wal_checkpoint(PASSIVE)`
	restart     = `PRAGMA wal_checkpoint(RESTART)`
	truncate    = `PRAGMA wal_checkpoint(TRUNCATE)`
	busyTimeout = `PRAGMA busy_timeout(2000)`
	// logStarve is how many times full the log is when readers are waited for, so that it can begin anew: while some of them are
	// always there, it only grows.
	logStarve = 4
	// A file of which a quarter is free, and no less than freeEnough pages, gives back so many of them whenever nothing else is to be done.
	freeEnough, givenBack = 1024, 1000
)

// Tend writes the log back to the database file when it has grown, and empties it when nothing else is to be done.
func (db *sqliteDB) Tend(idle bool) (more bool, err error) {
	n, err := db.pagesWritten()
	if err != nil {
		return false, err
	}
	if n > 0 {
		db.logged += n
		db.leftover = true
	}
	switch {
	case idle && db.leftover:
		var shrunk bool
		if shrunk, err = db.shrink(); err == nil {
			err = db.checkpoint(truncate, `PRAGMA busy_timeout(0)`)
		}
		db.leftover = db.leftover || shrunk
	case (db.logged-db.tried)*pageSize < db.full:
	case db.logged*pageSize < logStarve*db.full:
		err = db.checkpoint(passive, `PRAGMA busy_timeout(0)`)
	default:
		err = db.checkpoint(restart, `PRAGMA busy_timeout(200)`)
	}
	return db.leftover, err
}

// shrink gives some free pages back to the disk, if there are many. What is deleted frees pages that new rows use again: few need it.
func (db *sqliteDB) shrink() (shrunk bool, err error) {
	ctx := context.Background()
	var free, all int
	err = db.conn.QueryRowContext(ctx, `SELECT f.freelist_count, p.page_count FROM pragma_freelist_count f, pragma_page_count p`).Scan(&free, &all)
	if err == nil && free >= freeEnough && free >= all/4 {
		shrunk = true
		_, err = db.conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, givenBack))
	}
	if err != nil {
		return false, fmt.Errorf("give free space back: %w", err)
	}
	return shrunk, nil
}

// pagesWritten tells how many pages have gone to the log since it was last asked.
func (db *sqliteDB) pagesWritten() (n int, err error) {
	err = db.conn.Raw(func(c any) error {
		n, _, err = c.(lite.DBStatus).Status(lite.DBStatusCacheWrite, true)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("watch the log: %w", err)
	}
	return n, nil
}

// checkpoint writes back what no reader still needs in the log, and waits for those in the way as long as patience says.
func (db *sqliteDB) checkpoint(mode, patience string) error {
	ctx := context.Background()
	if _, err := db.writes.Exec(ctx, patience); err != nil {
		return err
	}
	busy, err := writeBack(ctx, db.conn, mode)
	if _, e := db.writes.Exec(ctx, busyTimeout); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	db.tried = db.logged
	if !busy && mode != passive {
		db.logged, db.tried = 0, 0
		db.leftover = mode != truncate
	}
	return nil
}

// writeBack is busy if readers kept it from doing all that the mode says.
func writeBack(ctx context.Context, c interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, mode string) (busy bool, err error) {
	var log, done int
	if err := c.QueryRowContext(ctx, mode).Scan(&busy, &log, &done); err != nil {
		return false, fmt.Errorf("write the log back: %w", err)
	}
	return busy, nil
}

// Fault sorts SQLite's result codes (https://sqlite.org/rescode.html).
func (db *sqliteDB) Fault(err error) fault {
	if errors.Is(err, errStolen) || errors.Is(err, driver.ErrBadConn) {
		return fatal
	}
	code, ok := db.driver.code(err)
	if !ok {
		return ours
	}
	switch code {
	case codes.SQLITE_IOERR_SHMSIZE, codes.SQLITE_IOERR_NOMEM: // the disk or the memory is full; nothing has been written
		return away
	}
	switch code & 0xff {
	case codes.SQLITE_FULL, codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL, codes.SQLITE_CANTOPEN, codes.SQLITE_NOMEM:
		return away
	// After a failed fsync the kernel may have dropped what was to be written: to try again would be to lie.
	case codes.SQLITE_IOERR, codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB, codes.SQLITE_READONLY:
		return fatal
	}
	return ours
}

func resultCode(err error) (code int, ok bool) {
	var e *lite.Error
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.Code(), true
}

// Durability is what SQLite says of its settings.
func (db *sqliteDB) Durability(ctx context.Context) (Durability, error) {
	d := Durability{Engine: "SQLite", Level: Local}
	err := db.QueryRow(ctx, []any{&d.Version}, `SELECT sqlite_version()`)
	return d, err
}
