package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"palabre/migrations"
)

const (
	connectTimeout = 10 * time.Second // how long Open waits for the server
	lockTimeout    = 2 * time.Second  // and for the lock
)

// A postgresDB is a database of a PostgreSQL server: one connection writes, a pool reads. The writing connection holds the lock
// that keeps a second palabre out, so that who writes always holds it.
type postgresDB struct {
	log    *slog.Logger
	lock   *os.File // of the data directory, if there is one
	where  string   // for people: host and database
	epoch  int64
	pool   *pgxpool.Pool
	config *pgx.ConnConfig // the writer's
	writer *pgx.Conn       // nil, or closed: it was lost
}

// openPostgres connects to a database, brings its schema up to date and takes it over.
func openPostgres(ctx context.Context, o Options) (*postgresDB, error) {
	db, err := connectPostgres(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := db.take(ctx); err != nil {
		db.hangUp()
		return nil, err
	}
	return db, nil
}

// connectPostgres connects to a database, and locks the data directory.
func connectPostgres(ctx context.Context, o Options) (_ *postgresDB, err error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("[database] url is not one of a PostgreSQL database: %w", err)
	}
	config.ConnConfig.RuntimeParams["application_name"] = "palabre"
	if config.ConnConfig.ConnectTimeout == 0 { // two minutes, for each place in the pool
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.ConnConfig.AfterConnect = useIndexes
	db := &postgresDB{log: o.Logger, where: config.ConnConfig.Host + "/" + config.ConnConfig.Database, config: config.ConnConfig.Copy()}
	var name [8]byte
	if _, err := io.ReadFull(o.Rand, name[:]); err != nil {
		return nil, fmt.Errorf("name the connection: %w", err)
	}
	db.config.RuntimeParams["application_name"] = "palabre writer " + hex.EncodeToString(name[:])

	if o.DataDir != "" {
		if db.lock, err = takeDir(o.DataDir); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			db.hangUp()
		}
	}()
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if db.writer, err = pgx.ConnectConfig(connecting, db.config); err != nil {
		return nil, refusal(config.ConnConfig, err)
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", db.where, err)
	}
	return db, nil
}

// useIndexes has rows read by an index, in its order, wherever there is one for them. What a subquery will give is not known when a query is
// planned, and of the last 50 rows of an archive PostgreSQL believes that there is one: it would read the whole archive and sort it.
// Of a table that has not been analysed yet it believes that every row has to be looked at for a join, and keeps that plan. A query that has to sort nevertheless counts as very dear then, and must not be compiled for that.
func useIndexes(ctx context.Context, conn *pgconn.PgConn) error {
	return conn.Exec(ctx, `SET enable_sort = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
		SET max_parallel_workers_per_gather = 0; SET jit = off`).Close()
}

// take locks the database, migrates it and raises its epoch.
func (db *postgresDB) take(ctx context.Context) error {
	if err := db.firstLock(ctx); err != nil {
		return err
	}
	if err := db.migrate(ctx); err != nil {
		return err
	}
	if err := db.writer.QueryRow(ctx, raiseEpoch).Scan(&db.epoch); err != nil {
		return fmt.Errorf("take over the database %s: %w", db.where, err)
	}
	d, err := db.Durability(ctx)
	if err != nil {
		return fmt.Errorf("look at the settings of the database %s: %w", db.where, err)
	}
	for _, w := range d.Warnings {
		db.log.Warn(w)
	}
	return nil
}

// firstLock waits a little: the server may not have noticed yet that a palabre before us was killed.
func (db *postgresDB) firstLock(ctx context.Context) error {
	for end := time.Now().Add(lockTimeout); ; {
		got, err := db.tryLock(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("lock the database %s: %w", db.where, err)
		case got:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("the database %s is in use by another palabre; stop that one first", db.where)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lock the database %s: %w", db.where, ctx.Err())
		case <-time.After(lockTimeout / 20):
		}
	}
}

