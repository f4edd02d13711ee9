package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"palabre/directory"
	"palabre/xmpp"
)

// ChangeMembers is directory.Store's.
func (s *Store) ChangeMembers(ctx context.Context, domain, group string, c directory.MemberChange) (added, removed int, err error) {
	var refusal error
	err = s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		added, removed, refusal = 0, 0, nil
		team, people, err := t.team(ctx, domain, group, c)
		var member *directory.MemberError
		if errors.Is(err, directory.ErrUnknown) || errors.As(err, &member) {
			refusal = err
			return nil
		}
		if err != nil {
			return err
		}
		for _, id := range c.Add {
			n, err := t.Exec(ctx, `INSERT INTO directory_member (team, person) VALUES ($1, $2) ON CONFLICT (team, person) DO NOTHING`, team, people[id].number)
			if err != nil {
				return err
			}
			added += int(n)
		}
		for _, id := range c.Remove {
			if people[id] == nil {
				continue
			}
			n, err := t.Exec(ctx, `DELETE FROM directory_member WHERE team = $1 AND person = $2`, team, people[id].number)
			if err != nil {
				return err
			}
			removed += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("store: directory: %w", err)
	}
	return added, removed, refusal
}

// team finds a group, and those who come and go.
func (t *turn) team(ctx context.Context, domain, group string, c directory.MemberChange) (number int64, people map[string]*keptEntry, err error) {
	var row entryRow
	err = t.QueryRow(ctx, row.dest(), selectEntry, domain, group)
	if errors.Is(err, sql.ErrNoRows) || err == nil && directory.Kind(row.kind) != directory.Group {
		return 0, nil, directory.ErrUnknown
	}
	if err != nil {
		return 0, nil, err
	}
	people, err = storedEntries(ctx, t, domain, append(append([]string{}, c.Add...), c.Remove...))
	if err != nil {
		return 0, nil, err
	}
	for _, id := range c.Add {
		switch p := people[id]; {
		case p == nil:
			return 0, nil, &directory.MemberError{ID: id}
		case p.Kind != directory.Person:
			return 0, nil, &directory.MemberError{ID: id, Kind: p.Kind}
		}
	}
	return row.number, people, nil
}
