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
		inside, err := t.inside(ctx, team, people)
		if err != nil {
			return err
		}
		for _, id := range c.Add {
			if p := people[id].number; !inside[p] {
				inside[p] = true
				added++
				if err := t.Queue(ctx, `INSERT INTO directory_member (team, person) VALUES ($1, $2)`, team, p); err != nil {
					return err
				}
			}
		}
		for _, id := range c.Remove {
			if p := people[id]; p != nil && inside[p.number] {
				delete(inside, p.number)
				removed++
				if err := t.Queue(ctx, `DELETE FROM directory_member WHERE team = $1 AND person = $2`, team, p.number); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("store: directory: %w", err)
	}
	return added, removed, refusal
}

var selectInside = `SELECT m.person FROM directory_member m WHERE m.team = $1 AND m.person IN (` + placeholders(2, many) + `)`

// inside tells which of these people are in a group.
func (t *turn) inside(ctx context.Context, team int64, people map[string]*keptEntry) (map[int64]bool, error) {
	out := map[int64]bool{}
	args := []any{team}
	ask := func() error {
		for len(args) > 1 && len(args) <= many {
			args = append(args, args[1])
		}
		if len(args) == 1 {
			return nil
		}
		err := t.Query(ctx, func(scan scanner) error {
			var person int64
			err := scan(&person)
			out[person] = true
			return err
		}, selectInside, args...)
		args = args[:1:1]
		return err
	}
	for _, p := range people {
		if args = append(args, p.number); len(args) <= many {
			continue
		}
		if err := ask(); err != nil {
			return nil, err
		}
	}
	return out, ask()
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