func (db *postgresDB) migrate(ctx context.Context) error {
	pool := stdlib.OpenDB(*db.config)
	defer pool.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, pool, migrations.PostgreSQL(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	return migrate(ctx, p)
}

// tryLock takes the lock of our tables, for as long as the writing connection lives, and sees to its settings.
func (db *postgresDB) tryLock(ctx context.Context) (got bool, err error) {
	// A commit that does not wait for the disk is none; a server that has it so by default is overruled.
	_, err = db.writer.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	if err != nil {
		return false, err
	}
	err = db.writer.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended('palabre ' || COALESCE(current_schema(), ''), 0))`).Scan(&got)
	return got, err
}

// writing gives the writing connection, made anew if it was lost. An error is a lostError, or errStolen.
func (db *postgresDB) writing(ctx context.Context) (*pgx.Conn, error) {
	if db.writer != nil && !db.writer.IsClosed() {
		return db.writer, nil
	}
	var err error
	if db.writer, err = pgx.ConnectConfig(ctx, db.config); err != nil {
		return nil, &lostError{err}
	}
	if err = db.relock(ctx); err != nil {
		db.hangUpWriter()
		return nil, err
	}
	return db.writer, nil
}

// relock takes the lock again after the connection that had it was lost.
func (db *postgresDB) relock(ctx context.Context) error {
	// The server may not have noticed that our old connection is gone; it would keep the lock for hours.
	_, err := db.writer.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name = current_setting('application_name') AND usename = current_user AND pid <> pg_backend_pid()`)
	if err != nil {
		return &lostError{err}
	}
	got, err := db.tryLock(ctx)
	for end := time.Now().Add(lockTimeout / 4); err == nil && !got && time.Now().Before(end); { // it takes a moment to die
		<-time.After(firstPause)
		got, err = db.tryLock(ctx)
	}
	if err != nil {
		return &lostError{err}
	}
	var epoch int64
	if err := db.writer.QueryRow(ctx, `SELECT epoch FROM epoch WHERE one = 1`).Scan(&epoch); err != nil {
		return &lostError{err}
	}
	switch {
	case epoch != db.epoch:
		return errStolen
	case !got:
		return &lostError{errors.New("the lock is still held")}
	}
	return nil
}

func (db *postgresDB) hangUpWriter() {
	if db.writer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// It is of no use any more, whatever it says.
	_ = db.writer.Close(ctx)
	db.writer = nil
}

func (db *postgresDB) hangUp() {
	if db.pool != nil {
		db.pool.Close()
	}
	db.hangUpWriter()
	if db.lock != nil {
		_ = unlockDir(db.lock) // nothing was written to it
		db.lock = nil
	}
}

// Close ends the connections, and the locks with them.
func (db *postgresDB) Close() error {
	db.hangUp()
	return nil
}

// Tend has nothing to do: PostgreSQL tends itself.
func (db *postgresDB) Tend(bool) (more bool, err error) { return false, nil }

func (db *postgresDB) QueryRow(ctx context.Context, dest []any, sql string, args ...any) error {
	return db.reading(ctx, func(c *pgx.Conn) error { return c.QueryRow(ctx, sql, args...).Scan(dest...) })
}

func (db *postgresDB) Query(ctx context.Context, row func(scanner) error, sql string, args ...any) error {
	return db.reading(ctx, func(c *pgx.Conn) error {
		rows, _ := c.Query(ctx, sql, args...)
		return eachRow(rows, row)
	})
}

func eachRow(rows pgx.Rows, row func(scanner) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (db *postgresDB) reading(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return &lostError{err}
	}
	defer conn.Release()
	return lost(conn.Conn(), fn(conn.Conn()))
}

const selectSettings = `SELECT current_setting('server_version'), current_setting('fsync'), current_setting('full_page_writes'),
	current_setting('synchronous_commit'), current_setting('synchronous_standby_names')`

// Durability is what the server says of its settings.
func (db *postgresDB) Durability(ctx context.Context) (Durability, error) {
	d := Durability{Engine: "PostgreSQL", Level: Local}
	var fsync, pages, commit, standbys string
	if err := db.QueryRow(ctx, []any{&d.Version, &fsync, &pages, &commit, &standbys}, selectSettings); err != nil {
		return d, err
	}
	if standbys != "" && commit != "off" && commit != "local" {
		d.Level = Replicated
	}
	if fsync == "off" {
		d.Level = Unsafe
		d.Warnings = append(d.Warnings, "fsync is off in PostgreSQL: a power cut can lose messages that were acknowledged; set fsync = on")
	}
	if pages == "off" {
		d.Level = Unsafe
		d.Warnings = append(d.Warnings, "full_page_writes is off in PostgreSQL: a power cut can damage the database; set full_page_writes = on")
	}
	return d, nil
}
