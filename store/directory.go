package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"palabre/directory"
	"palabre/xmpp"
)

// A restOf is what of an entry no query looks at.
type restOf struct {
	Email string `json:"email,omitempty"`
	directory.Details
	Photo     string `json:"photo,omitempty"` // its type
	PhotoSHA1 string `json:"photo_sha1,omitempty"`
	PhotoSize int    `json:"photo_size,omitempty"`
}

func restOfEntry(e *directory.Entry) (string, error) {
	text, err := json.Marshal(restOf{e.Email, e.Details, e.Photo.Type, e.Photo.SHA1, e.Photo.Size})
	return string(text), err
}

// entryColumns are those that an entryRow scans.
const entryColumns = `d.entry, d.id, d.kind, COALESCE(d.account, ''), d.chat, d.name, d.rest`

// An entryRow is an entry as it is stored.
type entryRow struct {
	number, kind, chat      int64
	id, account, name, rest string
}

func (r *entryRow) dest() []any {
	return []any{&r.number, &r.id, &r.kind, &r.account, &r.chat, &r.name, &r.rest}
}

func (r *entryRow) entry(domain string) (directory.Entry, error) {
	e := directory.Entry{Domain: domain, ID: r.id, Kind: directory.Kind(r.kind), Name: r.name, Chat: r.chat != 0}
	var rest restOf
	err := json.Unmarshal([]byte(r.rest), &rest)
	if err == nil && r.account != "" {
		e.Account, err = xmpp.ParseJID(r.account)
	}
	if err != nil {
		return e, fmt.Errorf("entry %s of %s: %w", r.id, domain, err)
	}
	e.Email, e.Details = rest.Email, rest.Details
	e.Photo = directory.Photo{Type: rest.Photo, SHA1: rest.PhotoSHA1, Size: rest.PhotoSize}
	return e, nil
}

const (
	ofDomain    = ` WHERE d.domain = (SELECT j.id FROM jid j WHERE j.bare = $1)`
	selectEntry = `SELECT ` + entryColumns + ` FROM directory d` + ofDomain + ` AND d.id = $2`
	selectBy    = `SELECT ` + entryColumns + ` FROM directory d`
	byMail      = selectBy + ofDomain + ` AND d.mail = $2`
	byAccount   = selectBy + ` WHERE d.account = $1`
)

// Find is directory.Source's.
func (s *Store) Find(ctx context.Context, domain, id string) (directory.Entry, error) {
	return s.oneEntry(ctx, domain, selectEntry, domain, id)
}

// ByEmail is directory.Source's.
func (s *Store) ByEmail(ctx context.Context, domain, email string) (directory.Entry, error) {
	return s.oneEntry(ctx, domain, byMail, domain, directory.FoldEmail(email))
}

// ByAccount is directory.Source's.
func (s *Store) ByAccount(ctx context.Context, account xmpp.JID) (directory.Entry, error) {
	return s.oneEntry(ctx, account.Domain(), byAccount, account.Bare().String())
}

func (s *Store) oneEntry(ctx context.Context, domain, query string, args ...any) (directory.Entry, error) {
	for _, a := range args { // PostgreSQL does not take what is no text
		if text, _ := a.(string); !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return directory.Entry{}, directory.ErrUnknown
		}
	}
	var row entryRow
	err := s.db.QueryRow(ctx, row.dest(), query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return directory.Entry{}, directory.ErrUnknown
	}
	var e directory.Entry
	if err == nil {
		e, err = row.entry(domain)
	}
	if err != nil {
		return e, fmt.Errorf("store: directory: %w", err)
	}
	return e, nil
}

// entries reads all that a query finds.
func (s *Store) entries(ctx context.Context, domain, query string, args ...any) (out []directory.Entry, err error) {
	err = s.db.Query(ctx, func(scan scanner) error {
		var row entryRow
		if err := scan(row.dest()...); err != nil {
			return err
		}
		e, err := row.entry(domain)
		out = append(out, e)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: directory: %w", err)
	}
	return out, nil
}

const (
	selectEntries = selectBy + ofDomain + ` AND d.id > $2 ORDER BY d.domain, d.id LIMIT $3`
	selectOfKind  = selectBy + ofDomain + ` AND d.kind = $4 AND d.id > $2 ORDER BY d.domain, d.kind, d.id LIMIT $3`
)

// List is directory.Store's.
func (s *Store) List(ctx context.Context, domain string, q directory.ListQuery) ([]directory.Entry, error) {
	if q.Kind == 0 {
		return s.entries(ctx, domain, selectEntries, domain, q.After, q.Limit)
	}
	return s.entries(ctx, domain, selectOfKind, domain, q.After, q.Limit, int64(q.Kind))
}

const (
	selectMembers = `SELECT ` + entryColumns + ` FROM directory g JOIN directory_member m ON m.team = g.entry JOIN directory d ON d.entry = m.person
		WHERE g.domain = (SELECT j.id FROM jid j WHERE j.bare = $1) AND g.id = $2`
	groupsOf            = `SELECT ` + entryColumns + ` FROM directory p JOIN directory_member m ON m.person = p.entry JOIN directory d ON d.entry = m.team `
	selectGroupsOf      = groupsOf + `WHERE p.account = $1`
	selectGroupsOfEntry = groupsOf + `WHERE p.domain = (SELECT j.id FROM jid j WHERE j.bare = $1) AND p.id = $2`
)

// Members is directory.Source's.
func (s *Store) Members(ctx context.Context, domain, id string) ([]directory.Entry, error) {
	out, err := s.entries(ctx, domain, selectMembers, domain, id)
	if err == nil && len(out) == 0 {
		var g directory.Entry
		if g, err = s.Find(ctx, domain, id); err == nil && g.Kind != directory.Group {
			err = directory.ErrUnknown
		}
	}
	slices.SortFunc(out, byName)
	return out, err
}

// GroupsOf is directory.Source's.
func (s *Store) GroupsOf(ctx context.Context, account xmpp.JID) ([]directory.Entry, error) {
	out, err := s.entries(ctx, account.Domain(), selectGroupsOf, account.Bare().String())
	slices.SortFunc(out, byName)
	return out, err
}

// GroupsOfEntry is directory.Source's.
func (s *Store) GroupsOfEntry(ctx context.Context, domain, id string) ([]directory.Entry, error) {
	out, err := s.entries(ctx, domain, selectGroupsOfEntry, domain, id)
	slices.SortFunc(out, byName)
	return out, err
}

func byName(a, b directory.Entry) int {
	return cmp.Or(cmp.Compare(directory.Fold(a.Name), directory.Fold(b.Name)), cmp.Compare(a.ID, b.ID))
}

const selectPhoto = `SELECT d.rest, p.photo FROM directory d JOIN directory_photo p ON p.entry = d.entry` + ofDomain + ` AND d.id = $2`

// Photo is directory.Source's.
func (s *Store) Photo(ctx context.Context, domain, id string) (directory.Photo, error) {
	row := entryRow{id: id}
	var data []byte
	err := s.db.QueryRow(ctx, []any{&row.rest, &data}, selectPhoto, domain, id)
	if errors.Is(err, sql.ErrNoRows) {
		return directory.Photo{}, directory.ErrUnknown
	}
	var e directory.Entry
	if err == nil {
		e, err = row.entry(domain)
	}
	if err != nil {
		return directory.Photo{}, fmt.Errorf("store: photo: %w", err)
	}
	e.Photo.Data = data
	return e.Photo, nil
}
