package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"palabre/mail"
	"palabre/xmpp"
)

// AddMail is mail.Store's.
func (s *Store) AddMail(ctx context.Context, m *mail.Mail) error {
	return s.changeMail(ctx, m.Requester, func(ctx context.Context, t *turn) error {
		err := t.Queue(ctx, `INSERT INTO mail (id, state, due, queued, tries, size, chunks, subject, language, reply, called, requester, about, problem)
			VALUES ($1, $2, $3, 0, 0, 0, 0, $4, $5, $6, $7, $8, $9, '')`,
			m.ID, int64(mail.Drafted), micros(m.Due), m.Subject, m.Language, m.ReplyTo.String(), m.Called, m.Requester.String(), m.About.String())
		for _, d := range m.To {
			err = errors.Join(err, t.Queue(ctx, `INSERT INTO mail_recipient (mail, seq, address, name, state, answer) VALUES ($1, $2, $3, $4, $5, '')`,
				m.ID, int64(d.Seq), d.Address.String(), d.Name, int64(mail.Pending)))
		}
		return err
	})
}

func (s *Store) changeMail(ctx context.Context, owner xmpp.JID, fn func(context.Context, *turn) error) error {
	if err := s.write(ctx, owner, fn); err != nil {
		return fmt.Errorf("store: mail: %w", err)
	}
	return nil
}

// execMail carries out one statement; of nothing that it changes, the error is mail.ErrUnknown.
func (t *turn) execMail(ctx context.Context, statement string, args ...any) error {
	switch n, err := t.Exec(ctx, statement, args...); {
	case err != nil:
		return err
	case n == 0:
		return mail.ErrUnknown
	}
	return nil
}

// DropDraft is mail.Store's.
func (s *Store) DropDraft(ctx context.Context, id string, at time.Time) error {
	return s.changeMail(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		return t.Queue(ctx, `UPDATE mail SET state = $2, due = $3 WHERE id = $1 AND state = $4`, id, int64(mail.Gone), micros(at), int64(mail.Drafted))
	})
}

// AddChunk is mail.Store's.
func (s *Store) AddChunk(ctx context.Context, id string, seq int, bytes []byte) error {
	return s.changeMail(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		return t.Queue(ctx, `INSERT INTO mail_chunk (mail, seq, bytes) VALUES ($1, $2, $3)`, id, int64(seq), bytes)
	})
}

// Chunk is mail.Store's.
func (s *Store) Chunk(ctx context.Context, id string, seq int) ([]byte, error) {
	var bytes []byte
	err := s.db.QueryRow(ctx, []any{&bytes}, `SELECT bytes FROM mail_chunk WHERE mail = $1 AND seq = $2`, id, int64(seq))
	return bytes, mailError(err)
}

func mailError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		err = mail.ErrUnknown
	}
	return fmt.Errorf("store: mail: %w", err)
}

const (
	mailColumns = `SELECT id, state, due, queued, tries, size, chunks, subject, language, reply, called, requester, about, problem FROM mail `

	selectMail  = mailColumns + `WHERE id = $1 AND (state = $2 OR state = $3)`
	selectMails = mailColumns + `WHERE state = $1 AND (due > $2 OR due = $2 AND id > $3) ORDER BY state, due, id LIMIT $4`
)

func scanMail(scan scanner) (m mail.Mail, err error) {
	var state, due, queued int64
	var reply, requester, about string
	err = scan(&m.ID, &state, &due, &queued, &m.Tries, &m.Size, &m.Chunks, &m.Subject, &m.Language, &reply, &m.Called, &requester, &about, &m.Problem)
	if err != nil {
		return m, err
	}
	m.State, m.Due, m.Queued = mail.State(state), instant(due), instant(queued)
	if reply != "" {
		if m.ReplyTo, err = mail.ParseAddress(reply); err != nil {
			return m, err
		}
	}
	if m.Requester, err = jidOrNone(requester); err != nil {
		return m, err
	}
	m.About, err = jidOrNone(about)
	return m, err
}

func jidOrNone(s string) (xmpp.JID, error) {
	if s == "" {
		return xmpp.JID{}, nil
	}
	j, err := xmpp.ParseJID(s)
	if err != nil {
		return j, fmt.Errorf("address %q: %w", s, err)
	}
	return j, nil
}

// Mail is mail.Store's.
func (s *Store) Mail(ctx context.Context, id string) (*mail.Mail, error) {
	var found *mail.Mail
	err := s.db.Query(ctx, func(scan scanner) error {
		m, err := scanMail(scan)
		found = &m
		return err
	}, selectMail, id, int64(mail.Waits), int64(mail.Failed))
	if err == nil && found == nil {
		err = sql.ErrNoRows
	}
	if err != nil {
		return nil, mailError(err)
	}
	err = s.db.Query(ctx, func(scan scanner) error {
		var d mail.Delivery
		var address string
		var state int64
		err := scan(&d.Seq, &address, &d.Name, &state, &d.Answer)
		if err == nil {
			d.State = mail.DeliveryState(state)
			d.Address, err = mail.ParseAddress(address)
		}
		found.To = append(found.To, d)
		return err
	}, `SELECT seq, address, name, state, answer FROM mail_recipient WHERE mail = $1 ORDER BY mail, seq`, id)
	return found, mailError(err)
}

