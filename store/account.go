package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"palabre/account"
	"palabre/xmpp"
)

// selectAccount gives nobody's rows in the place of those that there are not: the time that it takes does not tell who has an account.
const selectAccount = `SELECT a.owner, a.disabled, a.created, a.last_seen, COALESCE(c.hash, ''), COALESCE(c.iterations, 0), c.salt, c.stored_key, c.server_key
	FROM account a LEFT JOIN credential c ON c.owner = a.owner
	WHERE a.owner = COALESCE((SELECT b.owner FROM jid j JOIN account b ON b.owner = j.id WHERE j.bare = $1),
		(SELECT b.owner FROM account b WHERE b.owner = 0))`

// Account is account.Store's.
func (s *Store) Account(ctx context.Context, jid xmpp.JID) (account.Account, error) {
	var row accountRow
	var owner int64
	a := account.Account{JID: jid}
	err := s.db.Query(ctx, func(scan scanner) error {
		var k account.Key
		if err := scan(append([]any{&owner}, row.dest(&k.Hash, &k.Iterations, &k.Salt, &k.StoredKey, &k.ServerKey)...)...); err != nil {
			return err
		}
		if k.Hash != "" {
			a.Keys = append(a.Keys, k)
		}
		return nil
	}, selectAccount, jid.String())
	switch {
	case err != nil:
		return account.Account{}, fmt.Errorf("store: account: %w", err)
	case owner == nobody:
		return account.Account{}, account.ErrUnknown
	}
	row.fill(&a)
	return a, nil
}

// nobody owns the keys that stand in for those of accounts that there are not.
const nobody = 0

// An accountRow is an account as it is stored.
type accountRow struct{ disabled, created, lastSeen int64 }

func (r *accountRow) dest(after ...any) []any {
	return append([]any{&r.disabled, &r.created, &r.lastSeen}, after...)
}

func (r *accountRow) fill(a *account.Account) {
	a.Disabled = r.disabled != 0
	a.Created = instant(r.created)
	a.LastSeen = instant(r.lastSeen)
}

// Times are stored as microseconds since 1970; 0 is the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Exists is account.Store's.
func (s *Store) Exists(ctx context.Context, jid xmpp.JID) (bool, error) {
	var one int
	err := s.db.QueryRow(ctx, []any{&one}, `SELECT 1 FROM jid j JOIN account a ON a.owner = j.id WHERE j.bare = $1`, jid.String())
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: account: %w", err)
	}
	return true, nil
}

const selectAccounts = `SELECT a.local, a.disabled, a.created, a.last_seen FROM account a
	WHERE a.domain = $1 AND a.local > $2 ORDER BY a.local LIMIT $3`

// Accounts is account.Store's.
func (s *Store) Accounts(ctx context.Context, domain, after string, limit int) ([]account.Account, error) {
	var out []account.Account
	err := s.db.Query(ctx, func(scan scanner) error {
		var row accountRow
		var local string
		if err := scan(append([]any{&local}, row.dest()...)...); err != nil {
			return err
		}
		jid, err := xmpp.NewJID(local, domain, "")
		if err != nil {
			return fmt.Errorf("account %q: %w", local, err)
		}
		a := account.Account{JID: jid}
		row.fill(&a)
		out = append(out, a)
		return nil
	}, selectAccounts, domain, after, limit)
	if err != nil {
		return nil, fmt.Errorf("store: accounts: %w", err)
	}
	return out, nil
}

// Create is account.Store's.
func (s *Store) Create(ctx context.Context, a account.Account) error {
	n, err := s.CreateMany(ctx, []account.Account{a})
	if err == nil && n == 0 {
		return account.ErrExists
	}
	return err
}

// SetKeys is account.Store's.
func (s *Store) SetKeys(ctx context.Context, jid xmpp.JID, keys []account.Key) error {
	return s.changeAccount(ctx, jid, func(ctx context.Context, t *turn, owner int64) error {
		if err := t.Queue(ctx, `DELETE FROM credential WHERE owner = $1`, owner); err != nil {
			return err
		}
		return insertKeys(ctx, t, owner, keys)
	})
}

func insertKeys(ctx context.Context, t *turn, owner int64, keys []account.Key) error {
	for _, k := range keys {
		err := t.Queue(ctx, `INSERT INTO credential (owner, hash, iterations, salt, stored_key, server_key) VALUES ($1, $2, $3, $4, $5, $6)`,
			owner, k.Hash, k.Iterations, k.Salt, k.StoredKey, k.ServerKey)
		if err != nil {
			return err
		}
	}
	return nil
}

// SetDisabled is account.Store's.
func (s *Store) SetDisabled(ctx context.Context, jid xmpp.JID, disabled bool) error {
	flag := 0
	if disabled {
		flag = 1
	}
	return s.changeAccount(ctx, jid, func(ctx context.Context, t *turn, owner int64) error {
		return t.Queue(ctx, `UPDATE account SET disabled = $2 WHERE owner = $1`, owner, flag)
	})
}

// SetLastSeen is account.Store's.
func (s *Store) SetLastSeen(ctx context.Context, jid xmpp.JID, at time.Time, status string) error {
	err := s.write(ctx, jid, func(ctx context.Context, t *turn) error {
		return t.Queue(ctx, `UPDATE account SET last_seen = $2, last_status = $3 WHERE owner = (SELECT id FROM jid WHERE bare = $1)`,
			jid.String(), micros(at), status)
	})
	if err != nil {
		return fmt.Errorf("store: last seen: %w", err)
	}
	return nil
}

// LastSeen is account.Store's.
func (s *Store) LastSeen(ctx context.Context, jid xmpp.JID) (at time.Time, status string, err error) {
	var seen int64
	err = s.db.QueryRow(ctx, []any{&seen, &status}, `SELECT a.last_seen, a.last_status FROM jid j JOIN account a ON a.owner = j.id WHERE j.bare = $1`,
		jid.String())
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, "", account.ErrUnknown
	}
	if err != nil {
		return time.Time{}, "", fmt.Errorf("store: last seen: %w", err)
	}
	return instant(seen), status, nil
}

// changeAccount has fn carried out for an account that must be there: account.ErrUnknown.
func (s *Store) changeAccount(ctx context.Context, jid xmpp.JID, fn func(ctx context.Context, t *turn, owner int64) error) error {
	err := s.write(ctx, jid, func(ctx context.Context, t *turn) error {
		owner, err := t.owner(ctx, jid)
		if err != nil {
			return err
		}
		return fn(ctx, t, owner)
	})
	if err != nil && !errors.Is(err, account.ErrUnknown) {
		return fmt.Errorf("store: account: %w", err)
	}
	return err
}
