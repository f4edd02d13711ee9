package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"palabre/muc"
	"palabre/xmpp"
)

// Writes that concern a room that there is not leave no trace. Positions are taken all the same.

// The places of these are the same; see saveRoom.
const (
	insertRoom = `INSERT INTO room (room, service, local, public, ends, members, created, words, config, subject, nick, said, avatar)
		VALUES ($1, $10, $11, $2, $3, 0, $4, $5, $6, $7, $8, $9, $12)
		ON CONFLICT (room) DO UPDATE SET public = excluded.public, ends = excluded.ends, created = excluded.created, words = excluded.words,
		config = excluded.config, subject = excluded.subject, nick = excluded.nick, said = excluded.said, avatar = excluded.avatar`
	updateRoom = `UPDATE room SET public = $2, ends = $3, created = $4, words = $5, config = $6, subject = $7, nick = $8, said = $9, avatar = $10 WHERE room = $1`
)

// saveRoom hides what there is in the archive of an address that becomes a room.
func saveRoom(ctx context.Context, t *turn, w *muc.Save) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	room, err := t.id(ctx, w.Room)
	if err != nil {
		return err
	}
	config, err := json.Marshal(w.Config)
	if err != nil {
		return err
	}
	p := &w.Config.Policy
	ends := !p.Persistent || p.Vanish > 0 || !p.End.IsZero()
	args := []any{room, bit(p.Public), bit(ends), micros(w.Created), wordsOf(w.Config.Name), string(config), w.Subject.Text, w.Subject.Nick, micros(w.Subject.At)}
	if !w.New {
		return t.Queue(ctx, updateRoom, append(args, w.Avatar)...)
	}
	if err := t.hideRemains(ctx, room); err != nil {
		return err
	}
	return t.Queue(ctx, insertRoom, append(args, w.Room.Domain(), w.Room.Local(), w.Avatar)...)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// A memberKey is somebody in a room.
type memberKey struct{ room, owner int64 }

func (t *turn) memberKey(ctx context.Context, room, account xmpp.JID) (k memberKey, err error) {
	if k.room, err = t.id(ctx, room); err == nil {
		k.owner, err = t.id(ctx, account)
	}
	return k, err
}

const selectMember = `SELECT COALESCE(m.affiliation, 'none'), COALESCE(m.joined, 0),
	EXISTS (SELECT 1 FROM stay i WHERE i.room = $1 AND i.owner = $2)
	FROM room r LEFT JOIN member m ON m.room = r.room AND m.owner = $2 WHERE r.room = $1`

func affiliate(ctx context.Context, t *turn, w *muc.Affiliate) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	k, err := t.memberKey(ctx, w.Room, w.Account)
	if err != nil {
		return err
	}
	w.Joined = 0
	var name string
	var stayed bool
	switch err := t.QueryRow(ctx, []any{&name, &w.Joined, &stayed}, selectMember, k.room, k.owner); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	var before muc.Affiliation
	if err := before.UnmarshalText([]byte(name)); err != nil {
		return err
	}
	was, is := before > muc.None, w.Affiliation > muc.None
	switch {
	case !is:
		w.Joined = 0
	case !was:
		w.Joined = t.clock.next()
	}
	if was != is {
		if err := t.Queue(ctx, `UPDATE room SET members = members + $2 WHERE room = $1`, k.room, bit(is)-bit(was)); err != nil {
			return err
		}
	}
	if w.Affiliation == muc.None && !stayed {
		return t.Queue(ctx, `DELETE FROM member WHERE room = $1 AND owner = $2`, k.room, k.owner)
	}
	return t.putMember(ctx, k, w)
}

func (t *turn) putMember(ctx context.Context, k memberKey, w *muc.Affiliate) error {
	name, err := w.Affiliation.MarshalText()
	if err != nil {
		return err
	}
	return t.Queue(ctx, `INSERT INTO member (room, owner, affiliation, joined, last, nick, reason) VALUES ($1, $2, $3, $4, 0, $5, $6)
		ON CONFLICT (room, owner) DO UPDATE SET affiliation = excluded.affiliation, joined = excluded.joined, nick = excluded.nick,
		reason = excluded.reason`, k.room, k.owner, string(name), w.Joined, w.Nick, w.Reason)
}

const selectStay = `SELECT COALESCE((SELECT i.since FROM stay i WHERE i.room = $1 AND i.owner = $2 AND i.upto = 0), 0) FROM room WHERE room = $1`

func begin(ctx context.Context, t *turn, w *muc.Begin) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	k, err := t.memberKey(ctx, w.Room, w.Account)
	if err != nil {
		return err
	}
	w.At = 0
	err = t.QueryRow(ctx, []any{&w.At}, selectStay, k.room, k.owner)
	there := !errors.Is(err, sql.ErrNoRows)
	if there && err != nil || w.At > 0 {
		return err
	}
	w.At = t.clock.next()
	if !there {
		return nil
	}
	err = t.Queue(ctx, `INSERT INTO member (room, owner, affiliation, joined, last, nick, reason) VALUES ($1, $2, 'none', 0, 0, '', '')
		ON CONFLICT (room, owner) DO NOTHING`, k.room, k.owner)
	if err != nil {
		return err
	}
	return t.Queue(ctx, `INSERT INTO stay (room, owner, since, upto) VALUES ($1, $2, $3, 0)`, k.room, k.owner, w.At)
}

func finish(ctx context.Context, t *turn, w *muc.Finish) error {
	k, err := t.memberKey(ctx, w.Room, w.Account)
	if err != nil {
		return err
	}
	t.afterAppends(func(ctx context.Context, id int64) error {
		w.At = id
		return t.Queue(ctx, `UPDATE stay SET upto = $3 WHERE room = $1 AND owner = $2 AND upto = 0`, k.room, k.owner, id)
	})
	return nil
}

func part(ctx context.Context, t *turn, w *muc.Part) error {
	k, err := t.memberKey(ctx, w.Room, w.Account)
	if err != nil {
		return err
	}
	t.afterAppends(func(ctx context.Context, id int64) error {
		w.At = id
		return t.Queue(ctx, `UPDATE member SET last = $3 WHERE room = $1 AND owner = $2`, k.room, k.owner, id)
	})
	return nil
}

func position(_ context.Context, t *turn, w *muc.Position) error {
	t.afterAppends(func(_ context.Context, id int64) error {
		w.At = id
		return nil
	})
	return nil
}

func destroy(ctx context.Context, t *turn, w *muc.Destroy) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	room, err := t.id(ctx, w.Room)
	if err != nil {
		return err
	}
	for _, erasure := range []string{
		`DELETE FROM stay WHERE room = $1`,
		`DELETE FROM member WHERE room = $1`,
		`DELETE FROM room WHERE room = $1`,
	} {
		if err := t.Queue(ctx, erasure, room); err != nil {
			return err
		}
	}
	if !w.Gone.IsZero() {
		if err := t.Queue(ctx, `INSERT INTO room_gone (room, at) VALUES ($1, $2) ON CONFLICT (room) DO UPDATE SET at = excluded.at`, room, micros(w.Gone)); err != nil {
			return err
		}
	}
	return t.hide(ctx, room)
}
