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
	"time"

	"palabre/muc"
	"palabre/xmpp"
)

// wordsCap is how many bytes of a room's name can be searched for: an index has it, and PostgreSQL's takes no more than 2,704 bytes, which
// the address needs most of.
const wordsCap = 300

// wordsOf is what a room is found by, beside its address.
func wordsOf(name string) string {
	words := strings.ToLower(name)
	if len(words) > wordsCap {
		words = strings.ToValidUTF8(words[:wordsCap], "")
	}
	return words
}

const selectRoom = `SELECT r.room, r.created, r.config, r.subject, r.nick, r.said, r.avatar
	FROM jid j JOIN room r ON r.room = j.id WHERE j.bare = $1`

// Room is muc.Store's. Writes that are under way may be in it, or in parts of it, or not.
func (s *Store) Room(ctx context.Context, room xmpp.JID) (*muc.Stored, error) {
	var id, created, said int64
	var config string
	out := new(muc.Stored)
	err := s.db.QueryRow(ctx, []any{&id, &created, &config, &out.Subject.Text, &out.Subject.Nick, &said, &out.Avatar}, selectRoom, room.String())
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: room: %w", err)
	}
	out.Created, out.Subject.At = instant(created), instant(said)
	if err = json.Unmarshal([]byte(config), &out.Config); err == nil {
		out.Members, err = s.people(ctx, id)
	}
	if err != nil {
		return nil, fmt.Errorf("store: room %s: %w", room, err)
	}
	return out, nil
}

// Each is read from an index in its order. PostgreSQL does not join them as it likes: what it believes of a room may be far from what there is.
const (
	selectPeople = `SELECT m.owner, (SELECT j.bare FROM jid j WHERE j.id = m.owner), m.affiliation, m.nick, m.reason, m.joined, m.last
		FROM member m WHERE m.room = $1 ORDER BY m.owner`
	selectStays = `SELECT i.owner, i.since, i.upto FROM stay i WHERE i.room = $1 ORDER BY i.owner, i.since`
)

func (s *Store) people(ctx context.Context, room int64) (out []muc.Person, err error) {
	var owners []int64
	err = s.db.Query(ctx, func(scan scanner) (err error) {
		var owner int64
		var bare, affiliation string
		var p muc.Person
		if err := scan(&owner, &bare, &affiliation, &p.Nick, &p.Reason, &p.Joined, &p.Last); err != nil {
			return err
		}
		if err := p.Affiliation.UnmarshalText([]byte(affiliation)); err != nil {
			return err
		}
		if p.Account, err = xmpp.ParseJID(bare); err != nil {
			return fmt.Errorf("member %q: %w", bare, err)
		}
		owners, out = append(owners, owner), append(out, p)
		return nil
	}, selectPeople, room)
	if err != nil {
		return nil, err
	}
	at := 0
	err = s.db.Query(ctx, func(scan scanner) error {
		var owner int64
		var i muc.Interval
		if err := scan(&owner, &i.Since, &i.Until); err != nil {
			return err
		}
		for at < len(owners) && owners[at] < owner {
			at++
		}
		if at < len(owners) && owners[at] == owner {
			out[at].Intervals = append(out[at].Intervals, i)
		}
		return nil
	}, selectStays, room)
	return out, err
}

// Rooms are listed from an index in the order of their names. For the comments see byIndex.
const (
	listedColumns = `SELECT r.service, r.local, r.created, r.members, r.config, `
	fromRooms     = listedColumns + `'none' FROM room r /* by room_name */ WHERE r.service = $1 AND r.local > $2`
	fromPublic    = listedColumns + `'none' FROM room r /* by room_public */ WHERE r.public <> 0 AND r.service = $1 AND r.local > $2`
	withWords     = ` AND (r.words LIKE $4 ESCAPE '\' OR r.local LIKE $4 ESCAPE '\')`
	pageOfRooms   = ` ORDER BY r.local LIMIT $3`
)

// selectRooms are the questions for lists: of all rooms or public ones, whatever their names are or not.
var selectRooms = map[[2]bool]string{
	{false, false}: fromRooms + pageOfRooms,
	{false, true}:  fromRooms + withWords + pageOfRooms,
	{true, false}:  fromPublic + pageOfRooms,
	{true, true}:   fromPublic + withWords + pageOfRooms,
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Rooms is muc.Store's. Of a long name, only the beginning is looked at.
func (s *Store) Rooms(ctx context.Context, service string, q muc.RoomQuery) ([]muc.Listed, error) {
	if q.Limit <= 0 || len(q.Name) > maxWanted {
		return nil, nil
	}
	args := []any{service, q.After, q.Limit}
	if q.Name != "" {
		args = append(args, `%`+escapeLike.Replace(strings.ToLower(q.Name))+`%`)
	}
	return s.listed(ctx, selectRooms[[2]bool{q.Public, q.Name != ""}], args...)
}

// maxWanted is longer than anything that Rooms finds.
const maxWanted = 2000

// listed reads rooms as they stand in lists.
func (s *Store) listed(ctx context.Context, query string, args ...any) (out []muc.Listed, err error) {
	err = s.db.Query(ctx, func(scan scanner) error {
		var service, local, config, affiliation string
		var created int64
		var l muc.Listed
		if err := scan(&service, &local, &created, &l.Members, &config, &affiliation); err != nil {
			return err
		}
		l.Created = instant(created)
		err := json.Unmarshal([]byte(config), &l.Config)
		if err == nil {
			err = l.Affiliation.UnmarshalText([]byte(affiliation))
		}
		if err == nil {
			l.Room, err = xmpp.ParseJID(local + "@" + service)
		}
		if err != nil {
			return fmt.Errorf("room %s@%s: %w", local, service, err)
		}
		out = append(out, l)
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: rooms: %w", err)
	}
	return out, nil
}

const (
	countRooms  = `SELECT COUNT(*) FROM room r /* by room_name */ WHERE r.service = $1`
	countPublic = `SELECT COUNT(*) FROM room r /* by room_public */ WHERE r.public <> 0 AND r.service = $1`
)

// Gone is muc.Store's.
func (s *Store) Gone(ctx context.Context, room xmpp.JID) (at time.Time, err error) {
	var n int64
	err = s.db.QueryRow(ctx, []any{&n}, `SELECT g.at FROM jid j JOIN room_gone g ON g.room = j.id WHERE j.bare = $1`, room.String())
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("store: room: %w", err)
	}
	return instant(n), nil
}

// CountRooms is muc.Store's.
func (s *Store) CountRooms(ctx context.Context, service string, public bool) (n int, err error) {
	query := countRooms
	if public {
		query = countPublic
	}
	if err := s.db.QueryRow(ctx, []any{&n}, query, service); err != nil {
		return 0, fmt.Errorf("store: rooms: %w", err)
	}
	return n, nil
}

const selectRoomsOf = listedColumns + `m.affiliation
	FROM jid j JOIN member m ON m.owner = j.id JOIN room r ON r.room = m.room WHERE j.bare = $1`

// RoomsOf is muc.Store's.
func (s *Store) RoomsOf(ctx context.Context, account xmpp.JID) ([]muc.Listed, error) {
	out, err := s.listed(ctx, selectRoomsOf, account.String())
	slices.SortFunc(out, func(a, b muc.Listed) int { return cmp.Compare(a.Room.String(), b.Room.String()) })
	return out, err
}

const selectEnding = listedColumns + `'none' FROM room r /* by room_ends */ WHERE r.ends <> 0`

// Ending is muc.Store's.
func (s *Store) Ending(ctx context.Context) ([]muc.Listed, error) { return s.listed(ctx, selectEnding) }
