// Package store keeps everything that lasts, in SQLite or in PostgreSQL: all SQL of the server is here, written once.
//
// It implements the Store interfaces that the domains declare, and server.Committer. All writes go through one ordered writer that
// commits what waits in one transaction (see writer): what it has reported is on the disk, or at the standby that must confirm it.
// One process writes to a database: a lock keeps a second one out, and an epoch that each transaction checks keeps out one that
// got past it. What others own by an address goes when that account is deleted: every such table has a column owner.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"palabre/account"
	"palabre/directory"
	"palabre/history"
	"palabre/muc"
	"palabre/pubsub"
	"palabre/resumption"
	"palabre/roster"
	"palabre/server"
	"palabre/xep"
)

var (
	_ account.Store    = (*Store)(nil)
	_ directory.Store  = (*Store)(nil)
	_ history.Store    = (*Store)(nil)
	_ muc.Store        = (*Store)(nil)
	_ pubsub.Store     = (*Store)(nil)
	_ resumption.Store = (*Store)(nil)
	_ roster.Store     = (*Store)(nil)
	_ server.Committer = (*Store)(nil)
	_ xep.Store        = (*Store)(nil)
	_ xep.LastSeen     = (*Store)(nil)
)

var (
	// ErrAway says that the database can't be used at the moment; nothing was written. It comes back by itself.
	// It is the kernel's, which tells senders to try again.
	ErrAway = server.ErrAway
	// ErrUnknown is an ErrAway that came while a commit was under way, and the database has not been there since to be asked.
	ErrUnknown = fmt.Errorf("%w: whether the last change is stored is not known", ErrAway)
	// ErrClosed is the end of what comes after Close.
	ErrClosed = errors.New("the store is closed")
)

// Options say where the database is. One of DataDir and URL is needed.
type Options struct {
	DataDir string // where SQLite has its files; made if it is not there, and locked, whichever the engine is
	URL     string // postgres://...; if set, the database is there

	Logger *slog.Logger
	// Fatal is told, once, what makes it wrong to go on: the disk failed, the database is damaged, or another process has taken it
	// over. It must end the process. Nothing more is written, or reported as written, from then on.
	Fatal func(error)
	Now   func() time.Time
	Rand  io.Reader

	// Patience is how long a write waits for a database that is away. 4 s if zero: with the last try, no more than 5 s.
	Patience time.Duration

	logFull int           // SQLite's; for tests
	driver  *sqliteDriver // likewise
}

// A Store is an open database.
type Store struct {
	opts   Options
	engine engine
	db     reads
	writer *writer
	eraser eraser
	expiry expiry
	closed sync.Once
	dead   atomic.Pointer[error] // why nothing is written any more
}

// Open opens the database, makes or updates its schema, and takes it over. Its errors are plain sentences for people.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{opts: o, expiry: expiry{upto: map[string]int64{}}}
	var err error
	if s.engine, err = openEngine(ctx, o, s.die); err != nil {
		return nil, err
	}
	s.db = reads{s.engine, o.Patience, s.die, o.Now, &outage{}}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("read the database: %w", err), s.engine.Close())
	}
	return s, nil
}

// start goes on where the last one stopped.
func (s *Store) start(ctx context.Context) error {
	ids := &interner{known: map[string]int64{}}
	if err := s.db.QueryRow(ctx, []any{&ids.last}, `SELECT COALESCE(MAX(id), 0) FROM jid`); err != nil {
		return err
	}
	clock, err := openClock(ctx, s.db, s.opts.Now)
	if err != nil {
		return err
	}
	erasing, err := s.isErasing(ctx)
	if err != nil {
		return err
	}
	s.writer = newWriter(s, ids, clock)
	s.startEraser()
	if erasing {
		s.eraser.signal()
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Patience == 0 {
		o.Patience = 4 * time.Second
	}
	return o
}

func openEngine(ctx context.Context, o Options, fatal func(error)) (engine, error) {
	switch {
	case o.URL != "":
		return openPostgres(ctx, o)
	case o.DataDir != "":
		return openSQLite(ctx, o, fatal)
	}
	return nil, errors.New("no place for the database is given; set data_dir")
}

// Close waits for what has been handed to Commit, and closes the database. A second time it does nothing.
func (s *Store) Close() error {
	var err error
	s.closed.Do(func() {
		s.eraser.stop()
		s.writer.close()
		if err = s.engine.Close(); err != nil {
			err = fmt.Errorf("close the database: %w", err)
		}
	})
	return err
}

func (s *Store) die(err error) {
	if s.dead.CompareAndSwap(nil, &err) && s.opts.Fatal != nil {
		s.opts.Fatal(err)
	}
}

// Durability tells how safe what the store reports as written is.
func (s *Store) Durability(ctx context.Context) (Durability, error) {
	d, err := s.engine.Durability(ctx)
	if err != nil {
		return d, fmt.Errorf("store: durability: %w", err)
	}
	return d, nil
}

// A Durability says where what was reported as written is.
type Durability struct {
	Engine   string // SQLite or PostgreSQL
	Version  string
	Level    Level
	Warnings []string // settings that weaken it: plain sentences that say what to do
}

// A Level of durability.
type Level string

// The levels of durability.
const (
	Unsafe     Level = "unsafe"     // a power cut can lose what was reported as written
	Local      Level = "local"      // it is on the disk
	Replicated Level = "replicated" // it is at a standby too
)

// Reads are queries outside of the writer, with a deadline.
type reads struct {
	engine   engine
	patience time.Duration
	fatal    func(error)
	now      func() time.Time
	outage   *outage
}

func (r reads) QueryRow(ctx context.Context, dest []any, sql string, args ...any) error {
	return r.try(ctx, func(ctx context.Context) error { return r.engine.QueryRow(ctx, dest, sql, args...) })
}

func (r reads) Query(ctx context.Context, row func(scanner) error, sql string, args ...any) error {
	return r.try(ctx, func(ctx context.Context) error { return r.engine.Query(ctx, row, sql, args...) })
}

func (r reads) try(ctx context.Context, query func(context.Context) error) error {
	start := r.now()
	if r.outage.known(start) {
		return ErrAway
	}
	limited, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	err := r.sort(ctx, query(limited))
	switch {
	case !errors.Is(err, ErrAway):
		r.outage.over(r.now())
	case limited.Err() != nil: // others that fail do so at once
		r.outage.failed(start, r.now())
	}
	return err
}

func (r reads) sort(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	switch r.engine.Fault(err) {
	case fatal:
		r.fatal(err)
		return fmt.Errorf("%w: %w", ErrAway, err)
	case away:
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}
