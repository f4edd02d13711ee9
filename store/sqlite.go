package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/pressly/goose/v3"
	lite "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"palabre/migrations"
)

const (
	sqliteFile    = "palabre.db"
	sqliteReaders = 4
	logFull       = 16 << 20 // bytes of log that are written back to the database file
	pageSize      = 4096
)

// Every commit is on the disk before it returns (synchronous=FULL). The log is written back by Tend alone: SQLite's own
// checkpoint keeps its errors to itself, and messages were lost that way.
var (
	writerPragmas = []string{"busy_timeout(2000)", "synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)", "wal_autocheckpoint(0)",
		"journal_mode(WAL)", "cache_size(-65536)"}
	readerPragmas = []string{"busy_timeout(2000)", "wal_autocheckpoint(0)", "cache_size(-8192)", "query_only(1)"}
)

// A sqliteDriver is how SQLite is reached, and the files that it sees. Tests have one whose disk loses its power.
type sqliteDriver struct {
	connect func(dsn string) (driver.Connector, error) // to connections that are lite.DBStatus, too
	code    func(error) (code int, ok bool)            // the extended result code that an error of SQLite's bears
	size    func(path string) int64                    // 0 if there is no such file
	settle  func(path string) error                    // has what is read from a file be what is on the disk
}

func modernc() *sqliteDriver {
	return &sqliteDriver{lite.NewConnector, resultCode, size, settle}
}

// A sqliteDB is the embedded database: one connection writes, some read.
type sqliteDB struct {
	driver *sqliteDriver
	path   string
	log    *slog.Logger
	fatal  func(error)
	lock   *os.File
	epoch  int64

	writer  *sql.DB // of one connection, conn
	conn    *sql.Conn
	writes  statements
	readers *sql.DB
	reads   statements

	full     int  // bytes in the log that are enough to write it back
	logged   int  // pages written to the log since it last began anew
	tried    int  // what logged was when it was last written back
	leftover bool // the log holds what a truncation would free

	check struct { // the one after an unclean stop
		cancel context.CancelFunc
		done   sync.WaitGroup
	}
}

// openSQLite opens or makes the database of a data directory, brings its schema up to date and takes it over.
func openSQLite(ctx context.Context, o Options, fatal func(error)) (_ *sqliteDB, err error) {
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory can't be made (%w); set data_dir to a place where palabre may write", err)
	}
	if err := refuseNetwork(o.DataDir); err != nil {
		return nil, err
	}
	db := &sqliteDB{
		driver: cmp.Or(o.driver, modernc()), path: filepath.Join(o.DataDir, sqliteFile), log: o.Logger, fatal: fatal, full: cmp.Or(o.logFull, logFull),
	}
	if db.lock, err = lockDir(o.DataDir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			db.endAfter(err)
			db.close()
		}
	}()
	unclean := db.driver.size(db.path+"-wal") > 0
	if unclean {
		// The last process may have ended because the disk failed.
		if err := db.driver.settle(db.path + "-wal"); err != nil {
			return nil, fmt.Errorf("open the log of the database %s: %w", db.path, err)
		}
	}
	if err := db.open(ctx); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", db.path, err)
	}
	if unclean {
		// What is written to the log from now on is not to be beside what was rescued from it: a power cut may damage the sector that they share.
		if _, err := writeBack(ctx, db.writer, truncate); err != nil && db.Fault(err) != away {
			return nil, fmt.Errorf("open the database %s: %w", db.path, err)
		}
	}
	if err := db.migrate(ctx); err != nil {
		return nil, err
	}
	if db.conn, err = db.writer.Conn(ctx); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", db.path, err)
	}
	db.writes.prepare = prepared(db.conn.PrepareContext)
	db.reads.prepare = prepared(db.readers.PrepareContext)
	if err := db.conn.QueryRowContext(ctx, raiseEpoch).Scan(&db.epoch); err != nil {
		return nil, fmt.Errorf("take over the database %s: %w", db.path, err)
	}
	db.leftover = true
	if unclean {
		db.startCheck()
	}
	return db, nil
}

