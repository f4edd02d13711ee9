package store

import (
	"context"
	"fmt"
	"strconv"

	"palabre/account"
	"palabre/xmpp"
)

// many is how many addresses a query with a list takes; a shorter list is filled up with its last.
const many = 100

// selectMany finds which of many addresses have a number, and which are accounts.
var selectMany = `SELECT j.bare, j.id, CASE WHEN a.owner IS NULL THEN 0 ELSE 1 END FROM jid j LEFT JOIN account a ON a.owner = j.id
	WHERE j.bare IN (` + placeholders(1, many) + `)`

// placeholders lists n of them, from this one on.
func placeholders(from, n int) string {
	b := make([]byte, 0, 4*n)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '$'), int64(from+i), 10)
	}
	return string(b)
}

// A knownJID is an address that has a number.
type knownJID struct {
	id      int64
	account bool
}

// lookUp finds what is known of addresses.
func lookUp(ctx context.Context, q querier, jids []xmpp.JID) (map[string]knownJID, error) {
	out := make(map[string]knownJID, len(jids))
	for len(jids) > 0 {
		args := make([]any, many)
		for i := range args {
			args[i] = jids[min(i, len(jids)-1)].String()
		}
		jids = jids[min(many, len(jids)):]
		err := q.Query(ctx, func(scan scanner) error {
			var bare string
			var id, is int64
			if err := scan(&bare, &id, &is); err != nil {
				return err
			}
			out[bare] = knownJID{id, is != 0}
			return nil
		}, selectMany, args...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Missing is account.Store's.
func (s *Store) Missing(ctx context.Context, jids []xmpp.JID) ([]xmpp.JID, error) {
	known, err := lookUp(ctx, s.db, jids)
	if err != nil {
		return nil, fmt.Errorf("store: accounts: %w", err)
	}
	var out []xmpp.JID
	for _, jid := range jids {
		if !known[jid.String()].account {
			out = append(out, jid)
		}
	}
	return out, nil
}

// CreateMany is account.Store's.
func (s *Store) CreateMany(ctx context.Context, as []account.Account) (created int, err error) {
	jids := make([]xmpp.JID, len(as))
	for i, a := range as {
		jids[i] = a.JID
	}
	err = s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		created = 0
		known, err := lookUp(ctx, t, jids)
		if err != nil {
			return err
		}
		for i := range as {
			bare := as[i].JID.String()
			k := known[bare]
			if k.account {
				continue
			}
			if k.id == 0 {
				k.id, err = t.newID(ctx, bare)
			} else {
				err = t.hideRemains(ctx, k.id)
			}
			if err != nil {
				return err
			}
			known[bare] = knownJID{k.id, true}
			if err := insertAccount(ctx, t, k.id, &as[i]); err != nil {
				return err
			}
			created++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("store: create accounts: %w", err)
	}
	return created, nil
}

func insertAccount(ctx context.Context, t *turn, owner int64, a *account.Account) error {
	disabled := 0
	if a.Disabled {
		disabled = 1
	}
	err := t.Queue(ctx, `INSERT INTO account (owner, domain, local, disabled, created, last_seen, last_status) VALUES ($1, $2, $3, $4, $5, $6, '')`,
		owner, a.JID.Domain(), a.JID.Local(), disabled, micros(a.Created), micros(a.LastSeen))
	if err != nil {
		return err
	}
	return insertKeys(ctx, t, owner, a.Keys)
}
