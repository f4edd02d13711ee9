package store

import (
	"context"
	"database/sql"
	"errors"

	"palabre/account"
	"palabre/xmpp"
)

// maxKnown bounds the interner: when it is full it starts anew.
const maxKnown = 100_000

// An interner gives addresses their numbers. It belongs to the writer's goroutine; nobody else makes numbers.
type interner struct {
	last  int64            // the highest number given
	known map[string]int64 // bare JIDs, committed or in the transaction under way
	fresh []string         // those of the transaction under way
}

// settle is told how a transaction, or the part of it behind a savepoint, ended. Numbers given in one that was undone stay unused.
func (in *interner) settle(committed bool) {
	if !committed {
		for _, bare := range in.fresh {
			delete(in.known, bare)
		}
	}
	in.fresh = in.fresh[:0]
	if len(in.known) > maxKnown {
		clear(in.known)
	}
}

// id gives the number of an address, and makes one if it has none.
func (t *turn) id(ctx context.Context, jid xmpp.JID) (int64, error) {
	bare := jid.String()
	if id, ok := t.ids.known[bare]; ok {
		return id, nil
	}
	var id int64
	err := t.QueryRow(ctx, []any{&id}, `SELECT id FROM jid WHERE bare = $1`, bare)
	if errors.Is(err, sql.ErrNoRows) {
		return t.newID(ctx, bare)
	}
	if err != nil {
		return 0, err
	}
	t.ids.known[bare] = id
	return id, nil
}

// newID gives a number to an address that has none yet.
func (t *turn) newID(ctx context.Context, bare string) (int64, error) {
	t.ids.last++
	id := t.ids.last
	if err := t.Queue(ctx, `INSERT INTO jid (id, bare) VALUES ($1, $2)`, id, bare); err != nil {
		return 0, err
	}
	t.ids.known[bare] = id
	t.ids.fresh = append(t.ids.fresh, bare)
	return id, nil
}

// owner gives the number of an account. The error is account.ErrUnknown.
func (t *turn) owner(ctx context.Context, jid xmpp.JID) (int64, error) {
	var id int64
	err := t.QueryRow(ctx, []any{&id}, `SELECT a.owner FROM jid j JOIN account a ON a.owner = j.id WHERE j.bare = $1`, jid.String())
	if errors.Is(err, sql.ErrNoRows) {
		return 0, account.ErrUnknown
	}
	return id, err
}