// Mails is mail.Store's.
func (s *Store) Mails(ctx context.Context, state mail.State, after mail.Mark, limit int) ([]mail.Mail, error) {
	due := int64(0)
	if !after.Due.IsZero() {
		due = micros(after.Due)
	}
	var out []mail.Mail
	err := s.db.Query(ctx, func(scan scanner) error {
		m, err := scanMail(scan)
		out = append(out, m)
		return err
	}, selectMails, int64(state), due, after.ID, int64(limit))
	return out, mailError(err)
}

// CountMails is mail.Store's.
func (s *Store) CountMails(ctx context.Context, state mail.State) (n int, err error) {
	err = s.db.QueryRow(ctx, []any{&n}, `SELECT COUNT(*) FROM mail WHERE state = $1`, int64(state))
	return n, mailError(err)
}

// KeptMail is mail.Store's.
func (s *Store) KeptMail(ctx context.Context, requester xmpp.JID) (bytes int64, err error) {
	err = s.db.QueryRow(ctx, []any{&bytes}, `SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM mail WHERE requester = $1 AND state <> $2`, requester.String(), int64(mail.Gone))
	return bytes, mailError(err)
}

// Settle is mail.Store's.
func (s *Store) Settle(ctx context.Context, x *mail.Settlement) error {
	return s.changeMail(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		for _, d := range x.Deliveries {
			err := t.Queue(ctx, `UPDATE mail_recipient SET state = $3, answer = $4 WHERE mail = $1 AND seq = $2`, x.ID, int64(d.Seq), int64(d.State), d.Answer)
			if err != nil {
				return err
			}
		}
		return t.Queue(ctx, `UPDATE mail SET state = $2, due = $3, tries = $4, problem = $5 WHERE id = $1 AND state <> $6`,
			x.ID, int64(x.State), micros(x.Due), int64(x.Tries), x.Problem, int64(mail.Gone))
	})
}

// Renew is mail.Store's.
func (s *Store) Renew(ctx context.Context, id string, at time.Time) error {
	return s.changeMail(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		err := t.execMail(ctx, `UPDATE mail SET state = $2, due = $3, queued = $3, tries = 0 WHERE id = $1 AND (state = $2 OR state = $4)`,
			id, int64(mail.Waits), micros(at), int64(mail.Failed))
		if err != nil {
			return err
		}
		return t.Queue(ctx, `UPDATE mail_recipient SET state = $2 WHERE mail = $1 AND state <> $3`, id, int64(mail.Pending), int64(mail.Taken))
	})
}

// Discard is mail.Store's.
func (s *Store) Discard(ctx context.Context, id string, at time.Time) error {
	return s.changeMail(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		return t.Queue(ctx, `UPDATE mail SET state = $2, due = $3 WHERE id = $1`, id, int64(mail.Gone), micros(at))
	})
}

// DiscardOld is mail.Store's.
func (s *Store) DiscardOld(ctx context.Context, state mail.State, before, at time.Time) error {
	return s.changeMail(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		return t.Queue(ctx, `UPDATE mail SET state = $3, due = $4 WHERE state = $1 AND due < $2`, int64(state), micros(before), int64(mail.Gone), micros(at))
	})
}

// purgedAtOnce is how many chunks one transaction deletes, and how many mails it looks at.
const purgedAtOnce = 32

// Purge is mail.Store's.
func (s *Store) Purge(ctx context.Context) (more bool, err error) {
	list, err := s.Mails(ctx, mail.Gone, mail.Mark{}, purgedAtOnce)
	if err != nil || len(list) == 0 {
		return false, err
	}
	err = s.changeMail(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		left := int64(purgedAtOnce)
		for _, m := range list {
			n, err := t.Exec(ctx, `DELETE FROM mail_chunk WHERE mail = $1 AND seq IN
				(SELECT c.seq FROM mail_chunk c WHERE c.mail = $1 ORDER BY c.mail, c.seq LIMIT $2)`, m.ID, left)
			if left -= n; err != nil || left <= 0 {
				return err
			}
			err = errors.Join(t.Queue(ctx, `DELETE FROM mail_recipient WHERE mail = $1`, m.ID), t.Queue(ctx, `DELETE FROM mail WHERE id = $1`, m.ID))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return true, err
}

// queueMail sends a draft.
func queueMail(ctx context.Context, t *turn, w *mail.Queued) error {
	return t.execMail(ctx, `UPDATE mail SET state = $2, due = $3, queued = $3, size = $4, chunks = $5 WHERE id = $1 AND state = $6`,
		w.ID, int64(mail.Waits), micros(w.At), w.Size, int64(w.Chunks), int64(mail.Drafted))
}

// toldOfMail notes that the requester knows.
func toldOfMail(ctx context.Context, t *turn, w *mail.ToldOf) error {
	return errors.Join(
		t.Queue(ctx, `UPDATE mail_recipient SET state = $2 WHERE mail = $1 AND state = $3`, w.ID, int64(mail.Told), int64(mail.Refused)),
		t.Queue(ctx, `UPDATE mail SET state = $2, due = $3 WHERE id = $1 AND state <> $4`, w.ID, int64(w.State), micros(w.Due), int64(mail.Gone)))
}
