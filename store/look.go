package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"

	"palabre/migrations"
)

// A View is what Look saw.
type View struct {
	Durability
	Schema int64 // the version of the schema; 0: there is none yet
	Known  int64 // the version that this program brings it to
}

// Look looks at the database of a server that does not run, and changes nothing in it. Its errors are those of Open.
func Look(ctx context.Context, o Options) (View, error) {
	o = o.withDefaults()
	known, err := newest()
	if err != nil {
		return View{}, err
	}
	v := View{Known: known}
	if o.URL != "" {
		err = v.postgres(ctx, o)
	} else {
		err = v.sqlite(ctx, o.DataDir)
	}
	if err == nil && v.Schema > known {
		err = newerSchema(v.Schema, known)
	}
	return v, err
}

// newest is the version of the last migration.
func newest() (int64, error) {
	names, err := fs.Glob(migrations.PostgreSQL(), "*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	return goose.NumericComponent(names[len(names)-1])
}

func (v *View) sqlite(ctx context.Context, dir string) error {
	path := filepath.Join(dir, sqliteFile)
	v.Durability = Durability{Engine: "SQLite", Level: Local}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := refuseNetwork(dir); err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer unlockDir(lock)
	// Whoever may write clears the log away with the last connection, and with it the trace of an unclean stop.
	pool, err := modernc().open(path, 1, url.Values{"mode": {"ro"}, "_pragma": readerPragmas})
	if err != nil {
		return fmt.Errorf("open the database %s: %w", path, err)
	}
	defer pool.Close()
	if err := pool.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&v.Version); err != nil {
		return fmt.Errorf("open the database %s: %w", path, err)
	}
	var there bool
	err = pool.QueryRowContext(ctx, `SELECT COUNT(*) > 0 FROM sqlite_master WHERE name = 'goose_db_version'`).Scan(&there)
	if err == nil && there {
		err = pool.QueryRowContext(ctx, selectSchema).Scan(&v.Schema)
	}
	if err != nil {
		return fmt.Errorf("look at the database %s: %w", path, err)
	}
	return nil
}

const selectSchema = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`

func (v *View) postgres(ctx context.Context, o Options) error {
	if _, err := os.Stat(o.DataDir); errors.Is(err, fs.ErrNotExist) {
		o.DataDir = "" // it would be made
	}
	db, err := connectPostgres(ctx, o)
	if err != nil {
		return err
	}
	defer db.hangUp()
	if err := db.firstLock(ctx); err != nil {
		return err
	}
	if v.Durability, err = db.Durability(ctx); err != nil {
		return fmt.Errorf("look at the settings of the database %s: %w", db.where, err)
	}
	var there bool
	err = db.QueryRow(ctx, []any{&there}, `SELECT to_regclass('goose_db_version') IS NOT NULL`)
	if err == nil && there {
		err = db.QueryRow(ctx, []any{&v.Schema}, selectSchema)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look at the database %s: %w", db.where, err)
	}
	return nil
}
