package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"palabre/xmpp"
)

// secretSize is a secret's length in bytes.
const secretSize = 32

const selectSecret = `SELECT value FROM secret WHERE name = $1`

// Secret is account.Store's.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.db.QueryRow(ctx, []any{&value}, selectSecret, name)
	if errors.Is(err, sql.ErrNoRows) {
		value, err = s.newSecret(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("store: secret: %w", err)
	}
	return value, nil
}

// newSecret makes a secret, unless another has just made it.
func (s *Store) newSecret(ctx context.Context, name string) ([]byte, error) {
	made := make([]byte, secretSize)
	if _, err := io.ReadFull(s.opts.Rand, made); err != nil {
		return nil, err
	}
	var value []byte
	err := s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		err := t.QueryRow(ctx, []any{&value}, selectSecret, name)
		if errors.Is(err, sql.ErrNoRows) {
			value = made
			return t.Queue(ctx, `INSERT INTO secret (name, value) VALUES ($1, $2)`, name, made)
		}
		return err
	})
	return value, err
}
