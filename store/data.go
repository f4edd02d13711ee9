package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"palabre/xep"
	"palabre/xmpp"
)

// Datum is xep.Store's.
func (s *Store) Datum(ctx context.Context, owner xmpp.JID, kind, key string) (string, error) {
	var text string
	err := s.db.QueryRow(ctx, []any{&text}, `SELECT d.text FROM jid j JOIN account_data d ON d.owner = j.id
		WHERE j.bare = $1 AND d.kind = $2 AND d.digest = $3`, owner.String(), kind, digest(key))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("store: %s: %w", kind, err)
	}
	return text, nil
}

// Data is xep.Store's.
func (s *Store) Data(ctx context.Context, owner xmpp.JID, kind string) (map[string]string, error) {
	out := map[string]string{}
	err := s.db.Query(ctx, func(scan scanner) error {
		var key, text string
		err := scan(&key, &text)
		out[key] = text
		return err
	}, `SELECT d.name, d.text FROM jid j JOIN account_data d ON d.owner = j.id WHERE j.bare = $1 AND d.kind = $2`, owner.String(), kind)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", kind, err)
	}
	return out, nil
}

// SetData is xep.Store's. For an account that is not there the error is account.ErrUnknown.
func (s *Store) SetData(ctx context.Context, owner xmpp.JID, kind string, change map[string]string) error {
	return s.changeAccount(ctx, owner, func(ctx context.Context, t *turn, id int64) error {
		for key, text := range change {
			if err := setDatum(ctx, t, datum{id, kind, key, text}); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeData carries out a change of such texts.
func changeData(ctx context.Context, t *turn, c *xep.DataChange) error {
	owner, err := t.owner(ctx, c.Account)
	if err != nil {
		return err
	}
	for key, text := range c.Texts {
		if err := setDatum(ctx, t, datum{owner, c.Kind, key, text}); err != nil {
			return err
		}
	}
	return nil
}

// A datum is a row of account_data.
type datum struct {
	owner           int64
	kind, key, text string
}

func setDatum(ctx context.Context, t *turn, d datum) error {
	if d.text == "" {
		return t.Queue(ctx, `DELETE FROM account_data WHERE owner = $1 AND kind = $2 AND digest = $3`, d.owner, d.kind, digest(d.key))
	}
	return t.Queue(ctx, `INSERT INTO account_data (owner, kind, digest, name, text) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (owner, kind, digest) DO UPDATE SET text = excluded.text`, d.owner, d.kind, digest(d.key), d.key, d.text)
}

// digest stands for a key in the index: PostgreSQL's takes no more than 2,704 bytes, and a key may be longer.
func digest(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:16]
}