func (db *sqliteDB) open(ctx context.Context) error {
	// SQLite gives its log the permissions of the database.
	f, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	pragmas := writerPragmas
	// Only before there is anything in the database. Later it would be a write, on a connection that nobody watches yet.
	if db.driver.size(db.path) == 0 || db.driver.size(db.path+"-journal") > 0 {
		pragmas = append([]string{"auto_vacuum(INCREMENTAL)"}, pragmas...)
	}
	if db.writer, err = db.driver.open(db.path, 1, url.Values{"_pragma": pragmas}); err != nil {
		return err
	}
	if err := db.writer.PingContext(ctx); err != nil {
		return err
	}
	db.readers, err = db.driver.open(db.path, sqliteReaders, url.Values{"_pragma": readerPragmas})
	return err
}

// open makes a pool of connections.
func (d *sqliteDriver) open(path string, size int, query url.Values) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	c, err := d.connect(dsn.String())
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(c)
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

func (db *sqliteDB) migrate(ctx context.Context) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db.writer, migrations.SQLite(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	return migrate(ctx, p)
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// startCheck looks over a database that was not closed, while the server goes on.
func (db *sqliteDB) startCheck() {
	ctx, cancel := context.WithCancel(context.Background())
	db.check.cancel = cancel
	db.check.done.Go(func() {
		var verdict string
		err := db.readers.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict)
		switch {
		case ctx.Err() != nil:
		case err == nil && verdict == "ok":
			db.log.Info("the database was not closed the last time, and is sound", "path", db.path)
		case err == nil:
			db.fatal(fmt.Errorf("the database %s is damaged (%s); restore it from a backup", db.path, verdict))
		default:
			db.fatal(fmt.Errorf("check the database %s: %w", db.path, err))
		}
	})
}

// Close writes the log back and gives the lock away.
func (db *sqliteDB) Close() error {
	err := db.checkpoint(truncate, busyTimeout)
	db.endAfter(err)
	return errors.Join(err, db.close())
}

// endAfter has the process end if the disk failed, before the last connection is closed: with that SQLite writes the log back,
// whatever has happened, and the kernel may have dropped some of it.
func (db *sqliteDB) endAfter(err error) {
	if code, ok := db.driver.code(err); ok && code&0xff == codes.SQLITE_IOERR && db.Fault(err) == fatal {
		db.fatal(err)
	}
}

func (db *sqliteDB) close() error {
	if db.check.cancel != nil {
		db.check.cancel()
		db.check.done.Wait()
	}
	var errs []error
	if db.readers != nil {
		db.reads.close()
		errs = append(errs, db.readers.Close())
	}
	if db.conn != nil {
		db.writes.close()
		errs = append(errs, db.conn.Close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.Close())
	}
	errs = append(errs, unlockDir(db.lock))
	return errors.Join(errs...)
}

func (db *sqliteDB) Query(ctx context.Context, row func(scanner) error, sql string, args ...any) error {
	return db.reads.Query(ctx, row, sql, args...)
}

func (db *sqliteDB) QueryRow(ctx context.Context, dest []any, sql string, args ...any) error {
	return db.reads.QueryRow(ctx, dest, sql, args...)
}

// InTx does not heed ctx: a disk can't be hurried, and no statement is left half done.
func (db *sqliteDB) InTx(ctx context.Context, fn func(context.Context, tx) error) error {
	ctx = context.WithoutCancel(ctx)
	if _, err := db.writes.Exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	err := db.fence(ctx)
	if err == nil {
		err = fn(ctx, sqliteTx{&db.writes})
	}
	if err == nil {
		_, err = db.writes.Exec(ctx, `COMMIT`)
	}
	if err != nil {
		// Some errors have rolled back already (full, I/O error), and then this one fails.
		_, _ = db.writes.Exec(ctx, `ROLLBACK`)
	}
	return err
}

func (db *sqliteDB) fence(ctx context.Context) error {
	var epoch int64
	if err := db.writes.QueryRow(ctx, []any{&epoch}, `SELECT epoch FROM epoch WHERE one = 1`); err != nil {
		return err
	}
	if epoch != db.epoch {
		return errStolen
	}
	return nil
}
