package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// A querier reads. Statements are constants with $1, $2, ... that both engines take; a row that is not there is sql.ErrNoRows.
type querier interface {
	// Query calls row for each row; scan is good until row returns, and an error of row's ends the query.
	Query(ctx context.Context, row func(scan scanner) error, sql string, args ...any) error
	// QueryRow scans the first row into dest.
	QueryRow(ctx context.Context, dest []any, sql string, args ...any) error
}

type scanner func(dest ...any) error

// A tx is a transaction of the writer.
type tx interface {
	querier
	// Exec tells how many rows it changed.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// Queue is Exec for those who need no outcome: it runs before whatever comes after it, and its error shows there or at the
	// commit. PostgreSQL is spared a round trip.
	Queue(ctx context.Context, sql string, args ...any) error
	// FirstCopies calls found for each that there is.
	FirstCopies(ctx context.Context, want []wanted, found func(i int, c firstCopy)) error
	// AppendRows adds rows to the archive. They are not changed any more until the transaction's end.
	AppendRows(ctx context.Context, rows []archiveRow) error
	// KeepCounts raises the counts of streams, each of which is there once.
	KeepCounts(ctx context.Context, rows []countRow) error
}

// An engine is a database that this process alone writes. Its querier uses any connection; only InTx writes.
type engine interface {
	querier
	// InTx runs fn in a transaction of the one writing connection and commits it, or changes nothing if fn or the commit fails.
	// fn gets the context that its statements run in. It checks that the epoch is still ours: errStolen. A commit that got no answer is asked after until ctx ends: ErrUnknown.
	InTx(ctx context.Context, fn func(context.Context, tx) error) error
	// Tend does what is due between transactions. idle says that nothing has been written for a while;
	// more asks to be called again when that is so.
	Tend(idle bool) (more bool, err error)
	// Fault tells whose fault an error is.
	Fault(error) fault
	Durability(context.Context) (Durability, error)
	// Close is called when nothing uses the engine any more.
	Close() error
}

// A fault says what an error means for those who wait.
type fault uint8

const (
	ours  fault = iota // the statement's own: this passage is refused, others go on
	away               // the database can't be used now: worth trying again
	fatal              // what is on the disk, or whose it is, is in doubt: the process must end
)

// errStolen says that another process has opened the database since, though we held its lock.
var errStolen = errors.New("another palabre server has taken over this database; this one must not write to it any more")

// raiseEpoch makes the database ours: whoever wrote to it before can't any more.
const raiseEpoch = `UPDATE epoch SET epoch = epoch + 1 WHERE one = 1 RETURNING epoch`

// migrate brings the schema up to date, and refuses one that is newer than the program.
func migrate(ctx context.Context, p *goose.Provider) error {
	have, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if have > known {
		return newerSchema(have, known)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return nil
}

func newerSchema(have, known int64) error {
	return fmt.Errorf("the database was written by a newer palabre (its schema is version %d, this program knows %d); "+
		"install that version again, or a newer one", have, known)
}
