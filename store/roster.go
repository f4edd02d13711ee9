package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"palabre/roster"
	"palabre/xmpp"
)

// The bits of roster.flags.
const (
	flagAsk = 1 << iota
	flagApproved
	flagIn
	flagListed
)

// itemColumns are null where an outer join found no item.
const itemColumns = `COALESCE(r.name, ''), COALESCE(r.groups, ''), COALESCE(r.subscription, 0), COALESCE(r.flags, 0),
	COALESCE(r.request, ''), COALESCE(r.ver, 0)`

const selectRoster = `SELECT COALESCE(v.ver, 0), COALESCE(k.bare, ''), ` + itemColumns + `
	FROM jid j LEFT JOIN roster_version v ON v.owner = j.id LEFT JOIN roster r ON r.owner = j.id LEFT JOIN jid k ON k.id = r.contact
	WHERE j.bare = $1`

const selectItem = `SELECT ` + itemColumns + `
	FROM jid j JOIN roster r ON r.owner = j.id JOIN jid k ON k.id = r.contact WHERE j.bare = $1 AND k.bare = $2`

// selectForChange finds an account, its roster's version, and one item if it is there.
const selectForChange = `SELECT a.owner, COALESCE(v.ver, 0), ` + itemColumns + `
	FROM jid j JOIN account a ON a.owner = j.id LEFT JOIN roster_version v ON v.owner = a.owner
	LEFT JOIN roster r ON r.owner = a.owner AND r.contact = (SELECT id FROM jid WHERE bare = $2)
	WHERE j.bare = $1`

// A rosterRow is an item as it is stored.
type rosterRow struct {
	groups       string
	subscription int64
	flags        int64
	roster.Item
}

func (r *rosterRow) dest(before ...any) []any {
	return append(before, &r.Name, &r.groups, &r.subscription, &r.flags, &r.Request, &r.Ver)
}

func (r *rosterRow) item(contact xmpp.JID) (roster.Item, error) {
	it := r.Item
	it.JID = contact
	it.Subscription = roster.Subscription(r.subscription)
	it.Ask, it.Approved = r.flags&flagAsk != 0, r.flags&flagApproved != 0
	it.In, it.Listed = r.flags&flagIn != 0, r.flags&flagListed != 0
	if r.groups != "" {
		if err := json.Unmarshal([]byte(r.groups), &it.Groups); err != nil {
			return it, fmt.Errorf("groups of %s: %w", contact, err)
		}
	}
	return it, nil
}

// Roster is roster.Store's.
func (s *Store) Roster(ctx context.Context, owner xmpp.JID) (items []roster.Item, ver int64, err error) {
	err = s.db.Query(ctx, func(scan scanner) error {
		var row rosterRow
		var bare string
		if err := scan(row.dest(&ver, &bare)...); err != nil || bare == "" {
			return err
		}
		contact, err := xmpp.ParseJID(bare)
		if err != nil {
			return fmt.Errorf("contact %q: %w", bare, err)
		}
		it, err := row.item(contact)
		items = append(items, it)
		return err
	}, selectRoster, owner.String())
	if err != nil {
		return nil, 0, fmt.Errorf("store: roster: %w", err)
	}
	return items, ver, nil
}

// Item is roster.Store's.
func (s *Store) Item(ctx context.Context, owner, contact xmpp.JID) (roster.Item, error) {
	var row rosterRow
	err := s.db.QueryRow(ctx, row.dest(), selectItem, owner.String(), contact.String())
	if errors.Is(err, sql.ErrNoRows) {
		return roster.Item{JID: contact}, nil
	}
	if err != nil {
		return roster.Item{}, fmt.Errorf("store: roster item: %w", err)
	}
	return row.item(contact)
}

// changeRoster carries out a change. One of an account that is not there any more changes nothing.
//
// A version is never given twice, though the account was deleted and made again, or the database restored from a backup: a client
// that still holds the old roster would be told that it has the new one (RFC 6121 §2.6.3). So it is no counter, but a time.
func (s *Store) changeRoster(ctx context.Context, t *turn, c *roster.Change) error {
	c.Before, c.After, c.Ver = roster.Item{JID: c.Contact}, roster.Item{JID: c.Contact}, 0
	var row rosterRow
	var owner int64
	err := t.QueryRow(ctx, row.dest(&owner, &c.Ver), selectForChange, c.Account.String(), c.Contact.String())
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Before, err = row.item(c.Contact); err != nil {
		return err
	}
	c.After = c.Next(c.Before)
	if sameItem(c.Before, c.After) {
		c.After = c.Before
		return nil
	}
	c.Ver = max(c.Ver+1, micros(s.opts.Now()))
	c.After.JID, c.After.Ver = c.Contact, c.Ver
	if err := putItem(ctx, t, owner, &c.After); err != nil {
		return err
	}
	return t.Queue(ctx, `INSERT INTO roster_version (owner, ver) VALUES ($1, $2)
		ON CONFLICT (owner) DO UPDATE SET ver = excluded.ver`, owner, c.Ver)
}

func sameItem(a, b roster.Item) bool {
	if a.IsZero() && b.IsZero() {
		return true
	}
	return a.Name == b.Name && slices.Equal(a.Groups, b.Groups) && a.Subscription == b.Subscription && a.Ask == b.Ask &&
		a.Approved == b.Approved && a.In == b.In && a.Request == b.Request && a.Listed == b.Listed
}

// putItem writes an item. One that says nothing is deleted, and is then the zero Item but for its JID.
func putItem(ctx context.Context, t *turn, owner int64, it *roster.Item) error {
	contact, err := t.id(ctx, it.JID)
	if err != nil {
		return err
	}
	if it.IsZero() {
		*it = roster.Item{JID: it.JID}
		return t.Queue(ctx, `DELETE FROM roster WHERE owner = $1 AND contact = $2`, owner, contact)
	}
	groups := ""
	if len(it.Groups) > 0 {
		b, err := json.Marshal(it.Groups)
		if err != nil {
			return err
		}
		groups = string(b)
	}
	return t.Queue(ctx, `INSERT INTO roster (owner, contact, name, groups, subscription, flags, request, ver)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (owner, contact) DO UPDATE SET name = excluded.name, groups = excluded.groups,
		subscription = excluded.subscription, flags = excluded.flags, request = excluded.request, ver = excluded.ver`,
		owner, contact, it.Name, groups, int64(it.Subscription), itemFlags(it), it.Request, it.Ver)
}

func itemFlags(it *roster.Item) int64 {
	var f int64
	for _, b := range []struct {
		set bool
		bit int64
	}{{it.Ask, flagAsk}, {it.Approved, flagApproved}, {it.In, flagIn}, {it.Listed, flagListed}} {
		if b.set {
			f |= b.bit
		}
	}
	return f
}
